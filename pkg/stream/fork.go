package stream

import (
	"context"
	"errors"
	"fmt"
)

// Fork says from where a new stream inherits (PROTOCOL.md section 4.2).
type Fork struct {
	// Source is the name of the stream that it parts from, at the offset At, or, if
	// HasAt is false, at its tail.
	Source string
	At     Offset
	HasAt  bool
	// Sub moves that place onwards, by messages of a JSON stream and bytes of any other,
	// within the segment. It needs an offset.
	Sub uint64
}

// Origin is where a fork comes from.
type Origin struct {
	// Source is the stream that it parted from.
	Source Life
	// At is the place: what precedes it is inherited. The fork's own records begin there,
	// in the next segment.
	At Offset
	// Anchor and Sub are how its creator named the place.
	Anchor Offset
	Sub    uint64
}

// Lineage is what a fork inherits. It never changes.
type Lineage struct {
	// Source is the stream that the fork parted from.
	Source Life
	// Ranges says whose records they are, from the start of the stream on: those of each
	// life up to its To. They are flat: a fork of a fork of a fork has three.
	Ranges []Inherited
}

// Inherited is a part of a lineage.
type Inherited struct {
	Life Life
	To   Offset
}

// maxRanges bounds a lineage, and so the size of what is stored for it.
const maxRanges = 100

// asks reports whether an existing stream is the fork that is asked for. Who names no
// offset asks for any place: he may be repeating a request since which the source grew.
func (f *Fork) asks(o *Origin) bool {
	if f == nil || o == nil {
		return f == nil && o == nil
	}
	return o.Source.Name == f.Source && (!f.HasAt || o.Anchor == f.At && o.Sub == f.Sub)
}

// createFork creates a stream that inherits. Nothing is copied: the source's buffer is
// flushed, so that what is inherited is in chunks or objects, and from then on both
// streams are read from there.
func (l *Log) createFork(ctx context.Context, name string, c *Create) (h *Head, created bool, err error) {
	if l.registry.Is(c.Fork.Source) {
		return nil, false, ErrRegistryFork
	}
	for range maxAttempts {
		source, err := l.driver.Head(ctx, c.Fork.Source, Strong)
		if err != nil && !errors.Is(err, ErrNoHead) {
			return nil, false, unavailable(err)
		}
		if err := source.gone(l.now()); err != nil {
			return l.existingFork(ctx, name, c, err)
		}
		if name == c.Fork.Source {
			return nil, false, &ConfigError{Differs: []string{forkedFrom}}
		}
		f, err := l.prepareFork(ctx, source, c)
		if errors.Is(err, errGap) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrGone) {
			continue // the source ended meanwhile: its head tells how
		}
		if err != nil {
			return nil, false, err
		}
		h, created, err = l.put(ctx, name, f)
		var moved *SourceError
		if !errors.As(err, &moved) {
			return h, created, err
		}
	}
	return nil, false, unavailable(ErrNotApplied)
}

// existingFork answers a request for a fork whose source is gone: by the fork, if it was
// created before.
func (l *Log) existingFork(ctx context.Context, name string, c *Create, gone error) (*Head, bool, error) {
	answer := ErrNoSource
	if errors.Is(gone, ErrGone) {
		answer = ErrSourceGone
	}
	h, err := l.Head(ctx, name)
	switch {
	case errors.Is(err, ErrUnavailable):
		return nil, false, err
	case err != nil || !c.Fork.asks(h.Origin):
		return nil, false, answer
	}
	// What it does not ask for it has of its source, and so the fork has.
	if err := c.matches(c.Config.inherit(h.Config), h); err != nil {
		return nil, false, err
	}
	return h, false, nil
}

// prepareFork makes the request complete, and sees to it that what is inherited can be
// read.
func (l *Log) prepareFork(ctx context.Context, source *Head, c *Create) (*creation, error) {
	if c.ContentType != "" && MediaType(c.ContentType) != MediaType(source.ContentType) {
		return nil, &ContentTypeError{Stream: source.ContentType, Given: c.ContentType}
	}
	whole := *c
	whole.Config = c.Config.inherit(source.Config)
	at, anchor, err := l.forkPoint(ctx, source, c.Fork)
	if err != nil {
		return nil, err
	}
	if source.BufferFrom().Before(at) {
		_, err := l.flush(ctx, c.Fork.Source, source)
		var refused *RefusedError
		if err != nil && !errors.As(err, &refused) { // somebody else flushed
			return nil, unavailable(err)
		}
	}
	life := source.Life(c.Fork.Source)
	lineage, err := l.extend(ctx, life, source.Origin, at)
	if err != nil {
		return nil, err
	}
	return &creation{Create: &whole, lineage: lineage, origin: &Origin{Source: life, At: at, Anchor: anchor, Sub: c.Fork.Sub}}, nil
}

// inherit fills in what a fork's request leaves to its source: the content type, and the
// expiry if it asks for none (PROTOCOL.md section 4.2, the table).
func (c Config) inherit(source Config) Config {
	if c.ContentType == "" {
		c.ContentType = source.ContentType
	}
	if !c.HasTTL && c.ExpiresAt.IsZero() {
		c.HasTTL, c.TTL, c.ExpiresAt = source.HasTTL, source.TTL, source.ExpiresAt
	}
	return c
}

// forkPoint returns the place at which a fork parts from its source, and the offset that
// it was named by. It fails with ErrBadOffset if the source has no such place.
func (l *Log) forkPoint(ctx context.Context, source *Head, f *Fork) (at, anchor Offset, err error) {
	at = source.Tail
	if f.HasAt {
		at = f.At
	}
	anchor = at
	if f.Sub > 0 {
		if at == source.Tail {
			return at, anchor, fmt.Errorf("%w: nothing follows %v", ErrBadOffset, at)
		}
		// The place may be the end of its segment; then what follows is in the next.
		p, err := l.readUnder(ctx, f.Source, source, at, 1, ahead{})
		if err != nil {
			return at, anchor, err
		}
		if p.Next.Segment != at.Segment {
			at = Offset{Segment: p.Next.Segment}
		}
		at.Position += f.Sub
	}
	switch {
	case source.Tail.Before(at) || at.Position < f.Sub || at.Position == 0 && at.Segment > 0:
		return at, anchor, fmt.Errorf("%w: %v is not a place of the source", ErrBadOffset, at)
	case at == source.Tail || at == Offset{}:
		return at, anchor, nil
	}
	_, err = l.readUnder(ctx, f.Source, source, at, 1, ahead{})
	return at, anchor, err
}

// extend returns the lineage of a fork that parts from a life at some place.
func (l *Log) extend(ctx context.Context, source Life, origin *Origin, at Offset) (*Lineage, error) {
	next := &Lineage{Source: source}
	own := Inherited{Life: source, To: at}
	if origin != nil {
		before, err := l.lineage(ctx, source)
		if err != nil {
			return nil, err
		}
		for _, r := range before.Ranges {
			if !r.To.Before(at) {
				own = Inherited{Life: r.Life, To: at}
				break
			}
			next.Ranges = append(next.Ranges, r)
		}
		if own.Life == source && !origin.At.Before(at) {
			return next, nil
		}
	}
	if at != (Offset{}) {
		next.Ranges = append(next.Ranges, own)
	}
	if len(next.Ranges) > maxRanges {
		return nil, ErrTooDeep
	}
	return next, nil
}
