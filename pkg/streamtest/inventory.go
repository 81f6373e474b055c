package streamtest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// stock is what a walk through the inventory found.
type stock []storedThing

type storedThing struct{ stream.Stored }

// String names a thing, so that each has a name of its own but producers, of which the
// inventory tells no more than whose they are.
func (s storedThing) String() string {
	name := fmt.Sprintf("%s of %q %v", s.Kind, s.Life.Name, s.Life.Incarnation)
	switch {
	case s.Kind == stream.KindChunk && s.Chunk != nil:
		return fmt.Sprintf("%s to %v", name, s.Chunk.To)
	case s.Kind == stream.KindStaged:
		return fmt.Sprintf("%s %+v", name, s.Staged)
	case s.Kind == stream.KindManifest && s.Manifest != nil:
		return fmt.Sprintf("%s %d", name, s.Manifest.Segment)
	case s.Kind == stream.KindFork:
		return fmt.Sprintf("%s %q %v", name, s.Fork.Name, s.Fork.Incarnation)
	}
	return name
}

// of returns what was found of a life.
func (s stock) of(life stream.Life) (some stock) {
	for _, thing := range s {
		if thing.Life == life {
			some = append(some, thing)
		}
	}
	return some
}

// inventory walks through all that is stored, and does something between the pages.
func inventory(ctx context.Context, d stream.Driver, max int, between func() error) (all stock, err error) {
	cursor := ""
	for range 100_000 {
		found, next, err := d.Inventory(ctx, cursor, max)
		if err != nil {
			return all, err
		}
		for _, s := range found {
			all = append(all, storedThing{s})
		}
		if next == "" {
			return all, nil
		}
		if next == cursor {
			return all, errors.New("the inventory's cursor does not move")
		}
		cursor = next
		if between != nil {
			if err := between(); err != nil {
				return all, err
			}
		}
	}
	return all, errors.New("the inventory has no end")
}

// stocked is what is stored, and does not change.
type stocked struct {
	things    map[string]stream.Stored
	producers map[stream.Life]int
	retired   map[string]bool
}

func newStocked() *stocked {
	return &stocked{things: make(map[string]stream.Stored), producers: make(map[stream.Life]int), retired: make(map[string]bool)}
}

func (w *stocked) add(s stream.Stored) { w.things[storedThing{s}.String()] = s }

// stocking stores things of every kind for a life, of which some are retired, and a head
// if it is given.
func (w *stocked) stocking(t *testing.T, d stream.Driver, life stream.Life, h *stream.Head) {
	t.Helper()
	ctx := t.Context()
	if h != nil {
		mustCreate(t, d, life.Name, h)
		w.add(stream.Stored{Kind: stream.KindHead, Life: life, Head: h})
	}
	var retired []stream.Offset
	for n := range 7 {
		c := chunkAt(stream.Offset{Segment: uint64(n / 3), Position: uint64(n%3*10 + 9)}, "some text")
		if n == 2 {
			c.Staged, c.Frames = stream.StagedID{Commit: 99, Part: 3, At: 12345, Object: true}, nil
		}
		must(t, d.PutChunk(ctx, life, c))
		must(t, d.PutStaged(ctx, life, stagedAt(n), records("staged").Frames))
		must(t, d.SpillProducer(ctx, life, fmt.Sprint("p", n), stream.Producer{Epoch: 1, Seq: uint64(n)}))
		m := manifest(uint64(n))
		must(t, d.PutManifest(ctx, life, m))
		chunk := stream.Stored{Kind: stream.KindChunk, Life: life, Chunk: &c}
		if n == 0 {
			retired = append(retired, c.To)
			w.retired[storedThing{chunk}.String()] = true
		} else {
			w.add(chunk)
		}
		w.add(stream.Stored{Kind: stream.KindStaged, Life: life, Staged: stagedAt(n)})
		w.add(stream.Stored{Kind: stream.KindManifest, Life: life, Manifest: &m})
		w.producers[life]++
	}
	must(t, d.Retire(ctx, life, retired, nil))
}

// missing says what of all this a walk did not find as it is stored.
func (w *stocked) missing(found stock) error {
	var problems []error
	seen := make(map[string]bool)
	producers := make(map[stream.Life]int)
	for _, s := range found {
		seen[s.String()] = true
		if s.Kind == stream.KindProducer {
			producers[s.Life]++
		}
		if s.Retired && !w.retired[s.String()] {
			problems = append(problems, fmt.Errorf("%v was not retired", s))
		}
		if want, known := w.things[s.String()]; known {
			if diff := diffStored(s.Stored, want); diff != "" {
				problems = append(problems, fmt.Errorf("%v: %s", s, diff))
			}
		}
	}
	for name := range w.things {
		if !seen[name] {
			problems = append(problems, fmt.Errorf("%s is missing", name))
		}
	}
	for life, n := range w.producers {
		if producers[life] < n {
			problems = append(problems, fmt.Errorf("%d producers of %v, want %d", producers[life], life, n))
		}
	}
	return errors.Join(problems...)
}

