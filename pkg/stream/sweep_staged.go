package stream

import (
	"context"
	"errors"
	"fmt"
)

// links are the staged parts that a life's records are in.
type links map[StagedID]bool

// unlinked reports whether a staged part of a living stream may go: it is old, and
// nothing links it nor ever will. To be sure of that, the head is told first
// ([Head.StagedAfter]): a process that slept since it staged the part finds its commit
// refused, and stages again.
func (s *sweep) unlinked(ctx context.Context, life Life, id StagedID) (bool, error) {
	if id.At > s.litterBefore {
		return false, nil
	}
	if final, found := s.fenced[life.Incarnation]; found {
		return !final[id], nil
	}
	seen, found := s.linked[life.Incarnation]
	if !found {
		h, err := s.head(ctx, life)
		if err != nil || h == nil {
			return false, err
		}
		if seen, err = s.links(ctx, life, h); err != nil {
			return false, err
		}
		s.linked[life.Incarnation] = seen
	}
	if seen[id] {
		return false, nil
	}
	for range maxAttempts {
		// It may have been linked since its head was read.
		h, err := s.head(ctx, life)
		if err != nil || h == nil {
			return false, err
		}
		if h, err = s.fence(ctx, life, h); err != nil {
			return false, err
		}
		if h == nil {
			continue
		}
		final, err := s.links(ctx, life, h)
		if err != nil {
			return false, err
		}
		s.fenced[life.Incarnation] = final
		return !final[id], nil
	}
	return false, unavailable(ErrNotApplied)
}

// head reads the head of a life; nil if that is over.
func (s *sweep) head(ctx context.Context, life Life) (*Head, error) {
	h, err := s.driver.Head(ctx, life.Name, Strong)
	if err != nil || h.Incarnation != life.Incarnation {
		return nil, unlessGone(err)
	}
	return h, nil
}

// fence makes sure that nothing staged before the litter's age is linked any more, and
// returns the head that says so; nil if the head moved.
func (s *sweep) fence(ctx context.Context, life Life, h *Head) (*Head, error) {
	if h.StagedAfter >= s.litterBefore {
		return h, nil
	}
	next := h.Clone()
	next.StagedAfter = s.litterBefore
	next.Version++
	err := s.retry(ctx, func() error { return s.driver.Update(ctx, life.Name, next) })
	var refused *RefusedError
	if errors.As(err, &refused) {
		return nil, nil
	}
	return next, err
}

// links returns what the buffer of a head and the chunks behind it link. Chunks of
// segments that are in objects do not count.
func (s *sweep) links(ctx context.Context, life Life, h *Head) (links, error) {
	all := make(links)
	add := func(id StagedID) {
		if id != (StagedID{}) {
			all[id] = true
		}
	}
	for _, e := range h.Buffer {
		add(e.Staged)
	}
	at := Offset{Segment: h.Compacted}
	for {
		chunks, err := s.driver.Chunks(ctx, life, at, s.limits.PageSize)
		if err != nil {
			return nil, err
		}
		if len(chunks) == 0 {
			return all, nil
		}
		for _, c := range chunks {
			add(c.Staged)
			at = c.To
		}
	}
}

// unlessGone is err, or nil if it says that the stream is gone.
func unlessGone(err error) error {
	if errors.Is(err, ErrNoHead) {
		return nil
	}
	return err
}

// objectsPart is how many objects are looked at before the place is noted: one list.
const objectsPart = 1000

func (s *sweep) sweepObjects(ctx context.Context) {
	if s.objects == nil {
		s.report.ObjectsEnd = true
		return
	}
	if err := s.own(ctx); err != nil {
		s.failed(ctx, fmt.Errorf("sweep objects: %w", err))
		return
	}
	s.report.ObjectsEnd = s.walk(ctx, "objects", s.options.Objects, &s.report.Objects, func(after string) (string, int, error) {
		max := min(objectsPart, s.options.Objects)
		keys, err := s.objects.ListObjects(ctx, objectRoot, after, max)
		if err != nil {
			return after, 0, err
		}
		var litter []string
		for _, key := range keys {
			if ctx.Err() != nil {
				return after, 0, nil
			}
			remove, err := s.object(ctx, key)
			if err != nil {
				s.failed(ctx, fmt.Errorf("sweep object %s: %w", key, err))
			}
			if remove {
				litter = append(litter, key)
			}
		}
		if len(litter) > 0 {
			if err := s.retry(ctx, func() error { return s.objects.RemoveObjects(ctx, litter) }); err != nil {
				s.failed(ctx, fmt.Errorf("sweep objects: %w", err))
			} else {
				s.report.Removed += len(litter)
			}
		}
		if len(keys) < max {
			return "", len(keys), nil
		}
		return keys[len(keys)-1], len(keys), nil
	})
}

// object reports whether an object is to be removed by itself. All of those of a life
// that is over go at once.
func (s *sweep) object(ctx context.Context, key string) (remove bool, err error) {
	o, ok := ParseObjectKey(key)
	if !ok {
		s.report.Foreign++
		return false, nil
	}
	known, err := s.life(ctx, o.Life)
	switch {
	case err != nil:
		return false, err
	case known == nil && o.Staged != (StagedID{}) && o.Staged.At > s.unbornBefore:
		return false, nil // its stream may be about to be created
	case known == nil:
		return false, s.orphan(ctx, o.Life)
	case o.Staged == (StagedID{}):
		return false, nil
	}
	return s.unlinked(ctx, o.Life, o.Staged)
}
