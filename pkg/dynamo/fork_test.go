package dynamo_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/faults"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// aFork is the head of a stream that was forked from another one after 300 bytes.
func aFork(life byte, source stream.Life) *stream.Head {
	h := aHead(life)
	h.Origin = &stream.Origin{Source: source, At: stream.Offset{Position: 300}, Anchor: stream.Offset{Position: 200}, Sub: 100}
	h.Tail, h.SegmentSize, h.Sealed, h.Compacted = h.Origin.At, 300, true, 1
	h.Recent[0].Tail = h.Tail
	return h
}

// aSource creates a stream, and returns what its forks inherit.
func aSource(t *testing.T, d stream.Driver, name string, life byte) (stream.Life, *stream.Lineage) {
	t.Helper()
	h := aHead(life)
	check(t, d.Create(t.Context(), name, h, nil))
	source := h.Life(name)
	return source, &stream.Lineage{Source: source, Ranges: []stream.Inherited{{Life: source, To: stream.Offset{Position: 300}}}}
}

// forest is a table for tests of forks: the source "s" of the life 1.
type forest struct {
	*graveyard
	source  stream.Life
	lineage *stream.Lineage
}

// inForests runs a test on both stand-ins.
func inForests(t *testing.T, test func(f *forest)) {
	onBoth(t, func(g *graveyard) {
		f := &forest{graveyard: g}
		f.source, f.lineage = aSource(g.T, g.Store, "s", 1)
		test(f)
	})
}

// fork makes a fork of the source.
func (f *forest) fork(name string, life byte, replaced *stream.Head) error {
	return f.Fork(f.Context(), name, aFork(life, f.source), replaced, f.lineage, clock)
}

// has expects the source's count, and its notes.
func (f *forest) has(what string, want ...stream.Life) {
	f.Helper()
	noted, err := f.Forks(f.Context(), f.source, stream.Life{}, 100)
	check(f.T, err)
	if !reflect.DeepEqual(noted, want) {
		f.Errorf("%s: noted are %v, want %v", what, noted, want)
	}
	h, err := f.Head(f.Context(), "s", stream.Strong)
	check(f.T, err)
	if h.Forks != len(want) {
		f.Errorf("%s: the source counts %d forks, want %d", what, h.Forks, len(want))
	}
}

// A count that went back to 0 is none to everybody who looks at it.
func TestForkCount(t *testing.T) {
	inForests(t, func(f *forest) {
		ctx := f.Context()
		if it := f.item(); it["fk"] != nil || it["og"] != nil || it["dl"] != nil {
			f.Errorf("the head of no fork and without forks is %s", show(it))
		}
		check(f.T, f.fork("a", 2, nil))
		check(f.T, f.fork("b", 3, nil))
		f.has("two forks", aFork(2, f.source).Life("a"), aFork(3, f.source).Life("b"))
		var no *stream.RefusedError
		if err := f.Delete(ctx, "s", f.source.Incarnation); !errors.As(err, &no) || no.Head == nil || no.Head.Forks != 2 {
			f.Errorf("deleted, with two forks: %v", err)
		}
		for i, name := range []string{"a", "b"} {
			h, err := f.Release(ctx, f.source, aFork(byte(i+2), f.source).Life(name))
			check(f.T, err)
			if h == nil || h.Forks != 1-i || h.Version != uint64(4+i) {
				f.Errorf("after release %d: %+v", i, h)
			}
		}
		if it := f.item(); show(it["fk"]) != show(num("0")) {
			f.Errorf("the count is %s", show(it["fk"]))
		}
		f.has("none any more")
		_, err := f.Commit(ctx, "s", aBatch(1, body(10)), limits)
		check(f.T, err)
		check(f.T, f.fork("c", 4, nil))
		f.has("another one", aFork(4, f.source).Life("c"))
		_, err = f.Release(ctx, f.source, aFork(4, f.source).Life("c"))
		check(f.T, err)
		check(f.T, f.Delete(ctx, "s", f.source.Incarnation))
	})
}

