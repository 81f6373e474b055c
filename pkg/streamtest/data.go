package streamtest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// fill stores items of every kind for a life and returns a check that they are
// all there, or that none is.
func fill(t *testing.T, d stream.Driver, life stream.Life) (check func(t *testing.T, there bool), items int) {
	t.Helper()
	const each = 15
	ctx := t.Context()
	var chunks []stream.Chunk
	for n := range each {
		c := chunkAt(stream.Offset{Segment: uint64(n), Position: 9}, fmt.Sprint("c", n))
		chunks = append(chunks, c)
		must(t, d.PutChunk(ctx, life, c))
		must(t, d.PutStaged(ctx, life, stagedAt(n), records("staged").Frames))
		must(t, d.SpillProducer(ctx, life, fmt.Sprint("p", n), stream.Producer{Seq: 3}))
		must(t, d.PutManifest(ctx, life, manifest(uint64(n))))
	}
	return func(t *testing.T, there bool) {
		t.Helper()
		if !there {
			chunks = nil
		}
		wantChunks(t, allChunks(t, d, life, stream.Offset{}, 1<<20), chunks)
		for n := range each {
			if _, err := d.Staged(ctx, life, stagedAt(n)); (err == nil) != there {
				t.Fatalf("staged item %d: %v", n, err)
			}
			_, found, err := d.SpilledProducer(ctx, life, fmt.Sprint("p", n))
			must(t, err)
			if found != there {
				t.Fatalf("producer %d is there: %v, want %v", n, found, there)
			}
		}
		manifests, err := d.Manifests(ctx, life, stream.Offset{}, 100)
		must(t, err)
		if (len(manifests) == each) != there || (len(manifests) == 0) == there {
			t.Fatalf("%d manifests", len(manifests))
		}
	}, 4 * each
}

// stagedAt is the id of one of many staged items.
func stagedAt(n int) stream.StagedID {
	return stream.StagedID{Commit: 8, Part: n, At: sampleTime.Unix() + int64(n)}
}

func testDiscard(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	name := "s"
	h := openHead()
	mustCreate(t, d, name, h)
	all := lives()
	ended, neighbours := all[0], append(all[1:], h.Life(name))
	var checks []func(t *testing.T, there bool)
	for _, life := range neighbours {
		check, _ := fill(t, d, life)
		checks = append(checks, check)
	}
	gone, items := fill(t, d, ended)
	gone(t, true)

	discard := func(max int) (steps int) {
		for {
			steps++
			done, err := d.Discard(ctx, ended, max)
			must(t, err)
			if done {
				return steps
			}
			// Any progress at all is enough, but a driver must not run in circles.
			if steps > 10*items {
				t.Fatalf("not done after %d steps of %d for %d items", steps, max, items)
			}
		}
	}
	discard(7)
	gone(t, false)
	for _, check := range checks {
		check(t, true)
	}
	wantStored(t, d, name, h)

	// Again, and for a life that never was: nothing is left at once.
	if steps := discard(1); steps > 2 {
		t.Errorf("%d steps to discard nothing", steps)
	}
	if _, err := d.Discard(ctx, newLife(), 10); err != nil {
		t.Error(err)
	}
	// Two at once must both come to an end.
	gone, _ = fill(t, d, ended)
	together(t, 2, func(int) error {
		for range 10 * items {
			if done, err := d.Discard(ctx, ended, 5); done || err != nil {
				return err
			}
		}
		return errors.New("not done")
	})
	gone(t, false)
	for _, check := range checks {
		check(t, true)
	}
}

func wantSpilled(t *testing.T, d stream.Driver, life stream.Life, id string, want *stream.Producer) {
	t.Helper()
	p, found, err := d.SpilledProducer(t.Context(), life, id)
	must(t, err)
	switch {
	case want == nil && found:
		t.Fatalf("producer %q is %+v, want none", id, p)
	case want != nil && (!found || p != *want):
		t.Fatalf("producer %q is %+v (found: %v), want %+v", id, p, found, *want)
	}
}

func testProducers(t *testing.T, d stream.Driver) {
	ctx, life := t.Context(), newLife()
	wantSpilled(t, d, life, "p", nil)
	state := func(epoch, seq uint64) stream.Producer { return stream.Producer{Epoch: epoch, Seq: seq} }
	steps := []struct{ put, want stream.Producer }{
		{state(0, 0), state(0, 0)},
		{state(0, 9), state(0, 9)},
		{state(0, 10), state(0, 10)}, // as text 10 comes before 9
		{state(0, 10), state(0, 10)},
		{state(0, 9), state(0, 10)},
		{state(0, 0), state(0, 10)},
		{state(2, 0), state(2, 0)},
		{state(1, 500), state(2, 0)},
		{state(2, 1), state(2, 1)},
		{state(10, 0), state(10, 0)},
		{state(9, 1<<53-1), state(10, 0)},
		{state(1<<53-1, 0), state(1<<53-1, 0)},
		{state(1<<53-1, 1<<53-1), state(1<<53-1, 1<<53-1)},
	}
	for _, s := range steps {
		must(t, d.SpillProducer(ctx, life, "p", s.put))
		wantSpilled(t, d, life, "p", &s.want)
	}

	// Ids, like names, may be prefixes of each other and contain anything; and each
	// life has producers of its own.
	all := lives()
	for i, id := range names {
		for n, life := range all {
			must(t, d.SpillProducer(ctx, life, id, state(uint64(i), uint64(n))))
		}
	}
	for i, id := range names {
		for n, life := range all {
			want := state(uint64(i), uint64(n))
			wantSpilled(t, d, life, id, &want)
		}
	}
	wantSpilled(t, d, life, "p2", nil)
	wantSpilled(t, d, newLife(), "p", nil)
}

// testRaceSpill: whatever the order in which states arrive, the latest stays, and
// nobody ever sees a state go back.
func testRaceSpill(t *testing.T, d stream.Driver) {
	const writers, each = 6, 30
	ctx, life := t.Context(), newLife()
	together(t, writers+1, func(i int) error {
		var last stream.Producer
		for n := range uint64(each) {
			if i == writers {
				p, _, err := d.SpilledProducer(ctx, life, "p")
				if err != nil {
					return err
				}
				if p.Behind(last) {
					return fmt.Errorf("the state went back from %+v to %+v", last, p)
				}
				last = p
				continue
			}
			p := stream.Producer{Epoch: n / 10, Seq: (n*uint64(writers) + uint64(i)) % 97}
			if err := d.SpillProducer(ctx, life, "p", p); err != nil {
				return err
			}
			stored, _, err := d.SpilledProducer(ctx, life, "p")
			if err != nil {
				return err
			}
			if stored.Behind(p) {
				return fmt.Errorf("%+v is stored after %+v was", stored, p)
			}
		}
		return nil
	})
	var want stream.Producer
	for n := range uint64(each) {
		for i := range uint64(writers) {
			p := stream.Producer{Epoch: n / 10, Seq: (n*writers + i) % 97}
			if want.Behind(p) {
				want = p
			}
		}
	}
	wantSpilled(t, d, life, "p", &want)
}
