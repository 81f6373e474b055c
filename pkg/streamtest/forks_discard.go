package streamtest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// discardAll discards a life in steps.
func discardAll(t *testing.T, d stream.Driver, life stream.Life, max int) {
	t.Helper()
	for range 1000 {
		done, err := d.Discard(t.Context(), life, max)
		must(t, err)
		if done {
			return
		}
	}
	t.Fatal("discarding has no end")
}

// testDiscardForks: the lineage of a life and the notes of its forks are discarded with
// its data, and nothing else is.
func testDiscardForks(t *testing.T, d stream.Driver) {
	source := mustSource(t, d, "s")
	neighbour := mustSource(t, d, "s/")
	_, aside := mustFork(t, d, "s/", neighbour, "aside")
	source, middle := mustFork(t, d, "s", source, "middle")
	var forks []stream.Life
	for n := range 15 {
		var fork *stream.Head
		middle, fork = mustFork(t, d, "middle", middle, fmt.Sprint("fork ", n))
		forks = append(forks, fork.Life(fmt.Sprint("fork ", n)))
	}
	must(t, d.PutChunk(t.Context(), middle.Life("middle"), chunkAt(stream.Offset{Position: 9}, "some text")))

	discardAll(t, d, middle.Life("middle"), 4)
	wantForks(t, d, middle.Life("middle"))
	wantLineage(t, d, middle.Life("middle"), nil)
	wantChunks(t, allChunks(t, d, middle.Life("middle"), stream.Offset{}, 100), nil)
	wantStored(t, d, "middle", middle)
	check := func() {
		t.Helper()
		for _, fork := range forks {
			wantLineage(t, d, fork, lineageOf(forkHead(middle.Life("middle"), middle.Tail)))
		}
		wantForks(t, d, source.Life("s"), middle.Life("middle"))
		wantForks(t, d, neighbour.Life("s/"), aside.Life("aside"))
		wantLineage(t, d, aside.Life("aside"), lineageOf(aside))
		wantStored(t, d, "s", source)
	}
	check()
	discardAll(t, d, middle.Life("middle"), 1)
	check()
	for _, fork := range forks {
		discardAll(t, d, fork, 100)
		wantLineage(t, d, fork, nil)
	}
	forks = nil
	check()
}

// testInventoryForks: a walk finds the lineages and the notes of all forks, until they are
// released and discarded.
func testInventoryForks(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	w := newStocked()
	head := func(name string, h *stream.Head) {
		w.add(stream.Stored{Kind: stream.KindHead, Life: h.Life(name), Head: h})
	}
	noted := func(source, fork stream.Life) stream.Stored {
		return stream.Stored{Kind: stream.KindFork, Life: source, Fork: fork}
	}
	lineage := func(fork stream.Life) stream.Stored { return stream.Stored{Kind: stream.KindLineage, Life: fork} }
	var first, last stream.Life
	var source stream.Life
	for _, name := range []string{"a", "a/b", "ü\x00"} {
		from := mustSource(t, d, name)
		for _, fork := range []string{name + "/", name + "/fork", "fork of " + name, "\x00" + name} {
			var h *stream.Head
			from, h = mustFork(t, d, name, from, fork)
			head(fork, h)
			w.add(lineage(h.Life(fork)))
			w.add(noted(from.Life(name), h.Life(fork)))
			source, first, last = from.Life(name), last, h.Life(fork)
		}
		head(name, from)
	}
	for _, max := range []int{1, 3, 1000} {
		eventually(t, func() error {
			found, err := inventory(ctx, d, max, nil)
			must(t, err)
			for _, s := range found {
				if want, known := w.things[s.String()]; !known {
					t.Fatalf("%v was never stored", s)
				} else if s.Kind == stream.KindFork && s.Fork != want.Fork || s.Kind != stream.KindFork && s.Fork != (stream.Life{}) {
					t.Fatalf("%v is of the fork %v", s, s.Fork)
				}
			}
			return w.missing(found)
		})
	}

	// Of two forks one is released, and the data of the other discarded.
	_, err := d.Release(ctx, source, first)
	must(t, err)
	discardAll(t, d, last, 100)
	gone := map[string]bool{}
	for _, s := range []stream.Stored{noted(source, first), lineage(last)} {
		delete(w.things, storedThing{s}.String())
		gone[storedThing{s}.String()] = true
	}
	h, _ := wantCounted(t, d, source.Name)
	head(source.Name, h)
	eventually(t, func() error {
		found, err := inventory(ctx, d, 5, nil)
		must(t, err)
		problems := []error{w.missing(found)}
		for _, s := range found {
			if gone[s.String()] {
				problems = append(problems, fmt.Errorf("%v is listed, and is gone", s))
			}
		}
		return errors.Join(problems...)
	})
}
