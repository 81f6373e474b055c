package stream

import (
	"context"
	"errors"
	"fmt"
)

// itemsPart is how many items are looked at before the place is noted. There may be a
// compaction to do for each.
const itemsPart = 100

func (s *sweep) sweepItems(ctx context.Context) {
	s.report.ItemsEnd = s.walk(ctx, "items", s.options.Items, &s.report.Items, func(cursor string) (string, int, error) {
		found, next, err := s.driver.Inventory(ctx, cursor, min(itemsPart, s.options.Items))
		var all litter
		var owing []string
		for _, it := range found {
			if ctx.Err() != nil {
				break
			}
			if it.Kind == KindNotice {
				owing = append(owing, it.Life.Name)
				continue
			}
			if err := s.item(ctx, it, &all); err != nil {
				s.failed(ctx, fmt.Errorf("sweep %s of %q, life %v: %w", it.Kind, it.Life.Name, it.Life.Incarnation, err))
			}
		}
		for _, it := range all {
			if err := s.retire(ctx, it.life, it.chunks, it.staged); err != nil {
				s.failed(ctx, fmt.Errorf("sweep data of %q, life %v: %w", it.life.Name, it.life.Incarnation, err))
				continue
			}
			s.report.Retired += len(it.chunks) + len(it.staged)
		}
		registered, untold := s.Register(ctx, owing)
		s.report.Registered += registered.Records
		s.failed(ctx, untold)
		return next, len(found), err
	})
}

// litter is what is stored of living streams although nobody needs it, in the order in
// which it was found.
type litter []*lifeLitter

type lifeLitter struct {
	life   Life
	chunks []Offset
	staged []StagedID
}

// of returns the litter of a life, to which more is to be added.
func (l *litter) of(life Life) *lifeLitter {
	for _, known := range *l {
		if known.life == life {
			return known
		}
	}
	fresh := &lifeLitter{life: life}
	*l = append(*l, fresh)
	return fresh
}

func (s *sweep) item(ctx context.Context, it Stored, found *litter) error {
	if it.Kind == KindHead {
		return s.stream(ctx, it.Life.Name, it.Head)
	}
	known, err := s.life(ctx, it.Life)
	if err != nil {
		return err
	}
	if known == nil {
		if it.Kind == KindStaged && it.Staged.At > s.unbornBefore {
			return nil // its stream may be about to be created
		}
		return s.orphan(ctx, it.Life)
	}
	if it.Retired {
		return nil
	}
	if it.Kind == KindFork {
		return s.fork(ctx, it.Life, it.Fork)
	}
	switch it.Kind {
	case KindChunk:
		if it.Chunk.To.Segment >= known.compacted {
			return nil
		}
		// What it links is found by itself.
		l := found.of(it.Life)
		l.chunks = append(l.chunks, it.Chunk.To)
	case KindStaged:
		unlinked, err := s.unlinked(ctx, it.Life, it.Staged)
		if err != nil || !unlinked {
			return err
		}
		l := found.of(it.Life)
		l.staged = append(l.staged, it.Staged)
	}
	return nil
}

// stream looks after a stream whose head was found: it may be over, idle, or have
// segments that ended and are not in objects.
func (s *sweep) stream(ctx context.Context, name string, h *Head) error {
	now := s.now()
	switch {
	case h.Expired(now.Add(-expiredFor)), h.Deleted:
		return s.expire(ctx, name)
	case h.CompactionOwed():
	case s.objects != nil && h.sealable() && now.Sub(h.UsedAt) >= s.options.IdleAfter:
		next := h.Clone()
		next.Sealed, next.Ended = true, true
		next.Version++
		err := s.retry(ctx, func() error { return s.driver.Update(ctx, name, next) })
		var refused *RefusedError
		if errors.As(err, &refused) {
			return nil // it was used
		}
		if err != nil {
			return err
		}
		s.report.Sealed++
	default:
		return nil
	}
	done, err := s.Compact(ctx, name)
	s.report.Segments += done.Segments
	s.report.Bytes += done.Bytes
	return err
}

// sealable reports whether the last segment of an idle stream is worth an object: what
// is all in the head is best kept there.
func (h *Head) sealable() bool {
	from := h.BufferFrom()
	return !h.Closed && !h.Sealed && from.Segment == h.Tail.Segment && from.Position > 0 && h.Compacted == from.Segment
}

// expire removes the head of a stream that is over, unless forks need it. Its data is then
// owed.
func (s *sweep) expire(ctx context.Context, name string) error {
	h, err := s.driver.Head(ctx, name, Strong)
	if errors.Is(err, ErrNoHead) || err == nil && !h.Deleted && !h.Expired(s.now().Add(-expiredFor)) {
		return nil
	}
	if err == nil {
		h, err = s.recount(ctx, name, h)
	}
	switch {
	case err != nil || h == nil:
		return err
	case h.Forks > 0:
		return s.bury(ctx, name, h)
	}
	removed, err := s.remove(ctx, name, h)
	if err != nil || !removed {
		return err
	}
	s.report.Expired++
	if h.Origin != nil {
		return s.release(ctx, h.Life(name), h.Origin.Source)
	}
	return nil
}

// bury says in the head of an expired stream that is kept for its forks that it is over,
// if the registry is to tell so, which it does once.
func (s *sweep) bury(ctx context.Context, name string, h *Head) error {
	owed := h.ending()
	if len(owed) == 0 {
		return nil
	}
	next := h.Clone()
	next.Deleted = true
	next.Version++
	err := s.retry(ctx, func() error { return s.driver.Update(ctx, name, next, owed...) })
	var refused *RefusedError
	if errors.As(err, &refused) {
		return nil // it was forked or released; the next run does it
	}
	if err != nil {
		return err
	}
	s.noticed(name, owed)
	return nil
}