// Neither of where a fork comes from nor of its forks is anything left in a grave.
func TestForkTombstone(t *testing.T) {
	inForests(t, func(f *forest) {
		h := aFork(2, f.source)
		check(f.T, f.Fork(f.Context(), "a", h, nil, f.lineage, clock))
		inner := &stream.Lineage{Source: h.Life("a")}
		check(f.T, f.Fork(f.Context(), "b", aFork(3, h.Life("a")), nil, inner, clock))
		h, err := f.Head(f.Context(), "a", stream.Strong)
		check(f.T, err)
		h = h.Clone()
		h.Deleted, h.Version = true, h.Version+1
		check(f.T, f.Update(f.Context(), "a", h))
		it := stored(f.T, f.client, f.table, "stream#a", "head")
		if it["og"] == nil || it["fk"] == nil || it["dl"] == nil {
			f.Errorf("the head is %s", show(it))
		}
		_, err = f.Release(f.Context(), h.Life("a"), aFork(3, h.Life("a")).Life("b"))
		check(f.T, err)
		check(f.T, f.Delete(f.Context(), "a", h.Incarnation))
		if it := stored(f.T, f.client, f.table, "stream#a", "head"); len(it) != 6 {
			f.Errorf("the tombstone is %s", show(it))
		}
		// The fork after it is told apart from the one before.
		check(f.T, f.fork("a", 4, nil))
		got, err := f.Head(f.Context(), "a", stream.Strong)
		check(f.T, err)
		if diff := differ(got, aFork(4, f.source)); diff != "" {
			f.Errorf("forked over a tombstone: %s", diff)
		}
		if it := stored(f.T, f.client, f.table, "stream#a", "head"); it["x"] != nil || it["ow"] == nil {
			f.Errorf("the head over a tombstone is %s", show(it))
		}
	})
}

// Who is refused is told by which head; the fork's own comes first.
func TestForkRefusals(t *testing.T) {
	inForests(t, func(f *forest) {
		gone := stream.Life{Name: "s", Incarnation: stream.Incarnation{9}}
		taken, grave := aHead(5), aHead(6)
		check(f.T, f.Create(f.Context(), "taken", taken, nil))
		check(f.T, f.Create(f.Context(), "grave", grave, nil))
		check(f.T, f.Delete(f.Context(), "grave", grave.Incarnation))
		check(f.T, f.Create(f.Context(), "grave of another", aHead(7), nil))
		check(f.T, f.Delete(f.Context(), "grave of another", aHead(7).Incarnation))
		for _, c := range []struct {
			name     string
			source   stream.Life
			replaced *stream.Head
			// refused is by which head; nil if it is by the source's.
			refused *stream.Head
		}{
			{"taken", f.source, nil, taken},
			{"taken", gone, nil, taken},
			{"taken", f.source, grave, taken},
			{"free", gone, nil, nil},
			{"grave", gone, nil, nil},
			{"taken", gone, taken, nil},
			{"free", stream.Life{Name: "nothing"}, nil, nil},
		} {
			what := fmt.Sprintf("%q from %v", c.name, c.source)
			err := f.Fork(f.Context(), c.name, aFork(2, c.source), c.replaced, f.lineage, clock)
			var no *stream.RefusedError
			var moved *stream.SourceError
			switch {
			case c.refused != nil && (!errors.As(err, &no) || differ(no.Head, c.refused) != ""):
				f.Errorf("%s: %v", what, err)
			case c.refused == nil && !errors.As(err, &moved):
				f.Errorf("%s: %v", what, err)
			case c.refused == nil && (moved.Head != nil) != (c.source.Name == "s"):
				f.Errorf("%s: the source's head is %+v", what, moved.Head)
			}
			if l, err := f.Lineage(f.Context(), aFork(2, c.source).Life(c.name)); l != nil || err != nil {
				f.Errorf("%s: a lineage is left: %v, %v", what, l, err)
			}
			f.has(what)
		}
		// In place of a head that is a grave meanwhile.
		var no *stream.RefusedError
		if err := f.fork("grave", 2, grave); !errors.As(err, &no) || no.Head != nil {
			f.Errorf("in place of one that is deleted: %v", err)
		}
	})
}

