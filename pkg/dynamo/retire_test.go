package dynamo_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// What is retired is marked once, read all the same, and never brought back.
func TestRetire(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		ctx, life := g.Context(), aLife(1)
		pk := "data#01000000000000000000000000000000#s"
		var chunks []stream.Offset
		for i := range 20 {
			c := aChunk(uint64(10*i), "0123456789")
			check(g.T, g.PutChunk(ctx, life, c))
			chunks = append(chunks, c.To)
		}
		id := stream.StagedID{Commit: 3, Part: 1, At: 5}
		check(g.T, g.PutStaged(ctx, life, id, aChunk(0, "records").Frames))
		marked := func(what, sk string, want time.Time) {
			g.Helper()
			ttl, _ := stored(g.T, g.client, g.table, pk, sk)["ttl"].(*types.AttributeValueMemberN)
			if ttl == nil || ttl.Value != fmt.Sprint(want.Unix()) {
				g.Errorf("%s: %s may be removed at %v, want %v", what, sk, show(ttl), want)
			}
		}
		const staged = "staged#00000000005-0000000000000003-0001"
		check(g.T, g.Retire(ctx, life, chunks[:18], []stream.StagedID{id}))
		first := g.now.Add(24 * time.Hour)
		for _, to := range chunks[:18] {
			marked("retired", "chunk#"+to.String(), first)
		}
		marked("retired", staged, first)
		if it := stored(g.T, g.client, g.table, pk, "chunk#"+chunks[18].String()); it["ttl"] != nil {
			g.Errorf("another chunk is marked: %s", show(it))
		}
		g.now = g.now.Add(time.Hour)
		check(g.T, g.Retire(ctx, life, chunks, []stream.StagedID{id}))
		marked("retired twice", "chunk#"+chunks[0].String(), first)
		marked("retired twice", staged, first)
		marked("retired later", "chunk#"+chunks[19].String(), first.Add(time.Hour))
		if got, err := g.Chunks(ctx, life, stream.Offset{}, 1<<20); err != nil || len(got) != len(chunks) {
			g.Errorf("%d chunks can be read, %v", len(got), err)
		}
		if _, err := g.Staged(ctx, life, id); err != nil {
			g.Error(err)
		}
		check(g.T, g.Retire(ctx, life, nil, nil))

		// What is gone stays so.
		for ended := false; !ended; {
			var err error
			ended, err = g.Discard(ctx, life, 100)
			check(g.T, err)
		}
		check(g.T, g.Retire(ctx, life, chunks, []stream.StagedID{id}))
		if found, failed := walk(g.T, g.Store, 100); len(found)+failed > 0 {
			g.Errorf("back are %+v, and %d times something that cannot be read", found, failed)
		}
	})
}

func TestRetireAfter(t *testing.T) {
	c := sdk(t, processes.dynoxide)
	table := newTable(t, c)
	d, err := dynamo.New(c, dynamo.Options{Table: table, RetireAfter: time.Minute, Now: func() time.Time { return clock }})
	check(t, err)
	chunk := aChunk(0, "records")
	check(t, d.PutChunk(t.Context(), aLife(1), chunk))
	check(t, d.Retire(t.Context(), aLife(1), []stream.Offset{chunk.To}, nil))
	it := stored(t, c, table, "data#01000000000000000000000000000000#s", "chunk#"+chunk.To.String())
	if got, want := show(it["ttl"]), show(num(fmt.Sprint(clock.Add(time.Minute).Unix()))); got != want {
		t.Errorf("it may be removed at %s, want %s", got, want)
	}
}

// Compact counts up only, and takes nothing else with it.
func TestCompact(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		h := g.create(1)
		for _, step := range []struct {
			life byte
			n    uint64
			ok   bool
		}{
			{1, 0, false}, {2, 1, false}, {1, 3, true}, {1, 3, false}, {1, 2, false}, {1, 0, false}, {1, 4, true},
		} {
			want, ok := stream.Compacted(h, stream.Incarnation{step.life}, step.n)
			if ok != step.ok {
				g.Fatalf("the rule says %v of %+v", ok, step)
			}
			got, err := g.Compact(g.Context(), aLife(step.life), step.n)
			var no *stream.RefusedError
			switch {
			case ok:
				check(g.T, err)
				h = got
				if diff := differ(got, want); diff != "" {
					g.Errorf("%+v: %s", step, diff)
				}
			case !errors.As(err, &no):
				g.Errorf("%+v: %v", step, err)
			default:
				if diff := differ(no.Head, h); diff != "" {
					g.Errorf("%+v: refused with another head: %s", step, diff)
				}
			}
		}
		var no *stream.RefusedError
		if _, err := g.Compact(g.Context(), stream.Life{Name: "other", Incarnation: h.Incarnation}, 9); !errors.As(err, &no) || no.Head != nil {
			g.Errorf("where there is nothing: %v", err)
		}
	})
}
