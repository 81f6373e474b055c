package streamtest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// newLife is a life of which no head is stored.
func newLife() stream.Life { return stream.Life{Name: "s", Incarnation: newIncarnation()} }

// lives returns lives that are neighbours in every order of keys: two of one name,
// and two of names that begin or continue it.
func lives() []stream.Life {
	base := newIncarnation()
	base[0] &= 0x7f
	base[14], base[15] = 0x80, 0xff
	next := base
	next[14], next[15] = 0x81, 0x00
	zeros, ones := stream.Incarnation{15: 1}, stream.Incarnation{}
	for i := range ones {
		ones[i] = 0xff
	}
	return []stream.Life{{Name: "a/b", Incarnation: base}, {Name: "a/b", Incarnation: next}, {Name: "a/b/c", Incarnation: zeros}, {Name: "a/", Incarnation: ones}}
}

// chunkAt is a chunk with one record that ends at an offset.
func chunkAt(to stream.Offset, text string) stream.Chunk {
	from := stream.Offset{Segment: to.Segment, Position: to.Position - uint64(len(text))}
	if to.Position == uint64(len(text)) && to.Segment > 0 {
		from = stream.Offset{Segment: to.Segment - 1, Position: 4321}
	}
	r := records(text)
	return stream.Chunk{From: from, To: to, Count: r.Count, Size: r.Size, Frames: r.Frames}
}

// offsets are ends of chunks, in order, that sort wrongly as text without padding
// or as little-endian numbers.
func offsets() (all []stream.Offset) {
	for _, segment := range []uint64{0, 1, 2, 9, 10, 11, 99, 100, 255, 256, 257, 65535, 65536, 1 << 32, 999_999_999_999_999, 9_999_999_999_999_999} {
		for _, position := range []uint64{1, 9, 10, 100, 255, 256, 1<<31 - 1, 1 << 31, 1<<32 + 1, 9_999_999_999_999_999} {
			all = append(all, stream.Offset{Segment: segment, Position: position})
		}
	}
	return all
}

// allChunks reads chunks step by step, as a reader does.
func allChunks(t *testing.T, d stream.Driver, life stream.Life, after stream.Offset, max int) (all []stream.Chunk) {
	t.Helper()
	for {
		chunks, err := d.Chunks(t.Context(), life, after, max)
		must(t, err)
		if len(chunks) == 0 {
			return all
		}
		for _, c := range chunks {
			if !after.Before(c.To) {
				t.Fatalf("a chunk to %v follows %v", c.To, after)
			}
			after = c.To
		}
		all = append(all, chunks...)
	}
}

func wantChunks(t *testing.T, got, want []stream.Chunk) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d chunks, want %d", len(got), len(want))
	}
	for i := range got {
		if diff := diffChunks(got[i], want[i]); diff != "" {
			t.Fatalf("chunk %d, to %v: %s", i, got[i].To, diff)
		}
	}
}

// diffChunks tells how two chunks differ; "" if they do not.
func diffChunks(got, want stream.Chunk) string {
	if !bytes.Equal(got.Frames, want.Frames) {
		return fmt.Sprintf("it has frames %.80q, want %.80q", got.Frames, want.Frames)
	}
	got.Frames, want.Frames = nil, nil
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("got %+v, want %+v", got, want)
	}
	return ""
}

func testChunks(t *testing.T, d stream.Driver) {
	life := newLife()
	if got := allChunks(t, d, life, stream.Offset{}, 1<<20); len(got) != 0 {
		t.Fatalf("a new life has chunks: %v", got)
	}
	var want []stream.Chunk
	for _, to := range offsets() {
		want = append(want, chunkAt(to, to.String()[:1]))
	}
	// Fields that only some chunks have.
	link := func(i int, id stream.StagedID, messages, size int) {
		want[i].Staged, want[i].Frames = id, nil
		want[i].Count, want[i].Size = messages, size
		want[i].From = stream.Offset{Segment: want[i].To.Segment, Position: want[i].To.Position - uint64(messages)}
	}
	link(3, stream.StagedID{Commit: 1<<63 + 9, Part: 12, At: 1<<33 + 5}, 17, 1<<20+1)
	link(5, stream.StagedID{Commit: 1<<63 + 9, Part: 13, At: 1, Object: true}, 255, 1<<30)
	link(8, stream.StagedID{Commit: 4, Object: true}, 1, 7)
	for _, i := range rand.Perm(len(want)) {
		must(t, d.PutChunk(t.Context(), life, want[i]))
	}
	wantChunks(t, allChunks(t, d, life, stream.Offset{}, 1<<20), want)
	wantChunks(t, allChunks(t, d, life, stream.Offset{}, 1), want)
}