// A head in another layout is not touched, whichever it is.
func TestForkUnreadable(t *testing.T) {
	c := sdk(t, processes.dynoxide)
	table := newTable(t, c)
	d := newStore(t, c, table)
	source, lineage := aSource(t, d, "s", 1)
	aSource(t, d, "taken", 2)
	for _, name := range []string{"s", "taken"} {
		good := stored(t, c, table, "stream#"+name, "head")
		put(t, c, table, good, damage{"f", num("2")})
		for _, fork := range []string{"taken", "free"} {
			if fork == "free" && name == "taken" {
				continue
			}
			if err := d.Fork(t.Context(), fork, aFork(3, source), nil, lineage, clock); name == "s" && fork == "taken" {
				var no *stream.RefusedError
				if !errors.As(err, &no) {
					t.Errorf("taken: %v", err)
				}
			} else if outcomeOf(err) != rejected {
				t.Errorf("%q is unreadable, forking to %q: %v", name, fork, err)
			}
		}
		put(t, c, table, good, damage{"nothing", nothing})
	}
	if _, err := d.Head(t.Context(), "free", stream.Strong); !errors.Is(err, stream.ErrNoHead) {
		t.Errorf("a fork of what cannot be read: %v", err)
	}
}

// lastTransaction delivers the last transaction once more, as if it had got lost before.
func (f *forest) lastTransaction() func() error {
	in := *f.client.transactions[len(f.client.transactions)-1]
	return func() error {
		again := in // with a token of its own
		_, err := f.client.Client.TransactWriteItems(f.Context(), &again)
		return err
	}
}

// idle expects that a transaction that is delivered late is cancelled, and changes
// nothing.
func (f *forest) idle(what string, late func() error) {
	f.Helper()
	before := f.all()
	var cancelled *types.TransactionCanceledException
	if err := late(); !errors.As(err, &cancelled) {
		f.Errorf("%s: %v", what, err)
	}
	if after := f.all(); after != before {
		f.Errorf("%s: the table was\n%s\nand is\n%s", what, before, after)
	}
}

// all shows everything that is stored.
func (f *forest) all() string {
	f.Helper()
	out, err := f.client.Scan(f.Context(), &dynamodb.ScanInput{TableName: &f.table})
	check(f.T, err)
	all := make([]string, 0, len(out.Items))
	for _, it := range out.Items {
		all = append(all, show(it))
	}
	return strings.Join(all, "\n")
}

// Forks and releases that are delivered late bring nothing back and count nothing.
func TestLateForks(t *testing.T) {
	inForests(t, func(f *forest) {
		ctx := f.Context()
		end := func(name string, life byte) {
			f.Helper()
			fork := aFork(life, f.source).Life(name)
			check(f.T, f.Delete(ctx, name, fork.Incarnation))
			_, err := f.Release(ctx, f.source, fork)
			check(f.T, err)
			_, err = f.Discard(ctx, fork, 100)
			check(f.T, err)
		}
		check(f.T, f.fork("a", 2, nil))
		first := f.lastTransaction()
		f.idle("a fork while it lives", first)
		end("a", 2)
		release := f.lastTransaction()
		if err := f.fork("a", 2, nil); !errors.Is(err, stream.ErrRejected) {
			f.Errorf("the same fork once more: %v", err)
		}
		f.idle("a fork after its life", first)
		f.idle("a release after its life", release)
		check(f.T, f.fork("a", 3, nil))
		over := f.lastTransaction()
		f.idle("the first fork, in the second life", first)
		f.idle("a fork over a tombstone, in its life", over)
		f.idle("a release, in the second life", release)
		old, err := f.Head(ctx, "a", stream.Strong)
		check(f.T, err)
		check(f.T, f.fork("a", 4, old))
		replacing := f.lastTransaction()
		f.has("replaced, not yet released", aFork(3, f.source).Life("a"), aFork(4, f.source).Life("a"))
		f.idle("a replacement in its life", replacing)
		end("a", 4)
		for what, late := range map[string]func() error{"first": first, "over a tombstone": over, "replacing": replacing, "release": release} {
			f.idle(what+", after all lives", late)
		}
		// The source's next life is not counted in.
		_, err = f.Release(ctx, f.source, aFork(3, f.source).Life("a"))
		check(f.T, err)
		release = f.lastTransaction()
		check(f.T, f.fork("b", 5, nil))
		fork := f.lastTransaction()
		end("b", 5)
		check(f.T, f.Delete(ctx, "s", f.source.Incarnation))
		check(f.T, f.Create(ctx, "s", aHead(6), nil))
		f.idle("a fork, in the source's next life", fork)
		f.idle("a release, in the source's next life", release)
	})
}

