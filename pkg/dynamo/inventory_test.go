package dynamo_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// walk returns all that is stored. Errors are counted.
func walk(t *testing.T, d stream.Driver, n int) (all []stream.Stored, failed int) {
	t.Helper()
	for cursor := ""; ; {
		found, next, err := d.Inventory(t.Context(), cursor, n)
		if len(found) > n {
			t.Errorf("%d things at once, not %d", len(found), n)
		}
		if err != nil {
			failed++
			if outcomeOf(err) != rejected {
				t.Errorf("an error of another kind: %v", err)
			}
		}
		all = append(all, found...)
		if next == "" {
			return all, failed
		}
		if next == cursor {
			t.Fatalf("it stands still at %q: %v", cursor, err)
		}
		cursor = next
	}
}

// A walk finds everything once, says whose it is, and says nothing of what belongs to no
// life.
func TestInventory(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		ctx, life := g.Context(), stream.Life{Name: "a#b/\"ü\x00", Incarnation: stream.Incarnation{0xab, 15: 0xcd}}
		h := aHead(1)
		h.UsedAt = clock
		check(g.T, g.Create(ctx, "s", h, nil))
		check(g.T, g.Create(ctx, "dead", aHead(2), nil))
		check(g.T, g.Delete(ctx, "dead", stream.Incarnation{2}))
		check(g.T, g.SetCursor(ctx, "walk", "here"))
		chunk, linked := aChunk(0, "records"), stream.Chunk{From: stream.Offset{Position: 7}, To: stream.Offset{Segment: 1, Position: 9}, Count: 1, Size: 9}
		item := stream.StagedID{Commit: 1<<64 - 1, Part: 10_000, At: 1_767_323_045}
		linked.Staged = stream.StagedID{Commit: 5, Part: 1, At: 6, Object: true}
		m := stream.Manifest{Segment: 12, To: stream.Offset{Segment: 12, Position: 3}, Count: 3, Object: "o", Size: 5, CRC: 6, Tail: []byte("tail")}
		check(g.T, g.PutChunk(ctx, life, chunk))
		check(g.T, g.PutChunk(ctx, life, linked))
		check(g.T, g.PutStaged(ctx, life, item, chunk.Frames))
		check(g.T, g.PutStaged(ctx, life, stream.StagedID{Commit: 7}, chunk.Frames))
		check(g.T, g.SpillProducer(ctx, life, "p#q", stream.Producer{Seq: 1}))
		check(g.T, g.PutManifest(ctx, life, m))
		check(g.T, g.Retire(ctx, life, []stream.Offset{chunk.To}, []stream.StagedID{item}))
		fork, lineage := aFork(3, life), &stream.Lineage{Source: life, Ranges: []stream.Inherited{{Life: life, To: chunk.To}}}
		source := aHead(4)
		source.Incarnation = life.Incarnation
		check(g.T, g.Create(ctx, life.Name, source, nil))
		check(g.T, g.Fork(ctx, "f#\x00", fork, nil, lineage, clock))
		source.Forks, source.Version = 1, source.Version+1
		want := []stream.Stored{
			{Kind: stream.KindHead, Life: life, Head: source},
			{Kind: stream.KindHead, Life: fork.Life("f#\x00"), Head: fork},
			{Kind: stream.KindLineage, Life: fork.Life("f#\x00")},
			{Kind: stream.KindFork, Life: life, Fork: fork.Life("f#\x00")},
			{Kind: stream.KindHead, Life: h.Life("s"), Head: h},
			{Kind: stream.KindChunk, Life: life, Chunk: &chunk, Retired: true},
			{Kind: stream.KindChunk, Life: life, Chunk: &linked},
			{Kind: stream.KindStaged, Life: life, Staged: item, Retired: true},
			{Kind: stream.KindStaged, Life: life, Staged: stream.StagedID{Commit: 7}},
			{Kind: stream.KindProducer, Life: life},
			{Kind: stream.KindManifest, Life: life, Manifest: &m},
		}
		for _, n := range []int{1, 3, 100} {
			got, failed := walk(g.T, g.Store, n)
			if failed > 0 || len(got) != len(want) {
				g.Errorf("%d things and %d errors, want %d things", len(got), failed, len(want))
			}
			for _, w := range want {
				if !slices.ContainsFunc(got, func(s stream.Stored) bool { return same(s, w) }) {
					g.Errorf("%d at a time: no %+v among %+v", n, w, got)
				}
			}
		}
	})
}

