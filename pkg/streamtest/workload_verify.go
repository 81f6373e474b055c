package streamtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/fsck"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Verify lets the background work come to its end, once nothing fails any more, and compares
// what is stored with what clients were told: each stream and fork holds what its history
// demands, the registry tells of each life once, all that ended is compacted, all that is
// over is gone, and fsck finds neither damage nor litter.
func (w *Workload) Verify(ctx context.Context) error {
	if err := w.converge(ctx); err != nil {
		return err
	}
	for _, s := range w.streams {
		if err := s.verify(ctx, w); err != nil {
			return fmt.Errorf("stream %q: %w", s.name, err)
		}
	}
	if err := w.world.compare(); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	return InOrder(ctx, w.healthy, w.world.clock.Now)
}

// converge sweeps until there is nothing left to do.
func (w *Workload) converge(ctx context.Context) error {
	const rounds = 4
	for range rounds {
		w.world.clock.Advance(veryLongTime)
		done, err := w.world.spare.Sweep(ctx, stream.SweepOptions{IdleAfter: longTime, Items: 100_000, Objects: 100_000, Lives: 1000})
		if err != nil || !done.ItemsEnd || !done.ObjectsEnd {
			return fmt.Errorf("a sweep without faults: %+v, %w", done, err)
		}
	}
	return nil
}

func (s *working) verify(ctx context.Context, w *Workload) error {
	d, o := w.healthy.Driver, w.healthy.Objects
	if s.deleted {
		if h, err := s.spare.Head(ctx, s.name); !errors.Is(err, stream.ErrGone) && !errors.Is(err, stream.ErrNotFound) {
			return fmt.Errorf("it was deleted, and has the head %+v, %w", h, err)
		}
	} else if err := s.stillThere(ctx, w); err != nil {
		return err
	}
	if s.forkDeleted {
		for _, name := range []string{s.name, s.fork.name} {
			if h, err := d.Head(ctx, name, stream.Strong); !errors.Is(err, stream.ErrNoHead) {
				return fmt.Errorf("%q was deleted, and has the head %+v, %w", name, h, err)
			}
		}
		return nil
	}
	if err := s.fork.history.Verify(ctx, s.spare, d, o, s.fork.name); err != nil {
		return fmt.Errorf("its fork: %w", err)
	}
	return nil
}

// stillThere checks a stream that was not deleted.
func (s *working) stillThere(ctx context.Context, w *Workload) error {
	if err := s.history.Verify(ctx, s.spare, w.healthy.Driver, w.healthy.Objects, s.name); err != nil {
		return err
	}
	all, err := scan(ctx, s.spare, s.name)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(all.text, s.seen) {
		return fmt.Errorf("a reader got something else: %s", firstDifference(s.seen, all.text))
	}
	if all.head.CompactionOwed() {
		return fmt.Errorf("a segment that ended is not in an object: %+v", all.head)
	}
	return nil
}

// InOrder checks a store as a whole: fsck finds neither damage nor litter, and no life is over
// whose data is still to be discarded.
func InOrder(ctx context.Context, s Store, now func() time.Time) error {
	found, err := fsck.Store(ctx, s.Driver, s.Objects, fsck.Options{Now: now})
	if err != nil {
		return err
	}
	for what, litter := range found.Litter {
		if litter.Count > 0 {
			err = errors.Join(err, fmt.Errorf("litter: %d %s, of %v", litter.Count, what, litter.Names))
		}
	}
	if found.Damaged > 0 || found.Unchecked > 0 || found.Owed > 0 {
		err = errors.Join(err, fmt.Errorf("fsck: %d damaged, %d unchecked, %d lives owed: %w", found.Damaged, found.Unchecked, found.Owed, errors.Join(found.Problems...)))
	}
	return err
}
