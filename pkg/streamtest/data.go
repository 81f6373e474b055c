package streamtest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// fill stores items of every kind for a life and returns a check that they are
// all there, or that none is.
func fill(t *testing.T, d stream.Driver, inc stream.Incarnation) (check func(t *testing.T, there bool), items int) {
	t.Helper()
	const each = 15
	ctx := t.Context()
	var chunks []stream.Chunk
	for n := range each {
		c := chunkAt(stream.Offset{Segment: uint64(n), Position: 9}, fmt.Sprint("c", n))
		chunks = append(chunks, c)
		must(t, d.PutChunk(ctx, inc, c))
		must(t, d.PutStaged(ctx, inc, stagedAt(n), records("staged").Frames))
		must(t, d.SpillProducer(ctx, inc, fmt.Sprint("p", n), stream.Producer{Seq: 3}))
		must(t, d.PutManifest(ctx, inc, manifest(uint64(n))))
	}
	return func(t *testing.T, there bool) {
		t.Helper()
		if !there {
			chunks = nil
		}
		wantChunks(t, allChunks(t, d, inc, stream.Offset{}, 1<<20), chunks)
		for n := range each {
			if _, err := d.Staged(ctx, inc, stagedAt(n)); (err == nil) != there {
				t.Fatalf("staged item %d: %v", n, err)
			}
			_, found, err := d.SpilledProducer(ctx, inc, fmt.Sprint("p", n))
			must(t, err)
			if found != there {
				t.Fatalf("producer %d is there: %v, want %v", n, found, there)
			}
		}
		manifests, err := d.Manifests(ctx, inc, stream.Offset{}, 100)
		must(t, err)
		if (len(manifests) == each) != there || (len(manifests) == 0) == there {
			t.Fatalf("%d manifests", len(manifests))
		}
	}, 4 * each
}

// stagedAt is the id of one of many staged items; every other one is an object.
func stagedAt(n int) stream.StagedID { return stream.StagedID{Commit: 8, Part: n, Object: n%2 == 1} }

func testDiscard(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	name := "s"
	h := openHead()
	mustCreate(t, d, name, h)
	all := lives()
	ended, neighbours := all[0], append(all[1:], h.Incarnation)
	var checks []func(t *testing.T, there bool)
	for _, inc := range neighbours {
		check, _ := fill(t, d, inc)
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
	if _, err := d.Discard(ctx, newIncarnation(), 10); err != nil {
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

func wantSpilled(t *testing.T, d stream.Driver, inc stream.Incarnation, id string, want *stream.Producer) {
	t.Helper()
	p, found, err := d.SpilledProducer(t.Context(), inc, id)
	must(t, err)
	switch {
	case want == nil && found:
		t.Fatalf("producer %q is %+v, want none", id, p)
	case want != nil && (!found || p != *want):
		t.Fatalf("producer %q is %+v (found: %v), want %+v", id, p, found, *want)
	}
}

func testProducers(t *testing.T, d stream.Driver) {
	ctx, inc := t.Context(), newIncarnation()
	wantSpilled(t, d, inc, "p", nil)
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
		must(t, d.SpillProducer(ctx, inc, "p", s.put))
		wantSpilled(t, d, inc, "p", &s.want)
	}

	// Ids, like names, may be prefixes of each other and contain anything; and each
	// life has producers of its own.
	all := lives()
	for i, id := range names {
		for n, inc := range all {
			must(t, d.SpillProducer(ctx, inc, id, state(uint64(i), uint64(n))))
		}
	}
	for i, id := range names {
		for n, inc := range all {
			want := state(uint64(i), uint64(n))
			wantSpilled(t, d, inc, id, &want)
		}
	}
	wantSpilled(t, d, inc, "p2", nil)
	wantSpilled(t, d, newIncarnation(), "p", nil)
}

// testRaceSpill: whatever the order in which states arrive, the latest stays, and
// nobody ever sees a state go back.
func testRaceSpill(t *testing.T, d stream.Driver) {
	const writers, each = 6, 30
	ctx, inc := t.Context(), newIncarnation()
	together(t, writers+1, func(i int) error {
		var last stream.Producer
		for n := range uint64(each) {
			if i == writers {
				p, _, err := d.SpilledProducer(ctx, inc, "p")
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
			if err := d.SpillProducer(ctx, inc, "p", p); err != nil {
				return err
			}
			stored, _, err := d.SpilledProducer(ctx, inc, "p")
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
	wantSpilled(t, d, inc, "p", &want)
}

// manifest describes a segment of which every field has a value of its own.
func manifest(segment uint64) stream.Manifest {
	return stream.Manifest{
		Segment: segment,
		From:    stream.Offset{Segment: max(segment, 1) - 1, Position: 1000 * min(segment, 1)},
		To:      stream.Offset{Segment: segment, Position: 1000},
		Count:   12 + int(segment%100),
		Object:  fmt.Sprintf("segments/ü/%d", segment),
		Size:    1<<40 + int64(segment%100),
		CRC:     1<<31 + uint32(segment%100),
	}
}

func testManifests(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	inc, other := newIncarnation(), newIncarnation()
	segments := []uint64{10, 0, 9, 1, 100, 2, 99, 256, 255, 1 << 40}
	order := []int{1, 3, 5, 2, 0, 6, 4, 8, 7, 9}
	for _, segment := range segments {
		must(t, d.PutManifest(ctx, inc, manifest(segment)))
	}
	changed := manifest(9)
	changed.Object = "another one"
	err := d.PutManifest(ctx, inc, changed)
	if refused, err := refusal(err); err != nil || refused == nil || refused.Head != nil {
		t.Fatalf("a second manifest for a segment: %v, want a refusal without a head", err)
	}
	must(t, d.PutManifest(ctx, other, changed))

	read := func(after stream.Offset, max int) (all []stream.Manifest) {
		for {
			got, err := d.Manifests(ctx, inc, after, max)
			must(t, err)
			if len(got) > max {
				t.Fatalf("Manifests returned %d, at most %d were asked for", len(got), max)
			}
			if len(got) == 0 {
				return all
			}
			all = append(all, got...)
			after = got[len(got)-1].To
		}
	}
	var want []stream.Manifest
	for _, i := range order {
		want = append(want, manifest(segments[i]))
	}
	for _, max := range []int{1, 3, 100} {
		if got := read(stream.Offset{}, max); !reflect.DeepEqual(got, want) {
			t.Fatalf("manifests by %d: got %+v, want %+v", max, got, want)
		}
	}
	for _, c := range []struct {
		after stream.Offset
		first int
	}{{stream.Offset{Position: 999}, 0}, {stream.Offset{Position: 1000}, 1}, {stream.Offset{Segment: 10}, 4}, {stream.Offset{Segment: 1 << 40, Position: 1000}, 10}} {
		if got := read(c.after, 4); len(got) != len(want)-c.first {
			t.Errorf("%d manifests after %v, want %d", len(got), c.after, len(want)-c.first)
		}
	}
	got, err := d.Manifests(ctx, other, stream.Offset{}, 10)
	must(t, err)
	if !reflect.DeepEqual(got, []stream.Manifest{changed}) {
		t.Errorf("manifests of the other life: %+v", got)
	}
}
