package dynamo_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/eventsource"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// passes reports whether an image of an item passes the filter for the compaction.
func passes(t *testing.T, it item) bool {
	t.Helper()
	pattern, err := eventsource.CompilePattern(dynamo.EndedFilter)
	check(t, err)
	image := make(map[string]any)
	for name, v := range it {
		if s, ok := v.(*types.AttributeValueMemberS); ok {
			image[name] = map[string]any{"S": s.Value}
		}
	}
	return pattern.Match(map[string]any{"dynamodb": map[string]any{"NewImage": image}})
}

// Of all writes, only those that end a segment leave an image that passes the filter.
func TestEndedMark(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		ctx := g.Context()
		is := func(what string, want bool, h *stream.Head, err error) *stream.Head {
			g.Helper()
			check(g.T, err)
			if got := passes(g.T, g.item()); got != want {
				g.Errorf("%s: the image passes: %v, want %v", what, got, want)
			}
			if h != nil && h.Ended != want {
				g.Errorf("%s: the head says %v, want %v", what, h.Ended, want)
			}
			return h
		}
		// end stores a head that says that it ended a segment.
		end := func(h *stream.Head) *stream.Head {
			g.Helper()
			next := h.Clone()
			next.Version, next.Ended, next.Closed = h.Version+1, true, false
			is("update that ends", true, nil, g.Update(ctx, "s", next))
			return next
		}
		is("create", false, g.create(1), nil)
		h, err := g.Commit(ctx, "s", aBatch(1, body(10)), limits)
		is("commit", false, h, err)
		end(h)
		h, err = g.Commit(ctx, "s", aBatch(2, body(10)), limits)
		is("commit after an end", false, h, err)
		h = end(h)
		next := h.Clone()
		next.Version++
		is("update after an end", false, nil, g.Update(ctx, "s", next))
		h = end(next)
		h, err = g.Trim(ctx, "s", h, h.Tail, limits)
		is("trim after an end", false, h, err)
		h = end(h)
		h, err = g.Compact(ctx, h.Life("s"), 1)
		is("compact after an end", false, h, err)
		closing := body(10)
		closing.Close = true
		h, err = g.Commit(ctx, "s", aBatch(3, closing), limits)
		is("commit that closes", true, h, err)
		stored, err := g.Head(ctx, "s", stream.Strong)
		is("read after it", true, stored, err)
		fresh := aHead(2)
		fresh.Ended, fresh.Closed = true, true
		is("create, closed, in place of a head", true, nil, g.Create(ctx, "s", fresh, h))
		is("create in place of a head", false, nil, g.Create(ctx, "s", aHead(3), fresh))
		h = end(aHead(3))
		is("settle one of two after an end", false, nil, g.Settle(ctx, aLife(1)))
		h = end(h)
		is("settle the last after an end", false, nil, g.Settle(ctx, aLife(2)))
		end(h)
		is("fork after an end", false, nil, g.Fork(ctx, "fork", aFork(6, aLife(3)), nil, &stream.Lineage{Source: aLife(3)}, clock))
		h, err = g.Head(ctx, "s", stream.Strong)
		check(g.T, err)
		end(h)
		h, err = g.Release(ctx, aLife(3), aFork(6, aLife(3)).Life("fork"))
		is("release after an end", false, h, err)
		end(h)
		is("delete after an end", false, nil, g.Delete(ctx, "s", stream.Incarnation{3}))
		is("create over a tombstone", false, nil, g.Create(ctx, "s", aHead(4), nil))
		check(g.T, g.Delete(ctx, "s", stream.Incarnation{4}))
		fresh = aHead(5)
		fresh.Ended, fresh.Closed = true, true
		is("create, closed, over a tombstone", true, nil, g.Create(ctx, "s", fresh, nil))
	})
}

func TestNameOfHead(t *testing.T) {
	for _, c := range []struct {
		pk, sk, name string
		ok           bool
	}{
		{"stream#a#b", "head", "a#b", true},
		{"stream#", "head", "", true},
		{"stream#a", "other", "", false},
		{"data#01000000000000000000000000000000#a", "head", "", false},
		{"", "", "", false},
	} {
		name, ok := dynamo.NameOfHead(c.pk, c.sk)
		if ok != c.ok || ok && name != c.name {
			t.Errorf("%q, %q: %q, %v", c.pk, c.sk, name, ok)
		}
	}
}
