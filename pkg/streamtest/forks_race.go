package streamtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// tryFork forks a life, and reports whether that was done or the source is gone. It fails
// if the driver says so of a source that the rule would fork.
func tryFork(ctx context.Context, d stream.Driver, source stream.Life, name string) (fork *stream.Head, done bool, err error) {
	fork = forkHead(source, stream.Offset{Position: 9})
	err = d.Fork(ctx, name, fork, nil, lineageOf(fork), sampleTime)
	var gone *stream.SourceError
	if !errors.As(err, &gone) {
		return fork, err == nil, err
	}
	if _, ok := stream.Forked(gone.Head, source, sampleTime); ok {
		return fork, false, fmt.Errorf("a fork failed because of a source that is there: %+v", gone.Head)
	}
	return fork, false, nil
}

// testRaceFork lets many fork one stream and release their forks at the same time, and
// many create forks under one name.
func testRaceFork(t *testing.T, d stream.Driver) {
	const workers, each = 6, 8
	ctx := t.Context()
	source := mustSource(t, d, "s").Life("s")
	var mu sync.Mutex
	var living []stream.Life
	together(t, workers, func(i int) error {
		for n := range each {
			name := fmt.Sprintf("fork %d.%d", i, n)
			fork, done, err := tryFork(ctx, d, source, name)
			if err != nil || !done {
				return fmt.Errorf("fork of a living stream: %v, %w", done, err)
			}
			if n%3 == 0 {
				mu.Lock()
				living = append(living, fork.Life(name))
				mu.Unlock()
				continue
			}
			// Twice at once, as a collector and a sweep may.
			errs := make([]error, 2)
			var wg sync.WaitGroup
			for twin := range errs {
				wg.Go(func() { _, errs[twin] = d.Release(ctx, source, fork.Life(name)) })
			}
			wg.Wait()
			if err := errors.Join(errs...); err != nil {
				return err
			}
		}
		return nil
	})
	wantForks(t, d, source, living...)
	if h, _ := wantCounted(t, d, "s"); h.Version != uint64(2+workers*each+workers*each-len(living)) {
		t.Errorf("version %d after %d forks, of which %d were released", h.Version, workers*each, workers*each-len(living))
	}

	forks := make([]*stream.Head, 8)
	for i := range forks {
		forks[i] = forkHead(source, stream.Offset{Position: 9})
	}
	won := onlyOne(t, func(i int) error { return d.Fork(ctx, "one name", forks[i], nil, lineageOf(forks[i]), sampleTime) })
	wantStored(t, d, "one name", forks[won])
	for i, fork := range forks {
		if i != won {
			wantNoFork(t, d, "one name", fork)
		}
	}
	wantForks(t, d, source, append(living, forks[won].Life("one name"))...)
	wantCounted(t, d, "s")
}

// endSource deletes a source as a log does: it removes the head, or marks it if there are
// forks.
func endSource(ctx context.Context, d stream.Driver, source stream.Life) error {
	for range patience {
		h, err := d.Head(ctx, source.Name, stream.Strong)
		if errors.Is(err, stream.ErrNoHead) || err == nil && (h.Incarnation != source.Incarnation || h.Deleted && h.Forks > 0) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Forks > 0 {
			next := h.Clone()
			next.Deleted = true
			next.Version++
			err = d.Update(ctx, source.Name, next)
		} else {
			err = d.Delete(ctx, source.Name, source.Incarnation)
		}
		if _, err = refusal(err); err != nil {
			return err
		}
	}
	return errors.New("the source never ended")
}

// testRaceForkDelete lets forks, releases and a delete of their source meet: no fork is
// without its source, and a source that nobody needs is gone.
func testRaceForkDelete(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	deleted := 0
	for round := range 16 {
		name := fmt.Sprint("s", round)
		head := mustSource(t, d, name)
		source := head.Life(name)
		var released []stream.Life
		if round%2 == 1 {
			_, fork := mustFork(t, d, name, head, "old fork of "+name)
			released = append(released, fork.Life("old fork of "+name))
		}
		forks := make([]*stream.Head, 3)
		together(t, len(forks)+2, func(i int) error {
			if i < len(forks) {
				fork, done, err := tryFork(ctx, d, source, fmt.Sprint("fork ", i, " of ", name))
				if done {
					forks[i] = fork
				} else if stored, err := d.Head(ctx, fmt.Sprint("fork ", i, " of ", name), stream.Strong); !errors.Is(err, stream.ErrNoHead) {
					return fmt.Errorf("a fork that had no effect has the head %+v, %w", stored, err)
				}
				return err
			}
			if i == len(forks) {
				return endSource(ctx, d, source)
			}
			for _, fork := range released {
				h, err := d.Release(ctx, source, fork)
				if err != nil {
					return err
				}
				if h != nil && h.Deleted && h.Forks == 0 {
					// It was the last; if there is another by now, this is refused.
					if _, err := refusal(d.Delete(ctx, name, source.Incarnation)); err != nil {
						return err
					}
				}
			}
			return nil
		})
		var living []stream.Life
		for i, fork := range forks {
			if fork != nil {
				life := fork.Life(fmt.Sprint("fork ", i, " of ", name))
				living = append(living, life)
				wantStored(t, d, life.Name, fork)
				wantLineage(t, d, life, lineageOf(fork))
			}
		}
		wantForks(t, d, source, living...)
		if len(living) == 0 {
			deleted++
			wantStored(t, d, name, nil)
			continue
		}
		h, _ := wantCounted(t, d, name)
		if !h.Deleted {
			t.Fatalf("the source was deleted, and is not marked: %+v", h)
		}
		for n, fork := range living {
			if h, err := d.Release(ctx, source, fork); err != nil || h == nil || h.Forks != len(living)-n-1 || !h.Deleted {
				t.Fatalf("release of fork %d of %d: %+v, %v", n+1, len(living), h, err)
			}
		}
		must(t, d.Delete(ctx, name, source.Incarnation))
	}
	t.Logf("in %d of 16 rounds the delete came first", deleted)
}