// diffStored tells how two stored things of the same name differ. A chunk need not have
// its frames.
func diffStored(got, want stream.Stored) string {
	switch {
	case got.Kind == stream.KindHead:
		return diffHeads(got.Head, want.Head)
	case got.Kind == stream.KindChunk:
		g, w := *got.Chunk, *want.Chunk
		if len(g.Frames) == 0 {
			w.Frames = nil
		}
		return diffChunks(g, w)
	case got.Kind == stream.KindManifest:
		return diffManifests(*got.Manifest, *want.Manifest)
	}
	return ""
}

// testInventory: a walk finds everything that is there all the time, in pages of any
// size, whatever else comes and goes.
func testInventory(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	if found, err := inventory(ctx, d, 10, nil); err != nil || len(found) > 0 {
		t.Fatalf("the inventory of an empty store: %v, %v", found, err)
	}
	w := newStocked()
	for i, life := range lives() {
		// Two are of one name: only the last of them has a head.
		var h *stream.Head
		switch i {
		case 1:
			h = fullHead()
			h.Incarnation = life.Incarnation
		case 2:
			h = openHead()
			h.Incarnation = life.Incarnation
		}
		w.stocking(t, d, life, h)
	}
	for _, name := range []string{"only a head", "\x00", "𝄞 ü"} {
		h := openHead()
		mustCreate(t, d, name, h)
		w.add(stream.Stored{Kind: stream.KindHead, Life: h.Life(name), Head: h})
	}
	eventually(t, func() error {
		found, err := inventory(ctx, d, 1000, nil)
		must(t, err)
		return w.missing(found)
	})
	for _, max := range []int{1, 3, 10} {
		found, err := inventory(ctx, d, max, nil)
		must(t, err)
		if err := w.missing(found); err != nil {
			t.Fatalf("%d at a time: %v", max, err)
		}
		if most := 2*(len(w.things)+len(w.retired)) + 7*len(w.producers); len(found) > most {
			t.Errorf("%d at a time: %d things, of which there are not half as many", max, len(found))
		}
	}

	// Lives come and go between the pages: before, where, and behind where the walk is.
	n := 0
	var last *stream.Head
	between := func() error {
		n++
		name := fmt.Sprint(string(rune('A'+n*7%60)), n)
		h := openHead()
		if err := d.Create(ctx, name, h, nil); err != nil {
			return err
		}
		if err := d.PutChunk(ctx, h.Life(name), chunkAt(stream.Offset{Position: 9}, "some text")); err != nil {
			return err
		}
		if last != nil {
			before := fmt.Sprint(string(rune('A'+(n-1)*7%60)), n-1)
			if err := d.Delete(ctx, before, last.Incarnation); err != nil {
				return err
			}
			if _, err := d.Discard(ctx, last.Life(before), 100); err != nil {
				return err
			}
		}
		last = h
		return nil
	}
	for _, max := range []int{2, 9} {
		found, err := inventory(ctx, d, max, between)
		must(t, err)
		if err := w.missing(found); err != nil {
			t.Fatalf("%d at a time, while others come and go: %v", max, err)
		}
	}
}

// testInventoryDiscard: what was discarded or deleted is not listed any more, and what is
// listed has been there.
func testInventoryDiscard(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	w := newStocked()
	all := lives()
	stays, goes := all[0], all[1]
	h := openHead()
	h.Incarnation = goes.Incarnation
	w.stocking(t, d, goes, h)
	kept := newStocked()
	kept.stocking(t, d, stays, nil)
	eventually(t, func() error {
		found, err := inventory(ctx, d, 50, nil)
		must(t, err)
		for _, s := range found {
			_, one := w.things[s.String()]
			_, other := kept.things[s.String()]
			if !one && !other && !w.retired[s.String()] && !kept.retired[s.String()] && s.Kind != stream.KindProducer {
				t.Fatalf("%v was never stored", s)
			}
			if s.Life != stays && s.Life != goes {
				t.Fatalf("%v is of a life that nothing was stored for", s)
			}
		}
		return errors.Join(w.missing(found.of(goes)), kept.missing(found.of(stays)))
	})
	must(t, d.Delete(ctx, goes.Name, goes.Incarnation))
	for done := false; !done; {
		var err error
		done, err = d.Discard(ctx, goes, 100)
		must(t, err)
	}
	eventually(t, func() error {
		found, err := inventory(ctx, d, 50, nil)
		must(t, err)
		if of := found.of(goes); len(of) > 0 {
			return fmt.Errorf("%d things of a discarded life are listed: %v", len(of), of[0])
		}
		return kept.missing(found)
	})
}
