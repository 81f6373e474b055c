package stream_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// chunk is one of a text stream, with a record for each word.
func chunk(from, to stream.Offset, words string) stream.Chunk {
	r := records(strings.Fields(words)...)
	return stream.Chunk{From: from, To: to, Count: r.Count, Size: r.Size, Frames: r.Frames}
}

// madeUp returns a stream whose first segment is in an object and has three bytes, whose
// second one is in these chunks, and whose third one is the record "end", in a chunk.
func madeUp(t *testing.T, chunks ...stream.Chunk) (*stream.Log, *store, stream.Life) {
	t.Helper()
	lim := short()
	lim.SegmentCount, lim.SegmentSize = 100, 3
	l, s := openCold(t, lim)
	life := create(t, l).Life(name)
	putAll(t, l, "xyz", "aabbccdd")
	compact(t, l, 1)
	put(t, l, text("end"))
	flushed(t, l)
	if err := s.Store.Retire(t.Context(), life, []stream.Offset{at(1, 8)}, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range chunks {
		if err := s.Store.PutChunk(t.Context(), life, c); err != nil {
			t.Fatal(err)
		}
	}
	return l, s, life
}

// Chunks that overlap hold a segment as well as those that do not.
func TestCompactOverlappingChunks(t *testing.T) {
	end, a, b, c, d := at(0, 3), at(1, 2), at(1, 4), at(1, 6), at(1, 8)
	for _, chunks := range [][]stream.Chunk{
		{chunk(end, d, "aa bb cc dd")},
		{chunk(end, a, "aa"), chunk(a, d, "bb cc dd")},
		// Both begin at the end of the segment before.
		{chunk(end, a, "aa"), chunk(end, d, "aa bb cc dd")},
		{chunk(end, a, "aa"), chunk(end, b, "aa bb"), chunk(end, c, "aa bb cc"), chunk(end, d, "aa bb cc dd")},
		{chunk(end, b, "aa bb"), chunk(a, c, "bb cc"), chunk(b, d, "cc dd")},
		{chunk(end, c, "aa bb cc"), chunk(a, d, "bb cc dd")},
		// One that is put in the place of another one began later; what that lacks is in
		// the one before.
		{chunk(end, b, "aa bb"), chunk(a, b, "bb"), chunk(b, d, "cc dd")},
		{chunk(end, a, "aa"), chunk(a, b, "bb"), chunk(b, c, "cc"), chunk(c, d, "dd")},
	} {
		l, s, _ := madeUp(t, chunks...)
		compact(t, l, 1)
		all := manifests(t, s)
		if len(all) != 2 || all[1].From != end || all[1].To != d || all[1].Count != 4 {
			t.Errorf("%+v: manifests %+v", chunks, all)
			continue
		}
		if got := bodyOf(t, s, all[1].Object); !bytes.Equal(got, object(t, stream.Bytes, 1, "aa", "bb", "cc", "dd")) {
			t.Errorf("%+v: object %q", chunks, got)
		}
		if got := content(t, l); got != "xyzaabbccddend" {
			t.Errorf("%+v: content %q", chunks, got)
		}
	}
}

// Where records are missing or torn, or what is stored already is something else, nothing
// is compacted: the error says that somebody has to look, and all that is there stays.
func TestCompactDamaged(t *testing.T) {
	end, a, b, d := at(0, 3), at(1, 2), at(1, 4), at(1, 8)
	torn := chunk(b, d, "cc dd")
	torn.Frames = torn.Frames[:len(torn.Frames)-1]
	tornSkipped := chunk(a, d, "bb cc dd")
	tornSkipped.Frames = tornSkipped.Frames[:5]
	link := stream.Chunk{From: b, To: d, Count: 2, Size: 4, Staged: stream.StagedID{Commit: 9}}
	linkedObject := link
	linkedObject.Staged.Object = true
	for _, c := range []struct {
		why    string
		chunks []stream.Chunk
	}{
		{"all of it", nil},
		{"the first", []stream.Chunk{chunk(a, d, "bb cc dd")}},
		{"the first of several", []stream.Chunk{chunk(a, b, "bb"), chunk(b, d, "cc dd")}},
		{"one in the middle", []stream.Chunk{chunk(end, a, "aa"), chunk(b, d, "cc dd")}},
		{"the last", []stream.Chunk{chunk(end, b, "aa bb")}},
		{"a record of a chunk", []stream.Chunk{chunk(end, b, "aa bb"), chunk(b, d, "cc")}},
		{"nothing, but there is one too many", []stream.Chunk{chunk(end, b, "aa bb"), chunk(b, d, "cc dd ee")}},
		{"a part of a record", []stream.Chunk{chunk(end, b, "aa bb"), torn}},
		{"a part of what overlaps", []stream.Chunk{chunk(end, b, "aa bb"), tornSkipped}},
		{"what a chunk links", []stream.Chunk{chunk(end, b, "aa bb"), link}},
		{"the object that a chunk links", []stream.Chunk{chunk(end, b, "aa bb"), linkedObject}},
	} {
		l, s, life := madeUp(t, c.chunks...)
		before := holding(t, s, life)
		s.took()
		done, err := l.Compact(t.Context(), name)
		if !errors.Is(err, stream.ErrDamaged) || errors.Is(err, stream.ErrUnavailable) || done.Segments != 0 {
			t.Errorf("%s is missing: %+v, %v", c.why, done, err)
		}
		if err != nil && (!strings.Contains(err.Error(), `"a/stream"`) || !strings.Contains(err.Error(), "segment 1")) {
			t.Errorf("%s is missing: which one? %v", c.why, err)
		}
		// It looks twice, in case somebody moved it.
		if n := len(s.times("head")); n > 2 {
			t.Errorf("%s is missing: it looked %d times", c.why, n)
		}
		if got := holding(t, s, life); got != before {
			t.Errorf("%s is missing: left %s, want %s", c.why, got, before)
		}
		if h := stored(t, s, short()); h.Compacted != 1 {
			t.Errorf("%s is missing: %d segments are compacted", c.why, h.Compacted)
		}
		// The rest is still there.
		p, err := l.Read(t.Context(), name, stream.At(at(1, 8)))
		if err != nil || strings.Join(pageRecords(t, p), "") != "end" {
			t.Errorf("%s is missing: %v, %v", c.why, p, err)
		}
	}
}

// A stream with a hole that is appended to all the time is not looked at for ever.
func TestCompactDamagedAndBusy(t *testing.T) {
	l, s, _ := madeUp(t, chunk(at(1, 2), at(1, 8), "bb cc dd"))
	looks := 0
	other := joinCold(t, s, short())
	s.hook(func(op string) fault {
		if op == "chunks" {
			if looks++; looks > 5 {
				return rejected // it would not end
			}
			put(t, other, text("more"))
			flushed(t, other)
		}
		return fine
	})
	if _, err := l.Compact(t.Context(), name); !errors.Is(err, stream.ErrDamaged) {
		t.Errorf("%v", err)
	}
	if looks != 2 {
		t.Errorf("it looked %d times", looks)
	}
}

// The objects that a compaction finds: its own, of a run that stopped, which it uses;
// another one, which it does not touch.
func TestCompactFindsAnObject(t *testing.T) {
	for _, c := range []struct {
		why  string
		body []byte
		ok   bool
	}{
		{"its own", object(t, stream.Bytes, 0, "a", "b"), true},
		{"other records", object(t, stream.Bytes, 0, "a", "x"), false},
		{"another segment", object(t, stream.Bytes, 1, "a", "b"), false},
		{"something else", []byte("hello"), false},
	} {
		l, s := openCold(t, short())
		h := create(t, l)
		putAll(t, l, "a", "b", "c")
		key := stream.SegmentKey(h.Life(name), 0)
		setBody(t, s, key, c.body)
		done, err := l.Compact(t.Context(), name)
		if c.ok != (err == nil) || !c.ok && (!errors.Is(err, stream.ErrDamaged) || !strings.Contains(err.Error(), key)) {
			t.Errorf("%s: %+v, %v", c.why, done, err)
		}
		if got := bodyOf(t, s, key); !bytes.Equal(got, c.body) {
			t.Errorf("%s: it was replaced by %q", c.why, got)
		}
		if got := content(t, l); got != "abc" {
			t.Errorf("%s: content %q", c.why, got)
		}
	}
}

// altering are objects that give other bytes than were put.
type altering struct {
	stream.Objects
	alter func(key string, offset int64, b []byte) ([]byte, error)
}

func (a altering) Object(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	b, err := a.Objects.Object(ctx, key, offset, n)
	if err != nil || a.alter == nil {
		return b, err
	}
	return a.alter(key, offset, slices.Clone(b))
}

// What reads back as something else than was put is damage, and is not relied on.
func TestCompactReadsBack(t *testing.T) {
	other := object(t, stream.Bytes, 0, "a", "x")
	otherNumber := object(t, stream.Bytes, 1, "a", "b")
	for why, alter := range map[string]func(key string, offset int64, b []byte) ([]byte, error){
		"a bit":           func(_ string, _ int64, b []byte) ([]byte, error) { b[len(b)/2] ^= 1; return b, nil },
		"its first bytes": func(_ string, offset int64, b []byte) ([]byte, error) { b[0] ^= 0x80; return b, nil },
		"all of it":       func(_ string, offset int64, b []byte) ([]byte, error) { return other[offset:][:len(b)], nil },
		"its number":      func(_ string, offset int64, b []byte) ([]byte, error) { return otherNumber[offset:][:len(b)], nil },
	} {
		for _, part := range []int{7, 1 << 20} {
			lim := short()
			lim.PartSize = part
			s := newStore()
			l := joinCold(t, s, lim, func(o *stream.Options) { o.Objects = altering{objects{s}, alter} })
			h := create(t, l)
			putAll(t, l, "a", "b", "c")
			if _, err := l.Compact(t.Context(), name); !errors.Is(err, stream.ErrDamaged) {
				t.Errorf("%s, parts of %d: %v", why, part, err)
			}
			if got := holding(t, s, h.Life(name)); strings.Contains(got, "manifest") || !strings.Contains(got, "chunk 0_2") {
				t.Errorf("%s, parts of %d: left %s", why, part, got)
			}
			if got := content(t, l); got != "abc" {
				t.Errorf("%s, parts of %d: content %q", why, part, got)
			}
		}
	}
}

// A manifest of a segment that does not fit its chunks was written by something that is
// wrong: it does not take their place.
func TestCompactFindsAManifest(t *testing.T) {
	for _, when := range []string{"chunks", "put"} {
		l, s := openCold(t, short())
		h := create(t, l)
		putAll(t, l, "a", "b", "c")
		s.hook(func(op string) fault {
			if op == when {
				s.hook(nil)
				m := stream.Manifest{From: at(0, 0), To: at(0, 9), Count: 9, Object: "x"}
				if err := s.Store.PutManifest(context.Background(), h.Life(name), m); err != nil {
					t.Error(err)
				}
			}
			return fine
		})
		if _, err := l.Compact(t.Context(), name); !errors.Is(err, stream.ErrDamaged) || errors.Is(err, stream.ErrUnavailable) {
			t.Errorf("before %s: %v", when, err)
		}
		if h := stored(t, s, short()); h.Compacted != 0 {
			t.Errorf("before %s: the head relies on it", when)
		}
		if got := content(t, l); got != "abc" {
			t.Errorf("before %s: content %q", when, got)
		}
	}
}

// For any records, cut into any chunks by flushes that died on the way, and any sizes of
// what is staged: the object of each segment is the one of its records, byte by byte, and
// a compaction leaves nothing else of it.
func TestCompactProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lim := stream.DefaultLimits()
		lim.SegmentCount = rapid.IntRange(1, 12).Draw(rt, "SegmentCount")
		lim.SegmentSize = rapid.IntRange(1, 60).Draw(rt, "SegmentSize")
		lim.StageSize = rapid.IntRange(5, 60).Draw(rt, "StageSize")
		lim.ObjectSize = rapid.IntRange(0, 30).Draw(rt, "ObjectSize")
		lim.BufferSize = rapid.IntRange(60, 120).Draw(rt, "BufferSize")
		lim.FlushSize, lim.FlushCount = 1, 1
		lim.BufferCount = rapid.IntRange(1, 5).Draw(rt, "BufferCount")
		config := stream.Config{ContentType: rapid.SampledFrom([]string{"text/plain", "application/json"}).Draw(rt, "type")}
		s := newStore()
		ctx := t.Context()
		if _, _, err := joinCold(t, s, lim).Create(ctx, name, &stream.Create{Config: config}); err != nil {
			rt.Fatal(err)
		}
		// The frames of each segment, as they were read before it was compacted.
		want := map[uint64]stream.Frames{}
		var all strings.Builder
		for range rapid.IntRange(1, 10).Draw(rt, "appends") {
			lim.PartSize = rapid.IntRange(1, 20).Draw(rt, "PartSize")
			l := joinCold(t, s, lim)
			rs := rapid.SliceOfN(rapid.StringN(1, 14, -1), 1, 4).Draw(rt, "records")
			r, err := l.Append(ctx, name, request(config.ContentType, rs))
			if err != nil {
				rt.Fatal(err)
			}
			all.WriteString(strings.Join(rs, ""))
			split := []stream.Records{records(rs...)}
			if len(split[0].Frames) >= lim.StageSize {
				split = split[0].Split(config.Unit(), lim.PartSize)
			}
			for _, part := range split {
				want[r.Tail.Segment] = append(want[r.Tail.Segment], part.Frames...)
			}
			switch rapid.IntRange(0, 4).Draw(rt, "then") {
			case 0:
				err = l.Flush(ctx, name, stream.Appended{})
			case 1:
				s.faults("trim", lost)
				l.Flush(ctx, name, stream.Appended{})
				s.hook(nil)
			case 2:
				s.faults("chunk", append(make([]fault, rapid.IntRange(0, 3).Draw(rt, "after")), lost)...)
				l.Flush(ctx, name, stream.Appended{})
				s.hook(nil)
			case 3:
				_, err = l.Compact(ctx, name)
			}
			if err != nil {
				rt.Fatal(err)
			}
		}
		l := joinCold(t, s, lim)
		if _, err := l.Append(ctx, name, text("", closing)); err != nil {
			rt.Fatal(err)
		}
		if err := l.Flush(ctx, name, stream.Appended{}); err != nil {
			rt.Fatal(err)
		}
		if _, err := l.Compact(ctx, name); err != nil {
			rt.Fatal(err)
		}
		found := manifests(t, s)
		if len(found) != len(want) {
			rt.Fatalf("%d manifests of %d segments", len(found), len(want))
		}
		for _, m := range found {
			rs, err := unframe(want[m.Segment])
			if err != nil {
				rt.Fatal(err)
			}
			if got := bodyOf(t, s, m.Object); !bytes.Equal(got, object(t, config.Unit(), m.Segment, rs...)) {
				rt.Fatalf("segment %d is %q, want %q", m.Segment, got, rs)
			}
		}
		h := stored(t, s, lim)
		for _, what := range holds(t, s, h.Life(name)) {
			if strings.Contains(what, "chunk") || strings.Contains(what, "staged") {
				rt.Fatalf("it left %s", what)
			}
		}
		if got := content(t, l); got != all.String() {
			rt.Fatalf("content %q, want %q", got, all.String())
		}
	})
}