// testRaceForkWrites forks a stream while others write to it: everybody comes to an end.
func testRaceForkWrites(t *testing.T, d stream.Driver) {
	const writers, each = 3, 12
	ctx, l := t.Context(), roomy()
	head := mustSource(t, d, "s")
	source := head.Life("s")
	acks := make([][]acked, writers)
	var living []stream.Life
	updates := 0
	together(t, writers+2, func(i int) error {
		switch i {
		case writers:
			for n := range each {
				name := fmt.Sprint("fork ", n)
				fork, done, err := tryFork(ctx, d, source, name)
				if err != nil || !done {
					return fmt.Errorf("fork of a living stream: %v, %w", done, err)
				}
				if n%2 == 0 {
					living = append(living, fork.Life(name))
				} else if _, err := d.Release(ctx, source, fork.Life(name)); err != nil {
					return err
				}
			}
			return nil
		case writers + 1:
			for range patience {
				h, err := d.Head(ctx, "s", stream.Strong)
				if err != nil {
					return err
				}
				next := h.Clone()
				next.Version++
				refused, err := refusal(d.Update(ctx, "s", next))
				if err != nil {
					return err
				}
				if refused == nil {
					if updates++; updates == each {
						return nil
					}
				}
			}
			return errors.New("update never applied")
		}
		for n := range each {
			text := fmt.Sprintf("%d.%d;", i, n)
			h, refused, err := commitUntil(ctx, d, "s", batch(plain(text)), l)
			if err != nil || refused != nil {
				return fmt.Errorf("writer %d, batch %d: refused by %+v: %w", i, n, refused, err)
			}
			acks[i] = append(acks[i], acked{[]string{text}, h.Tail})
		}
		return nil
	})
	wantForks(t, d, source, living...)
	h, _ := wantCounted(t, d, "s")
	if want := uint64(2 + writers*each + each + each + each - len(living)); h.Version != want {
		t.Errorf("version %d, want %d", h.Version, want)
	}
	all := slices.Concat(acks...)
	slices.SortFunc(all, func(a, b acked) int { return a.tail.Compare(b.tail) })
	want := []string{"inherited"}
	for _, a := range all {
		want = append(want, a.texts...)
	}
	if got := texts(h); !slices.Equal(got, want) {
		t.Errorf("the head has the records\n%q, acknowledged were\n%q", got, want)
	}
}

// testRaceForkCrosswise has writes that touch two heads meet in both orders: each comes
// to an end.
func testRaceForkCrosswise(t *testing.T, d stream.Driver) {
	const each = 20
	ctx := t.Context()
	pair := []string{"a", "b"}
	heads := []*stream.Head{mustSource(t, d, "a"), mustSource(t, d, "b")}
	together(t, 4, func(i int) error {
		source, name := heads[i%2].Life(pair[i%2]), pair[1-i%2]
		for n := range each {
			if i < 2 {
				// Refused, once both heads were looked at.
				fork := forkHead(source, stream.Offset{Position: 9})
				refused, err := refusal(d.Fork(ctx, name, fork, nil, lineageOf(fork), sampleTime))
				if err != nil || refused == nil {
					return fmt.Errorf("a fork under the name of another stream: %w", err)
				}
				continue
			}
			fork, done, err := tryFork(ctx, d, source, fmt.Sprint(name, n))
			if err != nil || !done {
				return fmt.Errorf("fork of a living stream: %v, %w", done, err)
			}
			if _, err := d.Release(ctx, source, fork.Life(fmt.Sprint(name, n))); err != nil {
				return err
			}
		}
		return nil
	})
	for i, name := range pair {
		h, forks := wantCounted(t, d, name)
		if len(forks) > 0 || h.Incarnation != heads[i].Incarnation {
			t.Errorf("%q has the head %+v, and the forks %v", name, h, forks)
		}
	}
}
