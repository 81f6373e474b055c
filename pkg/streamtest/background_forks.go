package streamtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// beginFork forks a stream of the world at its tail, or where half of it was written.
func (w *world) beginFork(ctx context.Context, l *stream.Log, name, source string, atTail bool) (*subject, error) {
	from := w.subjects[source]
	f := &stream.Fork{Source: source}
	if !atTail {
		f.At, f.HasAt = from.history.middle(), true
	}
	h, created, err := l.Create(ctx, name, &stream.Create{Fork: f})
	if err == nil && !created {
		err = fmt.Errorf("%s exists already", name)
	}
	if err != nil {
		return nil, err
	}
	// Its source may have been begun again meanwhile.
	from = w.subjects[source]
	s := &subject{name: name, contentType: from.contentType, history: from.history.until(h.Origin.At), written: 1000 + from.written}
	w.subjects[name] = s
	return s, nil
}

// end deletes a stream of the world. If forks need it, it is kept.
func (w *world) end(ctx context.Context, l *stream.Log, name string) error {
	if err := l.Delete(ctx, name); err != nil {
		return err
	}
	delete(w.subjects, name)
	h, err := w.driver.Head(ctx, name, stream.Strong)
	if err == nil && h.Deleted {
		w.kept[name] = true
		return nil
	}
	return unless(err, stream.ErrNoHead)
}

// forks are one of "open" at its tail, one of it in its middle, and one of the latter,
// which inherits from both. The two of them go on, and so does "open".
func (w *world) forks(ctx context.Context) error {
	fork, err := w.beginFork(ctx, w.healthy, "fork", "open", false)
	if err != nil {
		return err
	}
	if err := w.write(ctx, fork, 4); err != nil {
		return err
	}
	second, err := w.beginFork(ctx, w.healthy, "fork of fork", "fork", true)
	if err != nil {
		return err
	}
	// It has nothing of its own.
	if _, err := w.beginFork(ctx, w.healthy, "bare fork", "open", true); err != nil {
		return err
	}
	return errors.Join(w.write(ctx, second, 3), w.write(ctx, fork, 2), w.write(ctx, w.subjects["open"], 2))
}

// kin are streams that were deleted before their forks. One has a fork that lives; of
// another, which is a fork itself, the fork was deleted, but could not be released; and of
// a third the forks are counted wrong.
func (w *world) kin(ctx context.Context) error {
	for _, name := range []string{"deleted source", "forgotten", "miscounted"} {
		s, err := w.begin(ctx, name, stream.Config{ContentType: "application/json"})
		if err != nil {
			return err
		}
		if err := w.write(ctx, s, 5); err != nil {
			return err
		}
		fork, err := w.beginFork(ctx, w.healthy, "fork of "+name, name, true)
		if err != nil {
			return err
		}
		if err := w.write(ctx, fork, 2); err != nil {
			return err
		}
	}
	if _, err := w.beginFork(ctx, w.healthy, "last", "fork of forgotten", true); err != nil {
		return err
	}
	f := NewFaults(w.driver)
	f.Script(Release, 1, Rejected)
	for _, name := range []string{"deleted source", "forgotten", "fork of forgotten", "last"} {
		if err := w.end(ctx, w.process(f, w.objects), name); err != nil {
			return err
		}
	}
	if f.Calls()[Release] != 1 {
		return fmt.Errorf("%d forks were released, want 1", f.Calls()[Release])
	}
	// Both are kept for somebody who is gone.
	delete(w.kept, "forgotten")
	delete(w.kept, "fork of forgotten")
	return w.miscount(ctx)
}

// miscount deletes the stream "miscounted" and its fork, after its head has come to count
// one fork too many.
func (w *world) miscount(ctx context.Context) error {
	h, err := w.driver.Head(ctx, "miscounted", stream.Strong)
	if err != nil {
		return err
	}
	next := h.Clone()
	next.Forks++
	next.Version++
	if err := w.driver.Update(ctx, "miscounted", next); err != nil {
		return err
	}
	err = errors.Join(w.end(ctx, w.healthy, "miscounted"), w.end(ctx, w.healthy, "fork of miscounted"))
	delete(w.kept, "miscounted")
	return err
}

// endFamily deletes "open" and its forks, the eldest first, so that all of it goes with
// the youngest, once what is owed was done.
func (w *world) endFamily(ctx context.Context) error {
	for _, name := range []string{"open", "bare fork", "fork", "fork of fork"} {
		if w.subjects[name] == nil {
			continue
		}
		if err := w.end(ctx, w.healthy, name); unless(err, stream.ErrNotFound) != nil {
			return fmt.Errorf("delete %q: %w", name, err)
		}
		delete(w.subjects, name)
	}
	w.clock.Advance(longTime)
	if err := w.background(ctx, w.healthy); err != nil {
		return err
	}
	for _, name := range []string{"open", "fork"} {
		if h, err := w.driver.Head(ctx, name, stream.Strong); !errors.Is(err, stream.ErrNoHead) {
			return fmt.Errorf("all its forks are gone, and %q has the head %+v, %w", name, h, err)
		}
		delete(w.kept, name)
	}
	return nil
}

// isNeeded reports whether something that forks add to a store is to be there: a lineage
// with its fork, and a note with both. A head of a deleted stream only is with a fork.
func (n *need) isNeeded(it stream.Stored, needed map[stream.Life]*need) bool {
	switch it.Kind {
	case stream.KindLineage:
		return n.origin != nil
	case stream.KindFork:
		fork := needed[it.Fork]
		return fork != nil && fork.origin != nil && fork.origin.Source == it.Life
	case stream.KindHead:
		notes := 0
		for _, fork := range needed {
			if fork.origin != nil && fork.origin.Source == it.Life {
				notes++
			}
		}
		return it.Head.Forks == notes && (!it.Head.Deleted || notes > 0)
	}
	return true
}
