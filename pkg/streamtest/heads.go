package streamtest

import (
	"errors"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func testHeadRoundTrip(t *testing.T, d stream.Driver) {
	full := fullHead()
	mustCreate(t, d, "full", full)
	wantStored(t, d, "full", full)
	if h, err := d.Head(t.Context(), "full", stream.Eventual); err == nil {
		if diff := diffHeads(h, full); diff != "" {
			t.Errorf("eventual read:\n%s", diff)
		}
	} else if !errors.Is(err, stream.ErrNoHead) {
		t.Errorf("eventual read: %v", err)
	}

	ending := endingHead(sampleTime.Add(time.Hour + 7*time.Millisecond))
	mustCreate(t, d, "ending", ending)
	wantStored(t, d, "ending", ending)
	sliding := slidingHead(time.Second, sampleTime)
	mustCreate(t, d, "sliding", sliding)
	wantStored(t, d, "sliding", sliding)

	bare := openHead()
	bare.ContentType = ""
	mustCreate(t, d, "bare", bare)
	wantStored(t, d, "bare", bare)

	// A head with empty maps and slices is as good as one with none.
	empty := openHead()
	empty.Producers = map[string]stream.HeldProducer{}
	empty.Burned, empty.Buffer = []stream.Burned{}, []*stream.Entry{}
	mustCreate(t, d, "empty", empty)
	wantStored(t, d, "empty", empty)

	// An update may change everything but the incarnation, in both directions.
	emptied := bare.Clone()
	emptied.Incarnation, emptied.Version = full.Incarnation, full.Version+1
	must(t, d.Update(t.Context(), "full", emptied))
	wantStored(t, d, "full", emptied)
	refilled := full.Clone()
	refilled.Version, refilled.Ended = emptied.Version+1, true
	must(t, d.Update(t.Context(), "full", refilled))
	wantStored(t, d, "full", refilled)
}

// names are names that a careless key encoding mixes up.
var names = []string{
	"a", "a/", "a/b", "a/b/c", "ab", "a b", "a\x00", "a\x00b", "a\x01", "/a", "//a", "A", "a.", "a..", "a#", "a#b", "a|b", "a:b",
	"ü", "ü/✓", "u\u0308", "%61", "a%2Fb", "a?b=c&d", "0", "00", "\u007f", "𝄞/long" + longName,
}

var longName = func() string {
	b := make([]byte, 200)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return string(b)
}()

func testHeadNames(t *testing.T, d stream.Driver) {
	heads := make(map[string]*stream.Head)
	for i, name := range names {
		h := openHead()
		h.Seq = name
		h.Version = uint64(i + 1)
		mustCreate(t, d, name, h)
		heads[name] = h
	}
	for name, h := range heads {
		wantStored(t, d, name, h)
	}
	// Deleting one must not touch the others.
	for i, name := range names {
		if i%2 == 0 {
			must(t, d.Delete(t.Context(), name, heads[name].Incarnation))
			heads[name] = nil
		}
	}
	for name, h := range heads {
		wantStored(t, d, name, h)
	}
}

// testHeadsAreImmutable keeps every head that the driver hands out, and compares
// them with copies after more writes.
func testHeadsAreImmutable(t *testing.T, d stream.Driver) {
	ctx, l := t.Context(), roomy()
	l.Remember = 2
	type pair struct{ held, copied *stream.Head }
	var pairs []pair
	keep := func(h *stream.Head, err error) *stream.Head {
		t.Helper()
		must(t, err)
		pairs = append(pairs, pair{h, normal(h)})
		// A caller may work out heads of its own from one that it was given.
		if next, ok := stream.Admit(h, batch(plain("never committed")), l); ok {
			pairs = append(pairs, pair{next, normal(next)})
		}
		return h
	}
	mustCreate(t, d, "s", openHead())
	keep(d.Head(ctx, "s", stream.Strong))
	for i := range uint64(6) {
		// Those that a trim forgot were made before.
		b := madeAt(sampleTime.Add(time.Duration(i)*time.Millisecond), batch(produced("p", 0, i, "some text")))
		keep(d.Commit(ctx, "s", b, l))
		h := keep(d.Head(ctx, "s", stream.Strong))
		if i%2 == 1 {
			keep(d.Trim(ctx, "s", h, h.Buffer[0].To, l))
		}
		if i == 3 {
			h = keep(d.Compact(ctx, h.Life("s"), 1))
			keep(d.Trim(ctx, "s", h, h.Tail, l))
		}
	}
	for i, p := range pairs {
		if diff := diffHeads(p.held, p.copied); diff != "" {
			t.Errorf("head %d was changed after it was handed out:\n%s", i, diff)
		}
	}
}

func testCreate(t *testing.T, d stream.Driver) {
	first, second := fullHead(), openHead()
	mustCreate(t, d, "s", first)
	wantRefused(t, d, "s", d.Create(t.Context(), "s", second, nil), first)
	// The same head again is refused too: the log tells its own by the incarnation.
	wantRefused(t, d, "s", d.Create(t.Context(), "s", first, nil), first)
	if owed := owed(t, d); len(owed) != 0 {
		t.Errorf("creating left work: %v", owed)
	}
}

func testReplace(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	old, fresh := fullHead(), openHead()
	wantRefused(t, d, "s", d.Create(ctx, "s", fresh, old), nil)
	mustCreate(t, d, "s", old)

	stale := old.Clone()
	stale.Version--
	wantRefused(t, d, "s", d.Create(ctx, "s", fresh, stale), old)
	newer := old.Clone()
	newer.Version++
	wantRefused(t, d, "s", d.Create(ctx, "s", fresh, newer), old)
	other := old.Clone()
	other.Incarnation = newIncarnation()
	wantRefused(t, d, "s", d.Create(ctx, "s", fresh, other), old)
	if owed := owed(t, d); len(owed) != 0 {
		t.Fatalf("a refused create left work: %v", owed)
	}

	must(t, d.Create(ctx, "s", fresh, old))
	wantStored(t, d, "s", fresh)
	wantOwed(t, d, old.Life("s"))
	wantRefused(t, d, "s", d.Create(ctx, "s", openHead(), old), fresh)
	wantOwed(t, d, old.Life("s"))
}

func testUpdate(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	at := func(h *stream.Head, version uint64, seq string) *stream.Head {
		next := h.Clone()
		next.Version, next.Seq = version, seq
		return next
	}
	h := openHead()
	h.Version = 10
	mustCreate(t, d, "s", h)
	for _, version := range []uint64{1, 9, 10, 12, 20} {
		wantRefused(t, d, "s", d.Update(ctx, "s", at(h, version, "refused")), h)
	}
	other := at(h, 11, "other life")
	other.Incarnation = newIncarnation()
	wantRefused(t, d, "s", d.Update(ctx, "s", other), h)

	next := at(h, 11, "applied")
	must(t, d.Update(ctx, "s", next))
	wantStored(t, d, "s", next)
	wantRefused(t, d, "s", d.Update(ctx, "s", next), next)
	wantRefused(t, d, "s", d.Update(ctx, "s", at(h, 11, "too late")), next)
}

func testDelete(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	first, second := fullHead(), openHead()
	first.Forks = 0
	mustCreate(t, d, "s", first)
	mustCreate(t, d, "neighbour", second)
	wantRefused(t, d, "s", d.Delete(ctx, "s", newIncarnation()), first)
	if owed := owed(t, d); len(owed) != 0 {
		t.Fatalf("a refused delete left work: %v", owed)
	}
	must(t, d.Delete(ctx, "s", first.Incarnation))
	wantStored(t, d, "s", nil)
	wantStored(t, d, "neighbour", second)
	gone := first.Life("s")
	wantOwed(t, d, gone)
	wantRefused(t, d, "s", d.Delete(ctx, "s", first.Incarnation), nil)

	third := openHead()
	mustCreate(t, d, "s", third)
	wantRefused(t, d, "s", d.Delete(ctx, "s", first.Incarnation), third)
	must(t, d.Delete(ctx, "s", third.Incarnation))
	wantOwed(t, d, gone, third.Life("s"))
}

func testNoHead(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	wantStored(t, d, "s", nil)
	if h, err := d.Head(ctx, "s", stream.Eventual); !errors.Is(err, stream.ErrNoHead) {
		t.Errorf("eventual read of nothing: %v, %v", h, err)
	}
	h := fullHead()
	_, err := d.Commit(ctx, "s", batch(plain("x")), roomy())
	wantRefused(t, d, "s", err, nil)
	wantRefused(t, d, "s", d.Update(ctx, "s", h), nil)
	_, err = d.Trim(ctx, "s", h, h.Tail, roomy())
	wantRefused(t, d, "s", err, nil)
	_, err = d.Compact(ctx, h.Life("s"), 100)
	wantRefused(t, d, "s", err, nil)
	wantRefused(t, d, "s", d.Delete(ctx, "s", h.Incarnation), nil)
	if owed := owed(t, d); len(owed) != 0 {
		t.Errorf("refused writes left work: %v", owed)
	}
}
