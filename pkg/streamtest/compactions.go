package streamtest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// compactDriver moves the mark of what is compacted and compares the outcome with that of
// the rule. It returns the stored head.
func compactDriver(t *testing.T, d stream.Driver, life stream.Life, segments uint64, allowed bool) *stream.Head {
	t.Helper()
	before, err := d.Head(t.Context(), life.Name, stream.Strong)
	must(t, err)
	want, admitted := stream.Compacted(before, life.Incarnation, segments)
	if admitted != allowed {
		t.Fatalf("the rule says %v of segments below %d; the test is wrong", admitted, segments)
	}
	h, err := d.Compact(t.Context(), life, segments)
	if !allowed {
		wantRefused(t, d, life.Name, err, before)
		return before
	}
	must(t, err)
	if diff := diffHeads(h, want); diff != "" {
		t.Fatalf("Compact returned another head than Compacted:\n%s", diff)
	}
	wantStored(t, d, life.Name, h)
	return h
}

func testCompact(t *testing.T, d stream.Driver) {
	ctx, l := t.Context(), roomy()
	full := fullHead()
	mustCreate(t, d, "full", full)
	life := full.Life("full")
	otherLife, otherName := life, life
	otherLife.Incarnation = newIncarnation()
	otherName.Name = "neighbour"
	neighbour := openHead()
	mustCreate(t, d, "neighbour", neighbour)

	for _, segments := range []uint64{0, 1, full.Compacted} {
		compactDriver(t, d, life, segments, false)
	}
	compactDriver(t, d, otherLife, 3, false)
	compactDriver(t, d, otherName, 3, false)
	if _, err := d.Compact(ctx, stream.Life{Name: "none", Incarnation: full.Incarnation}, 3); err == nil {
		t.Error("a name without a head was compacted")
	} else if refused, err := refusal(err); err != nil || refused.Head != nil {
		t.Errorf("a name without a head: %+v, %v, want a refusal without one", refused, err)
	}
	wantStored(t, d, "neighbour", neighbour)

	compactDriver(t, d, life, 3, true)
	compactDriver(t, d, life, 3, false)
	compactDriver(t, d, life, 2, false)
	// All of a closed stream, and then what no stream has: the rule is that of Compacted
	// and nothing else.
	compactDriver(t, d, life, full.Tail.Segment+1, true)
	h := compactDriver(t, d, life, 1<<40, true)
	compactDriver(t, d, life, 1<<40-1, false)
	trimmed, err := d.Trim(ctx, "full", h, h.Tail, l)
	must(t, err)
	if trimmed.Compacted != 1<<40 || trimmed.Version != h.Version+1 {
		t.Errorf("after the trim %d segments are compacted, in version %d", trimmed.Compacted, trimmed.Version)
	}

	// The first time, and with commits before, between and after.
	mustCreate(t, d, "s", openHead())
	h, _ = commit(t, d, "s", batch(plain("first")), l)
	compactDriver(t, d, h.Life("s"), 1, true)
	h, applied := commit(t, d, "s", batch(produced("p", 0, 0, "second")), l)
	if !applied || h.Compacted != 1 {
		t.Errorf("a commit after the compaction was applied: %v; %d segments are compacted", applied, h.Compacted)
	}
	compactDriver(t, d, h.Life("s"), 7, true)
	if _, applied := commit(t, d, "s", batch(plain("third")), l); !applied {
		t.Error("a commit after the second compaction was refused")
	}
	// An update of a head that is out of date is refused.
	next := h.Clone()
	next.Version++
	if refused, err := refusal(d.Update(ctx, "s", next)); err != nil || refused == nil {
		t.Errorf("an update from before the compaction: %+v, %v", refused, err)
	}
}

// testRaceCompact: each step is made by exactly one of many, and the mark never goes
// back, whoever else changes the head.
func testRaceCompact(t *testing.T, d stream.Driver) {
	ctx, l := t.Context(), roomy()
	h := openHead()
	mustCreate(t, d, "s", h)
	life := h.Life("s")
	for n := uint64(1); n <= 10; n++ {
		onlyOne(t, func(int) error { _, err := d.Compact(ctx, life, n); return err })
	}
	const compactors, writers, each = 4, 3, 15
	before, err := d.Head(ctx, "s", stream.Strong)
	must(t, err)
	var applied atomic.Uint64
	together(t, compactors+writers, func(i int) error {
		last := before.Compacted
		for n := range uint64(each) {
			var after *stream.Head
			if i < compactors {
				h, err := d.Compact(ctx, life, before.Compacted+1+n*uint64(1+i%2))
				refused, err := refusal(err)
				if err != nil {
					return err
				}
				if refused != nil {
					after = refused.Head
				} else {
					after = h
					applied.Add(1)
				}
			} else {
				h, refused, err := commitUntil(ctx, d, "s", batch(plain("x")), l)
				if err != nil || refused != nil {
					return fmt.Errorf("commit: refused by %+v: %w", refused, err)
				}
				after = h
				applied.Add(1)
			}
			if after.Compacted < last {
				return fmt.Errorf("the mark went back from %d to %d", last, after.Compacted)
			}
			last = after.Compacted
		}
		return nil
	})
	after, err := d.Head(ctx, "s", stream.Strong)
	must(t, err)
	if want := before.Compacted + 1 + 2*(each-1); after.Compacted != want {
		t.Errorf("%d segments are compacted, want %d", after.Compacted, want)
	}
	if after.Version != before.Version+applied.Load() {
		t.Errorf("version %d after %d changes of version %d", after.Version, applied.Load(), before.Version)
	}
	if want := before.Commits + writers*each; after.Commits != want {
		t.Errorf("%d commits, want %d", after.Commits, want)
	}
}
