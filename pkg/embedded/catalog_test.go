package embedded

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func openStore(t *testing.T) *Store {
	t.Helper()
	o := DefaultOptions()
	o.FS = vfs.NewMem()
	s, err := Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *Store) mustSet(t *testing.T, key, value []byte) {
	t.Helper()
	if err := s.db.Set(key, value, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
}

// createStream stores a head with a buffer of n entries.
func createStream(t *testing.T, s *Store, name string, n int) *stream.Head {
	t.Helper()
	h := &stream.Head{Incarnation: stream.Incarnation{1}, Version: 1, Config: stream.Config{ContentType: "text/plain"}}
	for range n {
		e := &stream.Entry{From: h.Tail, To: stream.Offset{Position: h.Tail.Position + 1}, Count: 1, Size: 1, Frames: stream.AppendFrame(nil, []byte("x"))}
		h.Buffer = append(h.Buffer, e)
		h.BufferSize += len(e.Frames)
		h.Tail = e.To
	}
	if err := s.Create(t.Context(), name, h, nil); err != nil {
		t.Fatal(err)
	}
	return h
}

// takeStock walks through the inventory and returns how many of each kind there are,
// and the errors of all calls.
func takeStock(t *testing.T, s *Store, max int) (found []stream.Stored, errs []error) {
	t.Helper()
	for cursor := ""; ; {
		some, next, err := s.Inventory(t.Context(), cursor, max)
		if len(some) > max {
			t.Fatalf("%d things, at most %d were asked for", len(some), max)
		}
		found = append(found, some...)
		if err != nil {
			errs = append(errs, err)
		}
		if next == "" {
			return found, errs
		}
		if next == cursor {
			t.Fatalf("the cursor stays at %s: %v", cursor, err)
		}
		cursor = next
	}
}

// What cannot be read is passed over, and said to be; all the rest is found.
func TestInventoryPassesOverWhatCannotBeRead(t *testing.T) {
	s := openStore(t)
	life := stream.Life{Name: "b", Incarnation: stream.Incarnation{1}}
	for _, name := range []string{"a", "b", "c"} {
		createStream(t, s, name, 2)
	}
	id := stream.StagedID{Commit: 1, Part: 2, At: 3}
	for _, err := range []error{
		s.PutChunk(t.Context(), life, stream.Chunk{To: stream.Offset{Position: 1}, Frames: stream.Frames("frames")}),
		s.PutChunk(t.Context(), life, stream.Chunk{To: stream.Offset{Position: 3}}),
		s.PutStaged(t.Context(), life, id, stream.Frames("frames")),
		s.SpillProducer(t.Context(), life, "p", stream.Producer{}),
		s.PutManifest(t.Context(), life, stream.Manifest{Segment: 1}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s.mustSet(t, forkKey(life, stream.Incarnation{1}), encodeText("f"))
	s.mustSet(t, lineageKey(life), encodeLineage(&stream.Lineage{}))
	torn := []byte{valueVersion, 0x80}
	broken := map[string][]byte{
		"a head":       headKey("torn"),
		"a buffer":     offsetKey(stream.Life{Name: "c", Incarnation: life.Incarnation}, kindBuffer, stream.Offset{Position: 1}),
		"a chunk":      offsetKey(life, kindChunk, stream.Offset{Position: 2}),
		"a manifest":   manifestKey(life, 2),
		"a fork":       forkKey(life, stream.Incarnation{2}),
		"no fork":      append(kindKey(life, kindFork), "short"...),
		"an id":        append(kindKey(life, kindStaged), "short"...),
		"another kind": kindKey(life, 'q'),
		"no life":      []byte("d short"),
	}
	for _, key := range broken {
		s.mustSet(t, key, torn)
	}
	s.heads.remove("c")
	for _, max := range []int{1, 2, 100} {
		found, errs := takeStock(t, s, max)
		all := errors.Join(errs...)
		if !errors.Is(all, errCorrupt) {
			t.Fatalf("errors by %d: %v", max, all)
		}
		if got := strings.Count(all.Error(), "inventory: key"); got != len(broken) {
			t.Errorf("by %d: %d errors, want one each for %d: %v", max, got, len(broken), all)
		}
		var got []string
		for _, f := range found {
			what := fmt.Sprint(f.Kind, " ", f.Life.Name)
			switch f.Kind {
			case stream.KindHead:
				what += fmt.Sprint(" ", len(f.Head.Buffer))
			case stream.KindChunk:
				what += fmt.Sprint(" ", f.Chunk.To.Position)
				if f.Chunk.Frames != nil {
					t.Errorf("the chunk has frames")
				}
			case stream.KindStaged:
				what += fmt.Sprint(" ", f.Staged == id)
			case stream.KindFork:
				what += fmt.Sprint(" ", f.Fork.Name)
			case stream.KindManifest:
				what += fmt.Sprint(" ", f.Manifest.Segment)
			}
			got = append(got, what)
		}
		want := []string{"head a 2", "head b 2", "chunk b 1", "chunk b 3", "fork b f", "lineage b", "manifest b 1", "producer b", "staged b true"}
		if !slices.Equal(got, want) {
			t.Errorf("by %d: %q, want %q", max, got, want)
		}
	}
	if s.heads.lru.Contains("c") {
		t.Error("the inventory filled the cache of heads")
	}
}

// A call does not walk through any number of keys that are none of the things asked
// for.
func TestInventoryStopsWhereNothingIsFound(t *testing.T) {
	s := openStore(t)
	createStream(t, s, "s", 2*passedOver+10)
	calls := 0
	for cursor := ""; ; calls++ {
		found, next, err := s.Inventory(t.Context(), cursor, 10)
		if err != nil {
			t.Fatal(err)
		}
		if (len(found) > 0) != (cursor == "") {
			t.Errorf("call %d found %d things", calls, len(found))
		}
		if cursor = next; next == "" {
			break
		}
	}
	if calls != 2 {
		t.Errorf("%d calls before the last, want 2", calls)
	}
}

func TestInventoryOfBadCursor(t *testing.T) {
	s := openStore(t)
	for _, cursor := range []string{"x", "6", "6c", "ff"} {
		if _, next, err := s.Inventory(t.Context(), cursor, 1); !errors.Is(err, stream.ErrRejected) || next != cursor {
			t.Errorf("cursor %q: %q, %v", cursor, next, err)
		}
	}
}

// The order of segments is that of names, whatever follows in the keys; a discarded
// life is not among them, and its neighbours are.
func TestSegmentsOfNeighbours(t *testing.T) {
	s := openStore(t)
	long := strings.Repeat("n", stream.MaxName)
	first, last := stream.Incarnation{}, stream.Incarnation{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	var want []stream.StoredSegment
	for _, name := range []string{"a", "a\x00", "a\x00\x00", "a\x00\x01", "a\x01", "a b", "a/b", "ab", "b", long, long + "n", "ü"} {
		for _, inc := range []stream.Incarnation{first, {0: 1}, last} {
			for _, n := range []uint64{0, 1, 255, 256, 1 << 40} {
				life := stream.Life{Name: name, Incarnation: inc}
				m := stream.Manifest{Segment: n, Object: name, Tail: []byte("tail")}
				if err := s.PutManifest(t.Context(), life, m); err != nil {
					t.Fatal(err)
				}
				want = append(want, stream.StoredSegment{Life: life, Manifest: m})
			}
		}
	}
	read := func(prefix string, max int) (all []stream.StoredSegment) {
		var last stream.Life
		var n uint64
		for {
			some, err := s.Segments(t.Context(), prefix, last, n, max)
			if err != nil {
				t.Fatal(err)
			}
			if all = append(all, some...); len(some) < max {
				return all
			}
			last, n = some[max-1].Life, some[max-1].Segment
		}
	}
	compare := func(what string, got []stream.StoredSegment, keep func(stream.Life) bool) {
		t.Helper()
		kept := slices.DeleteFunc(slices.Clone(want), func(s stream.StoredSegment) bool { return !keep(s.Life) })
		if !reflect.DeepEqual(got, kept) {
			t.Errorf("%s: %d segments, want %d, or others", what, len(got), len(kept))
		}
	}
	compare("all, by 7", read("", 7), func(stream.Life) bool { return true })
	compare("those with a, by 1", read("a", 1), func(l stream.Life) bool { return l.Name[0] == 'a' })
	gone := stream.Life{Name: "a", Incarnation: last}
	if done, err := s.Discard(t.Context(), gone, 1); err != nil || !done {
		t.Fatalf("discard: %v, %v", done, err)
	}
	compare("after a life was discarded", read("", 100), func(l stream.Life) bool { return l != gone })
	for _, c := range []struct {
		prefix string
		after  stream.Life
	}{{"a", stream.Life{Name: "b"}}, {"a", stream.Life{Name: "ü"}}} {
		if got, err := s.Segments(t.Context(), c.prefix, c.after, 0, 10); err != nil || len(got) > 0 {
			t.Errorf("with %q after %q: %d segments, %v", c.prefix, c.after.Name, len(got), err)
		}
	}
}

// A manifest that is in the index, and cannot be read, is an error.
func TestSegmentsThatCannotBeRead(t *testing.T) {
	life := stream.Life{Name: "s", Incarnation: stream.Incarnation{1}}
	for what, spoil := range map[string]func(s *Store){
		"no manifest":   func(s *Store) { s.mustSet(t, segmentKey(life, 1), nil) },
		"torn manifest": func(s *Store) { s.mustSet(t, manifestKey(life, 0), []byte{valueVersion}) },
		"torn key":      func(s *Store) { s.mustSet(t, []byte("lx"), nil) },
	} {
		s := openStore(t)
		if err := s.PutManifest(t.Context(), life, stream.Manifest{}); err != nil {
			t.Fatal(err)
		}
		spoil(s)
		if _, err := s.Segments(t.Context(), "", stream.Life{}, 0, 10); !errors.Is(err, errCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestOwedPassesOverWhatCannotBeRead(t *testing.T) {
	s := openStore(t)
	var want []stream.Life
	for i := range byte(3) {
		life := stream.Life{Name: fmt.Sprint("s", i), Incarnation: stream.Incarnation{i}}
		want = append(want, life)
		s.mustSet(t, workKey(life.Incarnation), encodeWork(life))
		s.mustSet(t, workKey(stream.Incarnation{i, 1}), []byte{0})
	}
	got, err := s.Owed(t.Context(), 3)
	if !errors.Is(err, errCorrupt) || !slices.Equal(got, want) {
		t.Errorf("owed: %v, %v, want %v and an error", got, err, want)
	}
}

func TestStreamsByPrefix(t *testing.T) {
	s := openStore(t)
	names := []string{"a", "a b", "a/b", "ab", "b", "\xff", "\xff\xff"}
	for _, name := range names {
		createStream(t, s, name, 0)
	}
	for _, c := range []struct {
		prefix, after string
		max           int
		want          []string
	}{
		{"", "", 100, names}, {"", "", 3, names[:3]}, {"a", "", 100, names[:4]}, {"a", "a", 2, names[1:3]}, {"", "b", 9, names[5:]},
		{"\xff", "", 9, names[5:]}, {"a", "b", 9, nil}, {"b", "a", 9, names[4:5]}, {"c", "", 9, nil}, {"", "\xff\xff", 9, nil},
	} {
		got, err := s.Streams(t.Context(), c.prefix, c.after, c.max)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%d with %q after %q: %q, %v, want %q", c.max, c.prefix, c.after, got, err, c.want)
		}
	}
}
