package dynamo_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/meter"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// What the registry costs: a create owes a notice in the item that it writes anyway, and
// telling is a read for each stream, and a transaction for all of them, at twice the price
// of what it writes.
func TestRegistryRequests(t *testing.T) {
	s := newShop(t)
	s.registry = stream.Registry{On: true}
	register := func(names ...string) meter.Usage {
		t.Helper()
		if done, err := s.process().Register(t.Context(), names); err != nil || len(done.Failed) > 0 {
			t.Fatalf("%+v, %v", done, err)
		}
		return s.meter.Take()
	}
	s.create("s")
	s.costs("create", 0, 1, 0)
	register("s")
	s.create("t")
	s.meter.Take()
	if u := register("t"); u.Reads != 2 || u.Writes != 1 || u.WriteUnits != 4 {
		t.Errorf("telling of one: %v; want 2 reads, and a transaction of 4 WU", u)
	}
	if u := register("t"); u.Reads != 1 || u.Writes != 0 {
		t.Errorf("telling of nothing: %v; want a read", u)
	}
	if err := s.process().Delete(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	s.costs("delete", 1, 1, 0)
	register("t")
	var names []string
	for i := range 50 {
		names = append(names, fmt.Sprint("many ", i))
		s.create(names[i])
	}
	s.meter.Take()
	u := register(names...)
	t.Logf("telling of 50: %v", u)
	if u.Reads != 51 || u.Writes > 4 || u.WriteUnits > 150 {
		t.Errorf("telling of 50: %v", u)
	}
}

// Of all writes, only those that leave something to be told say so to the change stream,
// beside the ends of segments.
func TestNoticeMark(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		ctx := g.Context()
		notice := func(life byte, over bool) stream.Notice {
			return stream.Notice{Incarnation: stream.Incarnation{life}, Over: over}
		}
		is := func(what, want string, err error) {
			g.Helper()
			check(g.T, err)
			got := ""
			if it := g.item(); it[dynamo.ChangeAttribute] != nil {
				got = show(item{"": it[dynamo.ChangeAttribute]})
				if !passes(g.T, it) {
					g.Errorf("%s: the image does not pass the filter", what)
				}
			}
			if want != "" {
				want = show(item{"": &types.AttributeValueMemberS{Value: want}})
			}
			if got != want {
				g.Errorf("%s: the mark is %q, want %q", what, got, want)
			}
		}
		h := aHead(1)
		is("create", "2", g.Create(ctx, "s", h, nil, notice(1, false)))
		h, err := g.Commit(ctx, "s", aBatch(1, body(10)), limits)
		is("commit", "", err)
		next := h.Clone()
		next.Version, next.Deleted = h.Version+1, true
		is("update", "2", g.Update(ctx, "s", next, notice(1, true)))
		is("settle nothing", "2", g.Settle(ctx, aLife(9)))
		fresh := aHead(2)
		fresh.Ended, fresh.Closed = true, true
		is("create, closed, in place of a head", "3", g.Create(ctx, "s", fresh, next, notice(2, false)))
		if stored, err := g.Head(ctx, "s", stream.Strong); err != nil || !stored.Ended {
			g.Errorf("a segment ended: %+v, %v", stored, err)
		}
		is("settle", "", g.Settle(ctx, aLife(1)))
		is("delete", "2", g.Delete(ctx, "s", stream.Incarnation{2}, notice(2, true)))
		is("create over a tombstone", "2", g.Create(ctx, "s", aHead(3), nil, notice(3, false)))
		registry := aHead(4)
		check(g.T, g.Create(ctx, "r", registry, nil))
		owing, err := g.Owing(ctx, "s")
		check(g.T, err)
		next = registry.Clone()
		next.Version++
		is("tell", "", g.Tell(ctx, "r", next, []stream.Owing{owing}))
	})
}

// A tombstone goes an hour after both the collector and the registry have done their part,
// whoever is last; before that it stays.
func TestTombstoneOwesANotice(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		registry := aHead(9)
		check(g.T, g.Create(g.Context(), "r", registry, nil))
		tell := func() {
			g.Helper()
			owing, err := g.Owing(g.Context(), "s")
			check(g.T, err)
			next := registry.Clone()
			next.Version++
			check(g.T, g.Tell(g.Context(), "r", next, []stream.Owing{owing}))
			registry = next
		}
		goes := func(what string, want bool) {
			g.Helper()
			if it := g.item(); (it["ttl"] != nil) != want || it["x"] == nil {
				g.Errorf("%s: the tombstone is %s", what, show(it))
			}
		}
		for life, toldFirst := range []bool{true, false} {
			inc := byte(life + 1)
			g.create(inc)
			check(g.T, g.Delete(g.Context(), "s", stream.Incarnation{inc}, stream.Notice{Incarnation: stream.Incarnation{inc}, Over: true}))
			goes("deleted", false)
			if toldFirst {
				tell()
				goes("told", false)
				g.settle(inc)
			} else {
				g.settle(inc)
				goes("settled", false)
				tell()
			}
			goes("told and settled", true)
		}
	})
}