// testChunkPutIfAbsent: a flush that is repeated, perhaps with other bounds, does
// not change what readers may have used.
func testChunkPutIfAbsent(t *testing.T, d stream.Driver) {
	life := newLife()
	short := chunkAt(stream.Offset{Position: 20}, "second")
	long := chunkAt(short.To, "first second")
	must(t, d.PutChunk(t.Context(), life, short))
	must(t, d.PutChunk(t.Context(), life, short))
	must(t, d.PutChunk(t.Context(), life, long))
	wantChunks(t, allChunks(t, d, life, stream.Offset{}, 1<<20), []stream.Chunk{short})

	// Many at once: one of them is kept, as a whole.
	to := stream.Offset{Position: 500}
	candidates := []stream.Chunk{chunkAt(to, "aaaaaaaa"), chunkAt(to, "bbbb"), chunkAt(to, "cc"), chunkAt(to, "d")}
	together(t, len(candidates), func(i int) error { return d.PutChunk(t.Context(), life, candidates[i]) })
	kept := allChunks(t, d, life, short.To, 1<<20)
	if len(kept) != 1 {
		t.Fatalf("%d chunks were kept", len(kept))
	}
	for _, c := range candidates {
		if c.Size == kept[0].Size {
			wantChunks(t, kept, []stream.Chunk{c})
		}
	}
}

func testChunkRange(t *testing.T, d stream.Driver) {
	life := newLife()
	var all []stream.Chunk
	at := uint64(0)
	for range 20 {
		at += 10
		all = append(all, chunkAt(stream.Offset{Segment: 7, Position: at}, "ten bytes."))
	}
	for _, c := range all {
		must(t, d.PutChunk(t.Context(), life, c))
	}
	for _, max := range []int{1, 9, 10, 11, 35, 200, 1 << 30} {
		wantChunks(t, allChunks(t, d, life, stream.Offset{}, max), all)
	}
	// The offset may be an end, inside a chunk, before all, or after all of them.
	position := func(segment, p uint64) stream.Offset { return stream.Offset{Segment: segment, Position: p} }
	for _, c := range []struct {
		after stream.Offset
		first int
	}{
		{position(6, 9_999_999_999_999_999), 0}, {position(7, 0), 0}, {position(7, 9), 0}, {position(7, 10), 1},
		{position(7, 11), 1}, {position(7, 199), 19}, {position(7, 200), 20}, {position(8, 0), 20},
	} {
		wantChunks(t, allChunks(t, d, life, c.after, 25), all[c.first:])
	}
}

func testChunkLives(t *testing.T, d stream.Driver) {
	want := make(map[stream.Life][]stream.Chunk)
	for i, life := range lives() {
		for n := range 5 {
			c := chunkAt(stream.Offset{Segment: uint64(n), Position: 50}, string(rune('a'+i))+"-text")
			must(t, d.PutChunk(t.Context(), life, c))
			want[life] = append(want[life], c)
		}
	}
	for life, chunks := range want {
		wantChunks(t, allChunks(t, d, life, stream.Offset{}, 1<<20), chunks)
		wantChunks(t, allChunks(t, d, life, stream.Offset{}, 1), chunks)
	}
}

func testStaged(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	type key struct {
		life stream.Life
		id   stream.StagedID
	}
	all := lives()
	put := make(map[key]stream.Frames)
	for i, life := range all {
		for _, commit := range []stream.StagedCommit{1, 2, 10, 256, 1 << 63, 1<<64 - 1} {
			for part := range 3 {
				k := key{life, stream.StagedID{Commit: commit, Part: part * 7, At: int64(commit % 1000)}}
				put[k] = records(fmt.Sprint(k.id), string(rune('a'+i)), life.Incarnation.String()).Frames
				must(t, d.PutStaged(ctx, life, k.id, put[k]))
			}
		}
	}
	for k, want := range put {
		// A repetition with the same records does no harm.
		must(t, d.PutStaged(ctx, k.life, k.id, want))
		got, err := d.Staged(ctx, k.life, k.id)
		must(t, err)
		if !bytes.Equal(got, want) {
			t.Fatalf("staged item %v of %v is %q, want %q", k.id, k.life, got, want)
		}
	}
	for _, missing := range []key{
		{newLife(), stream.StagedID{Commit: 1, At: 1}},
		{all[0], stream.StagedID{Commit: 3, At: 3}},
		{all[0], stream.StagedID{Commit: 1, Part: 1, At: 1}},
	} {
		if f, err := d.Staged(ctx, missing.life, missing.id); !errors.Is(err, stream.ErrNoItem) {
			t.Errorf("a staged item that was never put is %q, %v, want ErrNoItem", f, err)
		}
	}
}

// testLargeItems stores items of the sizes that a store of small items must take.
func testLargeItems(t *testing.T, d stream.Driver) {
	ctx, life := t.Context(), newLife()
	b := make([]byte, 256<<10)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	r := records(string(b))
	c := stream.Chunk{To: stream.Offset{Position: uint64(r.Size)}, Count: 1, Size: r.Size, Frames: r.Frames}
	must(t, d.PutChunk(ctx, life, c))
	wantChunks(t, allChunks(t, d, life, stream.Offset{}, 1), []stream.Chunk{c})
	id := stream.StagedID{Commit: 5, At: sampleTime.Unix()}
	must(t, d.PutStaged(ctx, life, id, r.Frames))
	got, err := d.Staged(ctx, life, id)
	must(t, err)
	if !bytes.Equal(got, r.Frames) {
		t.Errorf("a staged item of %d bytes came back changed", len(r.Frames))
	}
}
