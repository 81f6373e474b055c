package streamtest

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// mustRelease releases a fork and compares the outcome with what is stored then.
func mustRelease(t *testing.T, d stream.Driver, source, fork stream.Life, want *stream.Head) {
	t.Helper()
	h, err := d.Release(t.Context(), source, fork)
	must(t, err)
	if diff := diffHeads(h, want); diff != "" {
		t.Fatalf("Release returned another head:\n%s", diff)
	}
	if want != nil {
		wantStored(t, d, source.Name, want)
	}
}

// testRelease: a fork is taken off once, however often it is released, and only it.
func testRelease(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	source := mustSource(t, d, "s")
	life := source.Life("s")
	var forks []stream.Life
	for _, name := range []string{"f", "f/", "f/f"} {
		var fork *stream.Head
		source, fork = mustFork(t, d, "s", source, name)
		forks = append(forks, fork.Life(name))
	}
	// Never noted: nothing happens.
	never := stream.Life{Name: "f", Incarnation: newIncarnation()}
	mustRelease(t, d, life, never, source)
	for n, fork := range forks {
		source = stream.Released(source)
		for range 3 {
			mustRelease(t, d, life, fork, source)
		}
		wantForks(t, d, life, forks[n+1:]...)
		if source.Forks != len(forks)-n-1 {
			t.Fatalf("%d forks are counted after %d of %d were released", source.Forks, n+1, len(forks))
		}
		// The fork itself is left alone.
		wantLineage(t, d, fork, lineageOf(forkHead(life, source.Tail)))
		if _, err := d.Head(ctx, fork.Name, stream.Strong); err != nil {
			t.Fatal(err)
		}
	}
	wantOwed(t, d)
	// It goes on as any other: it can be written to, forked again, and deleted.
	source, ok := commit(t, d, "s", batch(plain("after all")), roomy())
	if !ok {
		t.Fatal("a plain append was refused")
	}
	source, fork := mustFork(t, d, "s", source, "another")
	mustRelease(t, d, life, fork.Life("another"), stream.Released(source))
	must(t, d.Delete(ctx, "s", source.Incarnation))
	wantOwed(t, d, life)
}

// testReleaseOther: only the head of the life that the fork is noted of is changed, if
// there is one.
func testReleaseOther(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	source := mustSource(t, d, "s")
	life := source.Life("s")
	source, first := mustFork(t, d, "s", source, "first")
	source, second := mustFork(t, d, "s", source, "second")
	other := stream.Life{Name: "s", Incarnation: newIncarnation()}
	mustRelease(t, d, other, first.Life("first"), nil)
	mustRelease(t, d, stream.Life{Name: "none", Incarnation: newIncarnation()}, first.Life("first"), nil)
	// A fork's own forks are others than those of its source.
	mustRelease(t, d, first.Life("first"), second.Life("second"), first)
	wantStored(t, d, "s", source)
	wantForks(t, d, life, first.Life("first"), second.Life("second"))

	// A count that was wrong does not become a negative one.
	source = unforked(source)
	must(t, d.Update(ctx, "s", source))
	source = stream.Released(source)
	mustRelease(t, d, life, first.Life("first"), source)
	if source.Forks != 0 {
		t.Fatal("the rule went below zero; the test is wrong")
	}
	wantForks(t, d, life, second.Life("second"))

	// The head is gone, and the fork still noted: the note goes, and nothing else changes.
	must(t, d.Delete(ctx, "s", life.Incarnation))
	mustRelease(t, d, life, first.Life("first"), nil)
	wantForks(t, d, life, second.Life("second"))
	mustRelease(t, d, life, second.Life("second"), nil)
	wantForks(t, d, life)
	wantStored(t, d, "s", nil)
	next := mustSource(t, d, "s")
	next, fork := mustFork(t, d, "s", next, "third")
	mustRelease(t, d, life, second.Life("second"), nil)
	mustRelease(t, d, life, fork.Life("third"), nil)
	wantStored(t, d, "s", next)
	wantForks(t, d, next.Life("s"), fork.Life("third"))
}

// testForkedDelete: a stream with forks is only marked as deleted, until the last of them
// is released.
func testForkedDelete(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	source := mustSource(t, d, "s")
	life := source.Life("s")
	source, first := mustFork(t, d, "s", source, "first")
	source, second := mustFork(t, d, "s", source, "second")
	refused := func() {
		t.Helper()
		wantRefused(t, d, "s", d.Delete(ctx, "s", life.Incarnation), source)
		wantOwed(t, d)
	}
	refused()
	source = update(t, d, "s", source, func(next *stream.Head) { next.Deleted = true })
	refused()
	source = stream.Released(source)
	mustRelease(t, d, life, first.Life("first"), source)
	refused()
	source = stream.Released(source)
	mustRelease(t, d, life, second.Life("second"), source)
	if !source.Deleted || source.Forks != 0 {
		t.Fatalf("after the last release: %+v", source)
	}
	must(t, d.Delete(ctx, "s", life.Incarnation))
	wantStored(t, d, "s", nil)
	wantOwed(t, d, life)
	// The forks are as they were.
	wantStored(t, d, "first", first)
	wantStored(t, d, "second", second)
}