// A list that lacks a chunk which is being put at that moment is no damage.
func TestCompactWithAGap(t *testing.T) {
	s := &gaps{store: newStore()}
	l, err := stream.New(s, stream.Options{Limits: short(), Objects: objects{s.store}})
	if err != nil {
		t.Fatal(err)
	}
	create(t, l)
	flushed(t, l, "a", "b", "c")
	s.missing = true
	compact(t, l, 1)
	if s.missing {
		t.Error("nothing was missing")
	}
	if got := content(t, l); got != "abc" {
		t.Errorf("content %q", got)
	}
}

// It may happen for each segment once: only twice for the same one is damage.
func TestCompactWithAGapInEach(t *testing.T) {
	s := &gaps{store: newStore()}
	l, err := stream.New(s, stream.Options{Limits: short(), Objects: objects{s.store}})
	if err != nil {
		t.Fatal(err)
	}
	create(t, l)
	flushed(t, l, "a", "b", "c", "d", "e")
	s.missing = true
	segments := 0
	s.hook(func(op string) fault {
		if op == "compact" {
			segments++
			s.missing = segments < 2
		}
		return fine
	})
	compact(t, l, 2)
	if s.missing || segments != 2 {
		t.Errorf("of the second of %d segments nothing was missing", segments)
	}
	if got := content(t, l); got != "abcde" {
		t.Errorf("content %q", got)
	}
}