// same compares what is stored; heads by what differ looks at.
func same(a, b stream.Stored) bool {
	if a.Head != nil && b.Head != nil && differ(a.Head, b.Head) == "" {
		a.Head = b.Head
	}
	return reflect.DeepEqual(a, b)
}

// What cannot be read is an error, and does not hide what can be.
func TestUnreadableInventory(t *testing.T) {
	c := sdk(t, processes.dynoxide)
	table := newTable(t, c)
	d, life := newStore(t, c, table), aLife(1)
	check(t, d.Create(t.Context(), "s", aHead(1), nil))
	for i := range 3 {
		check(t, d.PutStaged(t.Context(), life, stream.StagedID{Commit: stream.StagedCommit(i + 1)}, aChunk(0, "x").Frames))
	}
	key := func(pk, sk string) item { return item{"pk": str(pk), "sk": str(sk), "f": num("2")} }
	const data = "data#01000000000000000000000000000000#s"
	bad := []item{
		key("other", "head"), key("stream#t", "other"), key("stream#t", "head"),
		key("data#01#s", "producer#p"), key("data#010000000000000000000000000000FF#s", "producer#p"), key("data#01000000000000000000000000000000", "producer#p"),
		key(data, "other"), key(data, "lineage"), key(data, "fork#1"), key(data, "fork#02000000000000000000000000000000"), key(data, "fork#020000000000000000000000000000FF#s"),
		key(data, "chunk#1"), key(data, "segment#1"), key(data, "staged#1"),
		key(data, "staged#00000000000-0000000000000001-1"), key(data, "staged#0000000000x-0000000000000001-0000"), key(data, "staged#00000000000-000000000000000g-0000"),
	}
	for _, sk := range []string{"producer#p", "fork#02000000000000000000000000000000#s", "staged#00000000000-0000000000000009-0000"} {
		it := key(data, sk)
		it["f"] = num("3")
		bad = append(bad, it)
	}
	for _, it := range bad {
		put(t, c, table, it, damage{"nothing", nothing})
	}
	found, failed := walk(t, d, 1)
	if len(found) != 4 || failed != len(bad) {
		t.Errorf("one at a time: %d things and %d errors, want 4 and %d", len(found), failed, len(bad))
	}
	if found, failed := walk(t, d, 100); len(found) != 4 || failed != 1 {
		t.Errorf("at once: %d things and %d errors, want 4 and 1", len(found), failed)
	}
	for _, cursor := range []string{"x", "[]", `["a"]`, `["a","b","c"]`, `{"a":"b"}`, "3"} {
		if found, next, err := d.Inventory(t.Context(), cursor, 10); outcomeOf(err) != rejected || next != cursor || found != nil {
			t.Errorf("from the cursor %q: %v, %q, %v", cursor, found, next, err)
		}
	}
}

func TestCursors(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		is := func(key, want string) {
			g.Helper()
			if got, err := g.Cursor(g.Context(), key); got != want || err != nil {
				g.Errorf("the cursor of %q is %q, %v; want %q", key, got, err, want)
			}
		}
		is("k", "")
		check(g.T, g.SetCursor(g.Context(), "k", `["a","b"]`))
		check(g.T, g.SetCursor(g.Context(), "l", "other"))
		is("k", `["a","b"]`)
		check(g.T, g.SetCursor(g.Context(), "k", ""))
		is("k", "")
		is("l", "other")
	})
}

// FuzzParseCursor: a cursor is the key of an item, and is written as one that is the same.
func FuzzParseCursor(f *testing.F) {
	for _, s := range []string{"", "[]", `["a","b"]`, `["a"]`, `["a","b","c"]`, `[null,"\ud800"]`, `{"a":"b"}`, `["\u0000","<"]`, "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		key, err := dynamo.ParseCursor(cursor)
		if err != nil {
			return
		}
		if (key == nil) != (cursor == "") {
			t.Fatalf("%q is %v", cursor, key)
		}
		written, err := dynamo.FormatCursor(key)
		if err != nil {
			t.Fatalf("%q is %v, which cannot be written: %v", cursor, key, err)
		}
		if again, err := dynamo.ParseCursor(written); err != nil || !reflect.DeepEqual(again, key) {
			t.Errorf("%q is %v, and written again %q, which is %v, %v", cursor, key, written, again, err)
		}
	})
}
