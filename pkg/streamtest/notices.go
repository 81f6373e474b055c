package streamtest

import (
	"errors"
	"slices"
	"sync"
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

// testTell: the registry's head is stored and what is told is taken off, both or neither.
func testTell(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	registry, a, b := openHead(), openHead(), openHead()
	must(t, d.Create(ctx, "r", registry, nil))
	must(t, d.Create(ctx, "a", a, nil, born(a)))
	must(t, d.Create(ctx, "b", b, nil, born(b)))
	next := following(registry)
	next.Seq = "told"
	owing := []stream.Owing{wantOwing(t, d, "a", born(a)), wantOwing(t, d, "b", born(b))}
	untold := func(what string) {
		t.Helper()
		wantStored(t, d, "r", registry)
		wantOwing(t, d, "a", born(a))
		wantOwing(t, d, "b", born(b))
		if t.Failed() {
			t.Fatal(what)
		}
	}
	wantRefused(t, d, "r", d.Tell(ctx, "r", following(next), owing), registry)
	untold("another version")
	other := next.Clone()
	other.Incarnation = newIncarnation()
	wantRefused(t, d, "r", d.Tell(ctx, "r", other, owing), registry)
	untold("another life")
	for what, wrong := range map[string][]stream.Owing{
		"another notice":        {owing[0], {Name: "b", Notices: []stream.Notice{died(b)}}},
		"more than is owed":     {owing[0], {Name: "b", Notices: []stream.Notice{born(b), died(b)}}},
		"a name that owes none": {owing[0], {Name: "c", Notices: []stream.Notice{born(b)}}},
	} {
		var owe *stream.OwingError
		if err := d.Tell(ctx, "r", next, wrong); !errors.As(err, &owe) || owe.Name != wrong[1].Name {
			t.Errorf("%s: %v", what, err)
		}
		untold(what)
	}

	must(t, d.Tell(ctx, "r", next, owing))
	wantStored(t, d, "r", next)
	wantOwing(t, d, "a")
	wantOwing(t, d, "b")
	wantStored(t, d, "a", a)
	var owe *stream.OwingError
	if err := d.Tell(ctx, "r", following(next), owing); !errors.As(err, &owe) {
		t.Errorf("told twice: %v", err)
	}
	wantStored(t, d, "r", next)
	must(t, d.Delete(ctx, "a", a.Incarnation, died(a)))
	must(t, d.Tell(ctx, "r", following(next), []stream.Owing{wantOwing(t, d, "a", died(a))}))
	wantOwing(t, d, "a")
}

// testTellOfTheRegistry: what the registry itself owes is taken off as others' notices are.
func testTellOfTheRegistry(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	registry, a := openHead(), openHead()
	must(t, d.Create(ctx, "r", registry, nil, died(a), born(registry)))
	must(t, d.Create(ctx, "a", a, nil, born(a)))
	own, other := wantOwing(t, d, "r", died(a), born(registry)), wantOwing(t, d, "a", born(a))
	next := following(registry)
	var owe *stream.OwingError
	wrong := stream.Owing{Name: "r", Notices: own.Notices[:1]}
	if err := d.Tell(ctx, "r", next, []stream.Owing{other, wrong}); !errors.As(err, &owe) || owe.Name != "r" {
		t.Errorf("not all that the registry owes: %v", err)
	}
	wantRefused(t, d, "r", d.Tell(ctx, "r", following(next), []stream.Owing{other, own}), registry)
	wantStored(t, d, "r", registry)
	wantOwing(t, d, "a", born(a))

	must(t, d.Tell(ctx, "r", next, []stream.Owing{other, own}))
	wantStored(t, d, "r", next)
	wantOwing(t, d, "r")
	wantOwing(t, d, "a")
	if err := d.Tell(ctx, "r", following(next), []stream.Owing{own}); !errors.As(err, &owe) || owe.Name != "r" {
		t.Errorf("taken off twice: %v", err)
	}
	must(t, d.Update(ctx, "r", following(next), born(a)))
	must(t, d.Tell(ctx, "r", following(following(next)), []stream.Owing{wantOwing(t, d, "r", born(a))}))
	wantOwing(t, d, "r")
	wantStored(t, d, "r", following(following(next)))
}

// testTellTheDead: the end of a life is told before and after its data is discarded, and
// the name can be created again at any time.
func testTellTheDead(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	registry := openHead()
	must(t, d.Create(ctx, "r", registry, nil))
	tell := func(owing stream.Owing) error {
		next := following(registry)
		err := d.Tell(ctx, "r", next, []stream.Owing{owing})
		if err == nil {
			registry = next
		}
		return err
	}
	for _, settled := range []string{"never", "first", "meanwhile", "after"} {
		for _, again := range []string{"never", "meanwhile", "after"} {
			name := settled + " " + again
			h, fresh := openHead(), openHead()
			must(t, d.Create(ctx, name, h, nil))
			must(t, d.Delete(ctx, name, h.Incarnation, died(h)))
			settle := func(when string) {
				if settled == when {
					must(t, d.Settle(ctx, h.Life(name)))
				}
			}
			create := func(when string) {
				if again == when {
					must(t, d.Create(ctx, name, fresh, nil, born(fresh)))
				}
			}
			settle("first")
			owing := wantOwing(t, d, name, died(h))
			settle("meanwhile")
			create("meanwhile")
			want := []stream.Notice{died(h)}
			if again == "meanwhile" {
				want = append(want, born(fresh))
			}
			var owe *stream.OwingError
			err := tell(owing)
			if errors.As(err, &owe) {
				err = tell(wantOwing(t, d, name, want...))
			}
			must(t, err)
			wantOwing(t, d, name)
			settle("after")
			create("after")
			if again == "after" {
				wantOwing(t, d, name, born(fresh))
			}
			if again != "never" {
				wantStored(t, d, name, fresh)
			}
		}
	}
}

// testRaceTell: of several that tell the same, one does.
func testRaceTell(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	registry, h := openHead(), openHead()
	must(t, d.Create(ctx, "r", registry, nil))
	must(t, d.Create(ctx, "s", h, nil, born(h)))
	owing := wantOwing(t, d, "s", born(h))
	var mu sync.Mutex
	var group sync.WaitGroup
	told := 0
	for range 8 {
		group.Go(func() {
			at := registry
			for {
				next := following(at)
				next.Commits++
				err := d.Tell(ctx, "r", next, []stream.Owing{owing})
				var refused *stream.RefusedError
				var owe *stream.OwingError
				switch {
				case err == nil:
					mu.Lock()
					told++
					mu.Unlock()
					return
				case errors.As(err, &refused):
					at = refused.Head
				case errors.As(err, &owe):
					return
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	stored, err := d.Head(ctx, "r", stream.Strong)
	must(t, err)
	if told != 1 || stored.Commits != registry.Commits+1 {
		t.Errorf("%d told, and the registry has %d commits more", told, stored.Commits-registry.Commits)
	}
	wantOwing(t, d, "s")
}
