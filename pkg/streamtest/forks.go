package streamtest

import (
	"slices"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// testFork: a fork is stored with all that belongs to it, and so is a fork of a fork.
func testFork(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	source := mustSource(t, d, "s")
	wantForks(t, d, source.Life("s"))
	wantLineage(t, d, source.Life("s"), nil)
	source, first := mustFork(t, d, "s", source, "first")
	source, second := mustFork(t, d, "s", source, "second")
	wantForks(t, d, source.Life("s"), first.Life("first"), second.Life("second"))
	wantForks(t, d, first.Life("first"))
	first, third := mustFork(t, d, "first", first, "third")
	wantForks(t, d, source.Life("s"), first.Life("first"), second.Life("second"))
	wantForks(t, d, first.Life("first"), third.Life("third"))
	wantLineage(t, d, source.Life("s"), nil)
	wantOwed(t, d)

	// All fields of a head are stored by this write too.
	full := fullHead()
	full.Origin.Source = source.Life("s")
	must(t, d.Fork(ctx, "full", full, nil, lineageOf(full), sampleTime))
	wantStored(t, d, "full", full)
	source, _ = stream.Forked(source, source.Life("s"), sampleTime)
	wantStored(t, d, "s", source)

	// Names of all kinds, of the source and of the fork.
	for i, name := range names {
		source := mustSource(t, d, name)
		fork := names[(i+1)%len(names)] + "/fork of " + name
		source, h := mustFork(t, d, name, source, fork)
		wantForks(t, d, source.Life(name), h.Life(fork))
	}
}

// testForkLineage stores lineages of all sizes.
func testForkLineage(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	source := mustSource(t, d, "s").Life("s")
	put := func(name string, l *stream.Lineage) stream.Life {
		t.Helper()
		h := forkHead(source, stream.Offset{Position: 9})
		must(t, d.Fork(ctx, name, h, nil, l, sampleTime))
		return h.Life(name)
	}
	deep := deepLineage(source)
	whole := put("deep", deep)
	// A fork at the beginning inherits nothing, and has a source all the same.
	nothing := put("nothing", &stream.Lineage{Source: source})
	some := put("some", &stream.Lineage{Source: source, Ranges: deep.Ranges[7:9]})
	for range 2 {
		wantLineage(t, d, whole, deep)
		wantLineage(t, d, nothing, &stream.Lineage{Source: source})
		wantLineage(t, d, some, &stream.Lineage{Source: source, Ranges: deep.Ranges[7:9]})
	}
	other := whole
	other.Incarnation = newIncarnation()
	wantLineage(t, d, other, nil)
	wantLineage(t, d, stream.Life{Name: "never", Incarnation: newIncarnation()}, nil)
	// It is data of the fork: it is there when the head is gone.
	must(t, d.Delete(ctx, "deep", whole.Incarnation))
	wantLineage(t, d, whole, deep)
}

// testForkRefused: where a create would be refused a fork is, with the same head, whatever
// became of its source.
func testForkRefused(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	source := mustSource(t, d, "s")
	taken := fullHead()
	mustCreate(t, d, "taken", taken)
	fork := forkHead(source.Life("s"), source.Tail)
	refused := func(name string, replaced, stored *stream.Head) {
		t.Helper()
		wantRefused(t, d, name, d.Fork(ctx, name, fork, replaced, lineageOf(fork), sampleTime), stored)
		wantNoFork(t, d, name, fork)
		wantStored(t, d, "s", source)
		wantOwed(t, d)
	}
	stale, newer, other := taken.Clone(), taken.Clone(), taken.Clone()
	stale.Version--
	newer.Version++
	other.Incarnation = newIncarnation()
	refuseAll := func() {
		t.Helper()
		refused("taken", nil, taken)
		refused("taken", stale, taken)
		refused("taken", newer, taken)
		refused("taken", other, taken)
		refused("free", taken, nil)
	}
	refuseAll()

	// The same fork again is refused too: the log tells its own by the incarnation.
	source, mine := mustFork(t, d, "s", source, "mine")
	again := func() {
		t.Helper()
		wantRefused(t, d, "mine", d.Fork(ctx, "mine", mine, nil, lineageOf(mine), sampleTime), mine)
		wantStored(t, d, "s", source)
		wantForks(t, d, source.Life("s"), mine.Life("mine"))
	}
	again()
	source = update(t, d, "s", source, func(next *stream.Head) { next.Deleted = true })
	refuseAll()
	again()
	wantLineage(t, d, mine.Life("mine"), lineageOf(mine))
}

// testForkReplaces: a fork takes the place of a stream that is over, whose data is owed
// from then on.
func testForkReplaces(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	source := mustSource(t, d, "s")
	over := endingHead(sampleTime)
	mustCreate(t, d, "f", over)
	fork := forkHead(source.Life("s"), source.Tail)
	must(t, d.Fork(ctx, "f", fork, over, lineageOf(fork), sampleTime))
	wantStored(t, d, "f", fork)
	source, _ = stream.Forked(source, source.Life("s"), sampleTime)
	wantStored(t, d, "s", source)
	wantForks(t, d, source.Life("s"), fork.Life("f"))
	wantLineage(t, d, fork.Life("f"), lineageOf(fork))
	wantOwed(t, d, over.Life("f"))

	// A fork that is over is replaced by one of the same source: until its data is
	// discarded both are noted.
	next := forkHead(source.Life("s"), source.Tail)
	wantRefused(t, d, "f", d.Fork(ctx, "f", next, over, lineageOf(next), sampleTime), fork)
	must(t, d.Fork(ctx, "f", next, fork, lineageOf(next), sampleTime))
	wantStored(t, d, "f", next)
	wantForks(t, d, source.Life("s"), fork.Life("f"), next.Life("f"))
	wantLineage(t, d, fork.Life("f"), lineageOf(fork))
	wantOwed(t, d, over.Life("f"), fork.Life("f"))
	if h, _ := wantCounted(t, d, "s"); h.Forks != 2 {
		t.Errorf("%d forks are counted, want 2", h.Forks)
	}
}

// testForkSourceGone: of a source that is missing, another one, deleted or over there is
// no fork, and nothing is left of the attempt.
func testForkSourceGone(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	end := sampleTime.Add(time.Hour + 7*time.Millisecond)
	over := endingHead(sampleTime)
	mustCreate(t, d, "over", over)
	gone := func(source stream.Life, stored *stream.Head, now time.Time) {
		t.Helper()
		before := allForks(t, d, source, stream.Life{}, 1000)
		fork := forkHead(source, stream.Offset{Position: 9})
		wantSourceGone(t, d, d.Fork(ctx, "f", fork, nil, lineageOf(fork), now), "f", fork, stored)
		wantStored(t, d, "f", nil)
		wantSourceGone(t, d, d.Fork(ctx, "over", fork, over, lineageOf(fork), now), "over", fork, stored)
		wantStored(t, d, "over", over)
		wantForks(t, d, source, before...)
		wantOwed(t, d)
		for _, life := range []stream.Life{fork.Life("f"), fork.Life("over")} {
			found, err := inventory(ctx, d, 100, nil)
			must(t, err)
			if of := found.of(life); len(of) > 0 {
				t.Fatalf("%v is left of a fork that had no effect", of[0])
			}
		}
	}
	gone(stream.Life{Name: "missing", Incarnation: newIncarnation()}, nil, sampleTime)

	source := mustSource(t, d, "s")
	gone(stream.Life{Name: "s", Incarnation: newIncarnation()}, source, sampleTime)

	ending := endingHead(end)
	mustCreate(t, d, "ending", ending)
	sliding := slidingHead(time.Minute, sampleTime)
	mustCreate(t, d, "sliding", sliding)
	for name, h := range map[string]*stream.Head{"ending": ending, "sliding": sliding} {
		// To the millisecond.
		gone(h.Life(name), h, h.Deadline)
		fork := forkHead(h.Life(name), h.Tail)
		must(t, d.Fork(ctx, "fork of "+name, fork, nil, lineageOf(fork), h.Deadline.Add(-time.Millisecond)))
		h, _ = stream.Forked(h, h.Life(name), sampleTime)
		wantStored(t, d, name, h)
		gone(h.Life(name), h, h.Deadline)
		gone(h.Life(name), h, h.Deadline.Add(1000*time.Hour))
	}

	// Deleted, with and without forks, whether it has an end or not.
	source = update(t, d, "s", source, func(next *stream.Head) { next.Deleted = true })
	gone(source.Life("s"), source, sampleTime)
	source = update(t, d, "s", source, func(next *stream.Head) { next.Deleted = false })
	source, _ = mustFork(t, d, "s", source, "its fork")
	source = update(t, d, "s", source, func(next *stream.Head) { next.Deleted = true })
	gone(source.Life("s"), source, sampleTime)
	h, _ := wantCounted(t, d, "ending")
	h = update(t, d, "ending", h, func(next *stream.Head) { next.Deleted = true })
	gone(h.Life("ending"), h, sampleTime)

	// A closed one can be forked.
	closed := openHead()
	closed.Closed = true
	mustCreate(t, d, "closed", closed)
	mustFork(t, d, "closed", closed, "open fork")
}

// testForks lists forks page by page, of each life those of its own.
func testForks(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	incarnations := []stream.Incarnation{{15: 1}, {14: 1}, {14: 0xff, 15: 0xff}, {0: 0x7f, 15: 0xff}, {0: 0x80}, {0: 0xff}}
	ones := stream.Incarnation{}
	for i := range ones {
		ones[i] = 0xff
	}
	incarnations = append(incarnations, ones)
	for len(incarnations) < len(names) {
		incarnations = append(incarnations, newIncarnation())
	}
	var all [][]stream.Life
	var sources []stream.Life
	for i, name := range []string{"s", "s/", "s"} {
		if i == 2 {
			// Again under the first name: what is noted of its first life stays that.
			h, _ := wantCounted(t, d, "s")
			must(t, d.Update(ctx, "s", unforked(h)))
			must(t, d.Delete(ctx, "s", h.Incarnation))
		}
		source := mustSource(t, d, name)
		var forks []stream.Life
		for n, inc := range incarnations {
			fork := forkHead(source.Life(name), source.Tail)
			fork.Incarnation = inc
			life := fork.Life(string(rune('a'+i)) + names[n])
			must(t, d.Fork(ctx, life.Name, fork, nil, lineageOf(fork), sampleTime))
			forks = append(forks, life)
		}
		sortForks(forks)
		all, sources = append(all, forks), append(sources, source.Life(name))
	}
	for i, source := range sources {
		for _, max := range []int{1, 4, len(incarnations), 1000} {
			if got := allForks(t, d, source, stream.Life{}, max); !slices.Equal(got, all[i]) {
				t.Fatalf("the forks of %v, %d at a time, are %v, want %v", source, max, got, all[i])
			}
		}
		for n, fork := range all[i] {
			// Only the incarnation says after which.
			for _, after := range []stream.Life{fork, {Incarnation: fork.Incarnation}, {Name: "\xff", Incarnation: fork.Incarnation}} {
				if got := allForks(t, d, source, after, 7); !slices.Equal(got, all[i][n+1:]) {
					t.Fatalf("the forks of %v after %v are %v, want %v", source, after, got, all[i][n+1:])
				}
			}
		}
		between := all[i][3]
		between.Incarnation[15]++
		if got := allForks(t, d, source, between, 100); !slices.Equal(got, all[i][4:]) && between.Incarnation[15] != 0 {
			t.Fatalf("the forks of %v after one that is none are %v, want %v", source, got, all[i][4:])
		}
	}
	wantForks(t, d, stream.Life{Name: "s", Incarnation: newIncarnation()})
}

// unforked is a head that says it has no forks, as only a mistake makes one.
func unforked(h *stream.Head) *stream.Head {
	next := h.Clone()
	next.Forks = 0
	next.Version++
	return next
}

// testManyForks has more forks than a store lists in one answer.
func testManyForks(t *testing.T, d stream.Driver) {
	const many = 800
	long := slices.Repeat([]byte("n"), stream.MaxName-4)
	name := string(long)
	source := mustSource(t, d, name).Life(name)
	var want []stream.Life
	for n := range many {
		fork := forkHead(source, stream.Offset{Position: 9})
		life := fork.Life(name + string(rune('!'+n%90)) + string(rune('!'+n/90)))
		must(t, d.Fork(t.Context(), life.Name, fork, nil, &stream.Lineage{Source: source}, sampleTime))
		want = append(want, life)
	}
	wantForks(t, d, source, want...)
	wantCounted(t, d, name)
	for _, max := range []int{100, many - 1, many} {
		if got := allForks(t, d, source, stream.Life{}, max); !slices.Equal(got, want) {
			t.Fatalf("%d forks are listed, %d at a time, want %d", len(got), max, many)
		}
	}
}
