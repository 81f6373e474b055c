package streamtest

import (
	"slices"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// born and died are what the registry is to be told of a head's life.
func born(h *stream.Head) stream.Notice {
	return stream.Notice{Incarnation: h.Incarnation, ContentType: h.ContentType, CreatedAt: h.CreatedAt.UnixMilli()}
}

func died(h *stream.Head) stream.Notice {
	return stream.Notice{Incarnation: h.Incarnation, Over: true}
}

// wantOwing fails unless a name owes these notices, and the inventory says so too. It
// returns what the driver says.
func wantOwing(t *testing.T, d stream.Driver, name string, want ...stream.Notice) stream.Owing {
	t.Helper()
	owing, err := d.Owing(t.Context(), name)
	must(t, err)
	if owing.Name != name || !slices.Equal(owing.Notices, want) {
		t.Fatalf("%q owes %+v, want %+v", name, owing, want)
	}
	var found []stream.Notice
	for cursor := ""; ; {
		part, next, err := d.Inventory(t.Context(), cursor, 100)
		must(t, err)
		for _, it := range part {
			if it.Kind == stream.KindNotice && it.Life.Name == name {
				found = append(found, it.Notices...)
				if it.Life.Incarnation != it.Notices[0].Incarnation {
					t.Errorf("notices of life %v are listed as of %v", it.Notices[0].Incarnation, it.Life.Incarnation)
				}
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if !slices.Equal(found, want) {
		t.Errorf("the inventory lists %+v of %q, want %+v", found, name, want)
	}
	return owing
}

// following is the head that an update makes of another one.
func following(h *stream.Head) *stream.Head {
	next := h.Clone()
	next.Version++
	return next
}

// testNotices: what is owed is kept in order, whatever is written meanwhile, and refused
// with the write that it came with.
func testNotices(t *testing.T, d stream.Driver) {
	ctx, l := t.Context(), roomy()
	wantOwing(t, d, "s")
	a, b, c := openHead(), openHead(), openHead()
	b.CreatedAt, c.ContentType = b.CreatedAt.Add(time.Millisecond), `application/json; x="ü"`
	must(t, d.Create(ctx, "s", a, nil, born(a)))
	wantStored(t, d, "s", a)
	wantOwing(t, d, "s", born(a))
	wantRefused(t, d, "s", d.Create(ctx, "s", b, nil, born(b)), a)
	wantRefused(t, d, "s", d.Delete(ctx, "s", b.Incarnation, died(b)), a)
	wantRefused(t, d, "s", d.Update(ctx, "s", a, died(a)), a)
	wantOwing(t, d, "s", born(a))

	h, err := d.Commit(ctx, "s", batch(plain("record")), l)
	must(t, err)
	h, err = d.Trim(ctx, "s", h, h.Tail, l)
	must(t, err)
	h, err = d.Compact(ctx, h.Life("s"), 1)
	must(t, err)
	h = following(h)
	must(t, d.Update(ctx, "s", h))
	wantStored(t, d, "s", h)
	wantOwing(t, d, "s", born(a))

	must(t, d.Create(ctx, "s", b, h, died(a), born(b)))
	wantOwing(t, d, "s", born(a), died(a), born(b))
	must(t, d.Settle(ctx, a.Life("s")))
	must(t, d.Delete(ctx, "s", b.Incarnation, died(b)))
	wantOwing(t, d, "s", born(a), died(a), born(b), died(b))
	must(t, d.Settle(ctx, b.Life("s")))
	wantOwing(t, d, "s", born(a), died(a), born(b), died(b))
	wantStored(t, d, "s", nil)
	must(t, d.Create(ctx, "s", c, nil, born(c)))
	wantOwing(t, d, "s", born(a), died(a), born(b), died(b), born(c))
	wantOwing(t, d, "s2")
}

// testNoticesOfForks: the end of a source that is kept for its forks is told once, when it
// was deleted.
func testNoticesOfForks(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	s := openHead()
	must(t, d.Create(ctx, "s", s, nil))
	fork := forkHead(s.Life("s"), s.Tail)
	must(t, d.Fork(ctx, "f", fork, nil, lineageOf(fork), sampleTime, born(fork)))
	wantOwing(t, d, "f", born(fork))
	h, err := d.Head(ctx, "s", stream.Strong)
	must(t, err)
	deleted := following(h)
	deleted.Deleted = true
	must(t, d.Update(ctx, "s", deleted, died(s)))
	wantOwing(t, d, "s", died(s))
	must(t, d.Delete(ctx, "f", fork.Incarnation, died(fork)))
	h, err = d.Release(ctx, s.Life("s"), fork.Life("f"))
	must(t, err)
	wantRefused(t, d, "s", d.Delete(ctx, "s", s.Incarnation, died(s)), h)
	must(t, d.Delete(ctx, "s", s.Incarnation))
	wantOwing(t, d, "s", died(s))
	wantOwing(t, d, "f", born(fork), died(fork))
}
