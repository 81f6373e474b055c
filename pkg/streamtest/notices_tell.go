package streamtest

import (
	"errors"
	"sync"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

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
