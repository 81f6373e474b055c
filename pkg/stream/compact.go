package stream

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// Compaction reports a run of [Log.Compact].
type Compaction struct {
	// Segments counts the segments that are in objects now, Bytes their objects' sizes.
	Segments int
	Bytes    int64
}

// compactTo returns the number below which all segments of h are to be in objects:
// those that ended. The last one of a stream that is closed or sealed counts if some
// of it left the head; if not, it is best kept there, with nothing to look up.
func (h *Head) compactTo() uint64 {
	to := h.Tail.Segment
	from := h.BufferFrom()
	if (h.Closed || h.Sealed) && from.Segment == to && from.Position > 0 {
		to++
	}
	return to
}

// CompactionOwed reports whether segments ended that are not in objects yet.
func (h *Head) CompactionOwed() bool { return h.Compacted < h.compactTo() }

// Compact moves the segments of a stream that ended into objects, one after the
// other. No writer and no reader waits for it. It may be repeated, run in several
// processes at once, and stop at any point: what it finds done it does not do again.
//
// What a crash leaves behind, step by step: chunks that are also in the buffer; an
// object that no manifest names, which the next run puts again, byte by byte the same;
// a manifest that the head does not know of, which the next run finds; chunks that
// nobody needs, which the sweep retires.
//
// It fails with [ErrUnavailable] where the store or the objects do, and with
// [ErrDamaged] where records are not as they should be: then somebody has to look.
//
// Cost of a segment: a strong read of its records; one put and one read of the
// object, a write each of manifest and head, and one of each chunk.
func (l *Log) Compact(ctx context.Context, name string) (Compaction, error) {
	var done Compaction
	if l.objects == nil || !l.compactions.begin(name) {
		return done, nil
	}
	defer l.compactions.end(name)
	// torn is the head under which something was missing.
	var torn *Head
	for attempt := 0; attempt < maxAttempts; {
		h, err := l.driver.Head(ctx, name, Strong)
		switch {
		case errors.Is(err, ErrNoHead):
			return done, nil
		case err != nil:
			return done, unavailable(err)
		case !h.CompactionOwed():
			return done, nil
		}
		m, err := l.compact(ctx, name, h)
		var refused *RefusedError
		switch {
		case err == nil:
			done.Segments++
			done.Bytes += m.Size
			attempt = 0
		case errors.As(err, &refused):
			// Somebody else got there first, or the stream is gone: look again.
			attempt++
		case errors.Is(err, errGap) && (torn == nil || h.Incarnation != torn.Incarnation || h.Compacted != torn.Compacted):
			// Somebody may have moved it, or be putting chunks while they are listed.
			torn = h
			attempt++
		default:
			return done, compactionError(name, h, err)
		}
	}
	return done, unavailable(ErrNotApplied)
}

// compactionError says what could not be compacted, and whether trying again can help.
func compactionError(name string, h *Head, err error) error {
	for _, wrong := range []error{errGap, errTornFrames, segment.ErrCorrupt, ErrObjectExists} {
		if errors.Is(err, wrong) {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
			break
		}
	}
	if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrUnavailable) {
		err = unavailable(err)
	}
	return fmt.Errorf("compact %q, life %v, segment %d: %w", name, h.Incarnation, h.Compacted, err)
}

// compact moves the first segment of h that is not in an object into one, and returns
// its manifest. It is refused, or fails with errGap, where h is out of date.
func (l *Log) compact(ctx context.Context, name string, h *Head) (Manifest, error) {
	n, life := h.Compacted, h.Life(name)
	if len(h.Buffer) > 0 && h.Buffer[0].To.Segment <= n {
		var err error
		if h, err = l.flush(ctx, name, h); err != nil {
			return Manifest{}, err
		}
	}
	s := &sealed{life: life, number: n, unit: h.Unit()}
	m, found, err := l.storedManifest(ctx, life, n)
	switch {
	case err != nil:
	case found:
		// An earlier run stopped here. Its chunks are still to be let go.
		err = l.walk(ctx, h, s, func(Chunk, Offset) error { return nil })
	default:
		m, err = l.store(ctx, h, s)
	}
	switch {
	case err != nil:
		return Manifest{}, err
	case m.From != s.from || m.To != s.to:
		return Manifest{}, fmt.Errorf("%w: the manifest is of %v to %v, but the chunks are of %v to %v", ErrDamaged, m.From, m.To, s.from, s.to)
	}
	if err := l.settleCompact(ctx, life, n+1); err != nil {
		return Manifest{}, err
	}
	return m, l.retire(ctx, life, s.chunks, s.links)
}

// store puts the object of a sealed segment and then its manifest, and returns the
// manifest that is stored: another process may have been faster.
func (l *Log) store(ctx context.Context, h *Head, s *sealed) (Manifest, error) {
	m, err := l.writeObject(ctx, h, s)
	if err != nil {
		return Manifest{}, err
	}
	err = l.retry(ctx, func() error { return l.driver.PutManifest(ctx, s.life, m) })
	if err == nil {
		return m, nil
	}
	// Refused or unknown: what is stored decides, if anything is.
	stored, found, readErr := l.storedManifest(ctx, s.life, s.number)
	if readErr != nil || !found {
		return Manifest{}, errors.Join(err, readErr)
	}
	return stored, nil
}

// storedManifest returns a segment's manifest if it is stored.
func (l *Log) storedManifest(ctx context.Context, life Life, n uint64) (Manifest, bool, error) {
	manifests, err := l.driver.Manifests(ctx, life, Offset{Segment: n}, 1)
	if err != nil || len(manifests) == 0 || manifests[0].Segment != n {
		return Manifest{}, false, err
	}
	return manifests[0], true, nil
}

// settleCompact says in the head that the segments below a number are in objects.
func (l *Log) settleCompact(ctx context.Context, life Life, segments uint64) error {
	for attempt := 0; ; attempt++ {
		h, err := l.driver.Compact(ctx, life, segments)
		var refused *RefusedError
		switch {
		case err == nil:
			l.hub.announce(life.Name, h)
			return nil
		case errors.As(err, &refused):
			if h := refused.Head; h != nil && h.Incarnation == life.Incarnation && h.Compacted >= segments {
				return nil
			}
			return err
		case errors.Is(err, ErrRejected) || l.pause(ctx, attempt) != nil || attempt == maxAttempts:
			return unavailable(err)
		}
	}
}

// writeObject writes a segment into an object, reads it back, and returns its manifest.
func (l *Log) writeObject(ctx context.Context, h *Head, s *sealed) (Manifest, error) {
	spool, err := l.spool()
	if err != nil {
		return Manifest{}, err
	}
	defer spool.Close()
	summary, tail, err := l.writeSegment(ctx, h, s, spool)
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{
		Segment: s.number, From: s.from, To: s.to,
		Count:  int(summary.Frames),
		Object: SegmentKey(s.life, s.number),
		Size:   summary.Size, CRC: summary.CRC, Tail: shortTail(tail),
	}
	body := io.NewSectionReader(spool, 0, m.Size)
	if err := l.retry(ctx, func() error { return l.objects.PutObject(ctx, m.Object, body) }); err != nil {
		return Manifest{}, fmt.Errorf("put %s: %w", m.Object, err)
	}
	return m, l.verifyObject(ctx, m)
}