// A note that nothing counts is taken off all the same.
func TestReleaseUncounted(t *testing.T) {
	inForests(t, func(f *forest) {
		ctx := f.Context()
		for i := range byte(4) {
			check(f.T, f.fork(fmt.Sprint(i), i+2, nil))
		}
		release := func(life byte) *stream.Head {
			f.Helper()
			h, err := f.Release(ctx, f.source, aFork(life, f.source).Life(fmt.Sprint(life-2)))
			check(f.T, err)
			return h
		}
		h, err := f.Head(ctx, "s", stream.Strong)
		check(f.T, err)
		next := h.Clone()
		next.Forks, next.Version = 0, h.Version+1
		check(f.T, f.Update(ctx, "s", next))
		if h := release(2); h == nil || differ(h, stream.Released(next)) != "" {
			f.Errorf("uncounted: %+v", h)
		}
		check(f.T, f.Delete(ctx, "s", f.source.Incarnation))
		if h := release(3); h != nil {
			f.Errorf("without a source: %+v", h)
		}
		check(f.T, f.Create(ctx, "s", aHead(9), nil))
		if h := release(4); h != nil {
			f.Errorf("of another life: %+v", h)
		}
		if h := release(4); h != nil {
			f.Errorf("twice, of another life: %+v", h)
		}
		left, err := f.Forks(ctx, f.source, stream.Life{}, 100)
		check(f.T, err)
		if len(left) != 1 || left[0].Name != "3" {
			f.Errorf("noted are %v", left)
		}
	})
}

// A release whose outcome cannot be read was made all the same, and can be repeated.
func TestReleaseUnread(t *testing.T) {
	direct := sdk(t, processes.dynoxide)
	table := newTable(t, direct)
	s := newStore(t, direct, table)
	source, lineage := aSource(t, s, "s", 1)
	fork := aFork(2, source)
	check(t, s.Fork(t.Context(), "a", fork, nil, lineage, clock))
	d := newDoor(t)
	through := d.store(t, table)
	for _, f := range []struct {
		name  string
		fails faults.Fault
	}{
		{"throttled", faults.Error(400, "ThrottlingException")}, {"not allowed", faults.Page(http.StatusForbidden)}, {"reset", faults.Of(faults.NotSent)},
	} {
		d.breaking(f.fails, "GetItem")
		if _, err := through.Release(within(t), source, fork.Life("a")); outcomeOf(err) != unknown {
			t.Errorf("%s: it is %s: %v", f.name, outcomeOf(err), err)
		}
	}
	if left, err := s.Forks(t.Context(), source, stream.Life{}, 10); err != nil || len(left) > 0 {
		t.Errorf("noted are %v, %v", left, err)
	}
	d.Use(nil)
	if h, err := through.Release(t.Context(), source, fork.Life("a")); err != nil || h == nil || h.Forks != 0 || h.Version != 3 {
		t.Errorf("repeated: %+v, %v", h, err)
	}
}

func TestForksOverPages(t *testing.T) {
	for _, size := range []int32{1, 3, 100} {
		d := onPages(t, size)
		source, lineage := aSource(t, d, "s", 200)
		var all []stream.Life
		for i := range byte(7) {
			h := aFork(2*i+1, source)
			// Names are in another order than lives.
			life := h.Life(strings.Repeat("x", int(9-i)))
			check(t, d.Fork(t.Context(), life.Name, h, nil, lineage, clock))
			all = append(all, life)
		}
		// Others of the same partition are no notes.
		check(t, d.SpillProducer(t.Context(), source, "p", stream.Producer{}))
		check(t, d.PutChunk(t.Context(), source, aChunk(0, "records")))
		for _, max := range []int{1, 2, 7, 100} {
			for i := range len(all) + 1 {
				after := stream.Life{}
				if i > 0 {
					after = stream.Life{Name: "a", Incarnation: all[i-1].Incarnation} // the name does not matter
				}
				got, err := d.Forks(t.Context(), source, after, max)
				check(t, err)
				if want := all[i:min(len(all), i+max)]; fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("pages of %d: %d after %v are %v, want %v", size, max, after, got, want)
				}
			}
			// After one that is not noted (any more).
			got, err := d.Forks(t.Context(), source, stream.Life{Incarnation: stream.Incarnation{4}}, max)
			check(t, err)
			if want := all[2:min(len(all), 2+max)]; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("pages of %d: %d after one that is gone are %v, want %v", size, max, got, want)
			}
		}
	}
}
