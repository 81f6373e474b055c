package streamtest

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// holding is what a life holds, and what of it was retired: that may be there still, but
// need not.
type holding struct {
	life    stream.Life
	chunks  []stream.Chunk
	staged  []stream.StagedID
	retired map[stream.Offset]bool
	let     map[stream.StagedID]bool
}

// hold stores chunks and staged items for a life.
func hold(t *testing.T, d stream.Driver, life stream.Life, chunks, staged int) *holding {
	t.Helper()
	h := &holding{life: life, retired: make(map[stream.Offset]bool), let: make(map[stream.StagedID]bool)}
	for n := range chunks {
		c := chunkAt(stream.Offset{Segment: uint64(n / 20), Position: uint64(10 * (n%20 + 1))}, "ten bytes.")
		h.chunks = append(h.chunks, c)
		must(t, d.PutChunk(t.Context(), life, c))
	}
	for n := range staged {
		h.staged = append(h.staged, stagedAt(n))
		must(t, d.PutStaged(t.Context(), life, stagedAt(n), records("staged").Frames))
	}
	return h
}

// retire retires the chunks and the staged items of some ranges.
func (h *holding) retire(t *testing.T, d stream.Driver, chunks []stream.Chunk, staged []stream.StagedID) {
	t.Helper()
	var ends []stream.Offset
	for _, c := range chunks {
		ends = append(ends, c.To)
		h.retired[c.To] = true
	}
	for _, id := range staged {
		h.let[id] = true
	}
	must(t, d.Retire(t.Context(), h.life, ends, staged))
}

// check fails unless all that was not retired is there, and nothing that never was. What
// was retired is as it was, or gone.
func (h *holding) check(t *testing.T, d stream.Driver) {
	t.Helper()
	for _, max := range []int{1, 95, 1 << 20} {
		got := allChunks(t, d, h.life, stream.Offset{}, max)
		want := slices.Clone(h.chunks)
		want = slices.DeleteFunc(want, func(c stream.Chunk) bool {
			gone := !slices.ContainsFunc(got, func(g stream.Chunk) bool { return g.To == c.To })
			return gone && h.retired[c.To]
		})
		wantChunks(t, got, want)
	}
	for _, id := range h.staged {
		f, err := d.Staged(t.Context(), h.life, id)
		if h.let[id] && errors.Is(err, stream.ErrNoItem) {
			continue
		}
		must(t, err)
		if !bytes.Equal(f, records("staged").Frames) {
			t.Fatalf("staged item %+v has frames %q", id, f)
		}
	}
}

func testRetire(t *testing.T, d stream.Driver) {
	var all []*holding
	for _, life := range lives() {
		all = append(all, hold(t, d, life, 12, 6))
	}
	one, others := all[0], all[1:]
	check := func() {
		t.Helper()
		for _, h := range all {
			h.check(t, d)
		}
	}
	check()
	one.retire(t, d, nil, nil)
	for range 2 {
		one.retire(t, d, one.chunks[:3], one.staged[1:2])
		check()
	}
	// In any order, with what was retired before, and in the middle.
	some := []stream.Chunk{one.chunks[7], one.chunks[1], one.chunks[5]}
	one.retire(t, d, some, []stream.StagedID{one.staged[4], one.staged[1]})
	check()
	one.retire(t, d, nil, one.staged[2:3])
	one.retire(t, d, one.chunks[9:10], nil)
	check()
	together(t, 4, func(i int) error {
		h := others[i/2]
		return d.Retire(t.Context(), h.life, []stream.Offset{h.chunks[0].To, h.chunks[1].To}, h.staged[:1])
	})
	for _, h := range others[:2] {
		h.retired[h.chunks[0].To], h.retired[h.chunks[1].To], h.let[h.staged[0]] = true, true, true
	}
	check()
	// What was not retired can be read by whoever stands anywhere.
	for _, after := range []stream.Offset{{}, {Position: 5}, one.chunks[3].To, one.chunks[8].To} {
		for _, c := range allChunks(t, d, one.life, after, 25) {
			if !after.Before(c.To) {
				t.Errorf("after %v there is a chunk to %v", after, c.To)
			}
		}
	}
	// Retiring everything leaves nothing that must be there.
	one.retire(t, d, one.chunks, one.staged)
	check()
}

// testRetireMany retires more at once than a store takes in one request.
func testRetireMany(t *testing.T, d stream.Driver) {
	h := hold(t, d, newLife(), 140, 120)
	h.retire(t, d, h.chunks[:26], h.staged[:26])
	h.check(t, d)
	h.retire(t, d, h.chunks[20:137], h.staged[1:118])
	h.check(t, d)
	must(t, d.Retire(t.Context(), h.life, []stream.Offset{h.chunks[137].To}, nil))
	h.retired[h.chunks[137].To] = true
	h.check(t, d)
}

// testRetireLate: what is retired after it is gone does not come back in any form.
func testRetireLate(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	nothing := func(life stream.Life) {
		t.Helper()
		if got := allChunks(t, d, life, stream.Offset{}, 1<<20); len(got) != 0 {
			t.Fatalf("chunks that were never put, or discarded: %+v", got)
		}
		for n := range 3 {
			if f, err := d.Staged(ctx, life, stagedAt(n)); !errors.Is(err, stream.ErrNoItem) {
				t.Fatalf("a staged item that was never put, or discarded: %q, %v", f, err)
			}
		}
		eventually(t, func() error {
			found, err := inventory(ctx, d, 100, nil)
			must(t, err)
			if of := found.of(life); len(of) > 0 {
				return errors.New("the inventory has things of a life without any: " + of[0].String())
			}
			return nil
		})
	}
	ends := []stream.Offset{{Position: 10}, {Segment: 3, Position: 20}}
	ids := []stream.StagedID{stagedAt(0), stagedAt(2)}
	never := newLife()
	must(t, d.Retire(ctx, never, ends, ids))
	nothing(never)

	h := hold(t, d, newLife(), 30, 3)
	h.retire(t, d, h.chunks[:2], h.staged[:1])
	for done := false; !done; {
		var err error
		done, err = d.Discard(ctx, h.life, 100)
		must(t, err)
	}
	h.retire(t, d, h.chunks, h.staged)
	nothing(h.life)

	// A name whose items are there is not enough: the others were never put.
	living := hold(t, d, newLife(), 2, 1)
	living.retire(t, d, nil, nil)
	must(t, d.Retire(ctx, living.life, []stream.Offset{{Segment: 77, Position: 1}}, []stream.StagedID{stagedAt(9)}))
	living.check(t, d)
	if _, err := d.Staged(ctx, living.life, stagedAt(9)); !errors.Is(err, stream.ErrNoItem) {
		t.Errorf("a staged item that was never put: %v", err)
	}
}