// testForkedWrites: what forks add to a head goes through every write of it.
func testForkedWrites(t *testing.T, d stream.Driver) {
	ctx, l := t.Context(), roomy()
	source := mustSource(t, d, "a/b #$.ü\x00")
	life := source.Life("a/b #$.ü\x00")
	h := forkHead(life, stream.Offset{Segment: 3, Position: 17})
	h.Origin.Anchor, h.Origin.Sub = stream.Offset{Segment: 2, Position: 1 << 41}, 1<<41+5
	must(t, d.Fork(ctx, "s", h, nil, lineageOf(h), sampleTime))
	wantStored(t, d, "s", h)
	origin := *h.Origin
	check := func(forks int, deleted bool) {
		t.Helper()
		wantStored(t, d, "s", h)
		if h.Origin == nil || *h.Origin != origin || h.Forks != forks || h.Deleted != deleted {
			t.Fatalf("the head says %+v, %d forks, deleted: %v", h.Origin, h.Forks, h.Deleted)
		}
	}
	applied := func(next *stream.Head, err error) {
		t.Helper()
		must(t, err)
		h = next
	}
	// The first record begins a segment, which nothing ended.
	h = update(t, d, "s", h, begins("own"))
	check(0, false)
	h, _ = mustFork(t, d, "s", h, "its fork")
	check(1, false)
	for n := range uint64(3) {
		var ok bool
		if h, ok = commit(t, d, "s", batch(produced("p", 0, n, "more")), l); !ok {
			t.Fatal("a produced append was refused")
		}
		check(1, false)
	}
	applied(d.Trim(ctx, "s", h, h.Buffer[1].To, l))
	check(1, false)
	applied(d.Compact(ctx, h.Life("s"), h.Tail.Segment+1))
	check(1, false)
	h, fork := mustFork(t, d, "s", h, "another fork")
	check(2, false)
	applied(d.Release(ctx, h.Life("s"), fork.Life("another fork")))
	check(1, false)
	h = update(t, d, "s", h, func(next *stream.Head) { next.Closed, next.Deleted = true, true })
	check(1, true)
	applied(d.Trim(ctx, "s", h, h.Tail, l))
	check(1, true)
	applied(d.Compact(ctx, h.Life("s"), h.Tail.Segment+2))
	check(1, true)
	// And nothing of all this reached the source.
	if stored, forks := wantCounted(t, d, life.Name); len(forks) != 1 || stored.Deleted || stored.Origin != nil {
		t.Errorf("the source: %+v", stored)
	}
}

// testDeletedWrites: a stream that was deleted takes no commit, whoever sends it.
func testDeletedWrites(t *testing.T, d stream.Driver) {
	l := roomy()
	h := openHead()
	h.Producers = map[string]stream.HeldProducer{"p": {Producer: stream.Producer{Seq: 4}, Used: uint64(sampleTime.Unix())}}
	h.Forks = 1
	mustCreate(t, d, "s", h)
	sliding := slidingHead(1e9*60, sampleTime)
	sliding.Deleted = true
	mustCreate(t, d, "sliding", sliding)
	h, ok := commit(t, d, "s", batch(plain("while it lives")), l)
	if !ok {
		t.Fatal("a plain append was refused")
	}
	h = update(t, d, "s", h, func(next *stream.Head) { next.Deleted = true })
	aimed := batch(plain("x"))
	aimed.Incarnation = h.Incarnation
	large, small := staged(h, sampleTime.Unix())
	for what, b := range map[string]*stream.Batch{
		"plain": batch(plain("x")), "aimed": aimed, "produced": batch(produced("p", 0, 5, "x")),
		"new producer": batch(produced("q", 0, 0, "x")), "close": batch(&stream.Append{Close: true}),
		"several": batch(plain("x"), plain("y")),
	} {
		for name := range map[string]bool{"s": true, "sliding": true} {
			if _, applied := commit(t, d, name, b, l); applied {
				t.Errorf("%s was applied to the deleted stream %q", what, name)
			}
		}
	}
	if _, applied := commit(t, d, "s", large, small); applied {
		t.Error("what was staged was linked by a deleted stream")
	}
}
