package stream

import (
	"context"
	"errors"
	"time"
)

// Create is a request to create a stream (PROTOCOL.md sections 5.1 and 4.2).
type Create struct {
	Config
	// Fork is nil unless the stream is to inherit from another one. Then an empty content
	// type is the source's, and no expiry is the source's too.
	Fork *Fork
	// Records are the stream's first content.
	Records Records
	// Closed creates the stream closed.
	Closed bool
}

// Create creates a stream, or finds that it exists as asked for. It returns the
// head, and whether it is new. It fails with [*ConfigError] or [ErrGone], without
// effect; with [ErrUnavailable], without effect; or with [ErrUnsettled]. A fork fails
// also with [ErrNoSource] or [ErrSourceGone], with [*ContentTypeError], [ErrRegistryFork],
// [ErrBadOffset] or [ErrTooDeep], all without effect. A registry is not created by clients
// ([ErrReadOnly]).
//
// Cost: one conditional write, and another one to replace an expired stream. A fork
// costs a read of its source's head, a flush of its buffer, one or two reads of what is
// stored at the place where it parts, and a transaction of four items.
func (l *Log) Create(ctx context.Context, name string, c *Create) (h *Head, created bool, err error) {
	if l.registry.Is(name) {
		return nil, false, ErrReadOnly
	}
	ctx, cancel := l.writing(ctx)
	defer cancel()
	if c.Fork != nil {
		return l.createFork(ctx, name, c)
	}
	return l.put(ctx, name, &creation{Create: c})
}

// forkedFrom is a difference between streams.
const forkedFrom = "what it is forked from, and where"

// matches returns nil if a stream is as asked for, with a configuration that is complete,
// and otherwise a [*ConfigError].
func (c *Create) matches(want Config, h *Head) error {
	var differs []string
	if MediaType(want.ContentType) != MediaType(h.ContentType) {
		differs = append(differs, "content type")
	}
	if want.HasTTL != h.HasTTL || want.TTL != h.TTL || !want.ExpiresAt.Equal(h.ExpiresAt) {
		differs = append(differs, "expiry")
	}
	if c.Closed != h.Closed {
		differs = append(differs, "closure")
	}
	if !c.Fork.asks(h.Origin) {
		differs = append(differs, forkedFrom)
	}
	if differs == nil {
		return nil
	}
	return &ConfigError{Differs: differs}
}

// creation is a request to create a stream, and what it inherits, if it does.
type creation struct {
	*Create
	origin  *Origin
	lineage *Lineage
}

// put stores the head of a new stream, or finds that it exists as asked for.
func (l *Log) put(ctx context.Context, name string, c *creation) (h *Head, created bool, err error) {
	fresh, err := l.fresh(ctx, name, c)
	if err != nil {
		return nil, false, err
	}
	var replaced *Head
	// doubt is why an attempt may still happen: no later one says that nothing did.
	var doubt error
	// lives are the heads of such attempts.
	var lives []*Head
	for range maxAttempts {
		owed := append(replaced.ending(), fresh.beginning()...)
		err := l.retry(ctx, func() error {
			if c.lineage != nil {
				return l.driver.Fork(ctx, name, fresh, replaced, c.lineage, l.now(), owed...)
			}
			return l.driver.Create(ctx, name, fresh, replaced, owed...)
		})
		var refused *RefusedError
		var moved *SourceError
		switch {
		case errors.As(err, &moved):
			return nil, false, err
		case err == nil:
			l.created(name, fresh, owed)
			return fresh, true, nil
		case errors.As(err, &refused):
		case certain(err) && doubt != nil:
			return nil, false, unsettled(doubt)
		case certain(err):
			return nil, false, unavailable(err)
		default:
			doubt = err
			// The outcome is unknown: what is stored now tells. If that is nothing, the life
			// may have begun and be over: its data is about to be discarded, so the next
			// attempt begins another one.
			stored, readErr := l.driver.Head(ctx, name, Strong)
			if readErr != nil && !errors.Is(readErr, ErrNoHead) {
				return nil, false, unsettled(err)
			}
			refused = &RefusedError{Head: stored}
			lives = append(lives, fresh)
			if stored == nil {
				if fresh, err = l.fresh(ctx, name, c); err != nil {
					return nil, false, unsettled(err)
				}
			}
		}
		if h := refused.Head; h != nil {
			for _, mine := range lives {
				if mine.Incarnation == h.Incarnation {
					fresh = mine
				}
			}
		}
		switch h := refused.Head; {
		case h == nil:
			replaced = nil
		case h.Incarnation == fresh.Incarnation:
			l.created(name, fresh, owed)
			return fresh, true, nil
		case errors.Is(h.gone(l.now()), ErrGone):
			return nil, false, settled(doubt, ErrGone)
		case h.Expired(l.now()):
			replaced = h
		default:
			if err := c.matches(fresh.Config, h); err != nil {
				return nil, false, settled(doubt, err)
			}
			h, err := l.renew(ctx, name, h, h.TTL)
			if errors.Is(err, ErrNotFound) {
				// It ended between our two requests: ask again.
				replaced = nil
				continue
			}
			return h, false, err
		}
	}
	if doubt != nil {
		return nil, false, unsettled(doubt)
	}
	return nil, false, unavailable(ErrNotApplied)
}

// settled is the answer to a create that found something else: with a doubt, an attempt of
// its own may have come, and have been over, before that.
func settled(doubt, found error) error {
	if doubt != nil {
		return unsettled(doubt)
	}
	return found
}

// created tells who needs to know that a stream was created.
func (l *Log) created(name string, fresh *Head, owed []Notice) {
	l.lives.forget(name)
	l.hub.announce(name, fresh)
	if fresh.Ended {
		l.ended(name)
	}
	l.noticed(name, owed)
}

// fresh returns the head of a new stream, after staging content that is too large
// for its buffer. A crash then leaves items of a life that never began.
func (l *Log) fresh(ctx context.Context, name string, c *creation) (*Head, error) {
	a := &Append{ContentType: c.ContentType, Records: c.Records, Close: c.Closed}
	b := l.newBatch(l.clock(), a)
	now := b.Now
	h := &Head{
		Incarnation:  l.newIncarnation(),
		Config:       c.Config,
		CreatedAt:    now,
		Deadline:     c.deadline(now),
		Unregistered: !l.registry.On || l.registry.Is(name),
	}
	h.ExpiresAt = truncate(h.ExpiresAt)
	if c.origin != nil {
		h.inherit(c.origin)
	}
	if a.staged(l.limits) {
		entries, err := l.stage(ctx, h.Life(name), a)
		if err != nil {
			return nil, unavailable(err)
		}
		b.Staged = entries
	}
	h.note(a, now, l.limits)
	h.add(b, l.limits)
	return h, nil
}

// inherit makes the head of a new stream that of a fork: its own records begin in the
// segment after the one in which it parts from its source, and none before is its own.
func (h *Head) inherit(o *Origin) {
	h.Origin, h.Tail = o, o.At
	h.Sealed, h.Compacted = true, o.At.Segment+1
	// The tail's position is a count of one of them; of the other nothing is known.
	if h.Unit() == Messages {
		h.SegmentCount = int(o.At.Position)
	} else {
		h.SegmentSize = int(o.At.Position)
	}
}

// truncate cuts a time to what stores keep.
func truncate(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}
