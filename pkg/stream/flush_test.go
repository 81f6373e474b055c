package stream_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A flush that was not asked for moves whatever is in the buffer, after looking. The
// flush that an append asked for looks at nothing.
func TestFlush(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.FlushCount = 3
	l, s := open(t, lim)
	h := create(t, l)
	flush := func(after stream.Appended, want string) {
		t.Helper()
		s.took()
		if err := l.Flush(t.Context(), name, after); err != nil {
			t.Error(err)
		}
		if ops := s.took(); ops != want {
			t.Errorf("took %q, want %q", ops, want)
		}
	}
	flush(stream.Appended{}, "head")
	put(t, l, text("aa"))
	put(t, l, text("b"))
	due := put(t, l, text("cc"))
	if !due.FlushDue() {
		t.Fatal("a flush is due")
	}
	flush(due, "chunk trim")
	if h := stored(t, s, lim); len(h.Buffer) != 0 || h.Tail != at(0, 5) || h.Version != 5 {
		t.Errorf("%+v", h)
	}
	flush(due, "chunk trim") // in vain
	flush(put(t, l, text("d")), "head chunk trim")
	flush(stream.Appended{}, "head")
	chunks, _ := s.Chunks(t.Context(), h.Life(name), at(0, 0), 99)
	if len(chunks) != 2 || chunks[0].From != at(0, 0) || chunks[0].To != at(0, 5) || chunks[0].Count != 3 || chunks[0].Size != 5 || chunks[1].To != at(0, 6) {
		t.Errorf("chunks %+v", chunks)
	}
	s.took()
	if got := content(t, l); got != "aabccd" {
		t.Errorf("content %q", got)
	}
	// At the same time, as it knows the stream.
	if ops := s.sorted(); !slices.Equal(ops, []string{"chunks", "head"}) {
		t.Errorf("reading took %q", ops)
	}
	if err := l.Flush(t.Context(), "other", stream.Appended{}); err != nil {
		t.Errorf("no stream: %v", err)
	}
}

// What came after the append that asked for a flush stays in the buffer, and what
// somebody else flushed is not trimmed again.
func TestFlushAfterOthers(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.FlushCount = 2
	l, s := open(t, lim)
	create(t, l)
	put(t, l, text("a"))
	due := put(t, l, text("b"))
	other := join(t, s, lim, stream.Poll{})
	put(t, other, text("c"))
	s.took()
	if err := l.Flush(t.Context(), name, due); err != nil {
		t.Error(err)
	}
	if h, ops := stored(t, s, lim), s.took(); ops != "chunk trim" || len(h.Buffer) != 1 || h.BufferFrom() != at(0, 2) {
		t.Errorf("took %q, left %+v", ops, h.Buffer)
	}
	due = put(t, l, text("d"))
	if err := other.Flush(t.Context(), name, stream.Appended{}); err != nil {
		t.Error(err)
	}
	put(t, other, text("e"))
	if err := l.Flush(t.Context(), name, due); err != nil {
		t.Errorf("another process was faster: %v", err)
	}
	if h := stored(t, s, lim); len(h.Buffer) != 1 || h.BufferFrom() != at(0, 4) {
		t.Errorf("left %+v", h.Buffer)
	}
	if got := content(t, l); got != "abcde" {
		t.Errorf("content %q", got)
	}
}

// What a flush puts: runs of one segment and of at most PartSize bytes; staged
// entries keep their items.
func TestChunks(t *testing.T) {
	entry := func(from, to stream.Offset, record string) *stream.Entry {
		r := records(record)
		return &stream.Entry{From: from, To: to, Count: 1, Size: r.Size, Frames: r.Frames}
	}
	staged := func(from, to stream.Offset, part int) *stream.Entry {
		return &stream.Entry{From: from, To: to, Count: 1, Size: 3, Staged: stream.StagedID{Commit: 9, Part: part}}
	}
	lim := stream.DefaultLimits()
	lim.PartSize = 6
	h := head(func(h *stream.Head) {
		h.Buffer = []*stream.Entry{
			entry(at(0, 5), at(0, 8), "abc"),
			entry(at(0, 8), at(0, 11), "def"), // fits exactly
			entry(at(0, 11), at(0, 12), "g"),
			staged(at(0, 12), at(0, 15), 0),
			staged(at(0, 15), at(0, 18), 1),
			entry(at(0, 18), at(0, 19), "h"),
			entry(at(0, 19), at(1, 2), "ij"),
			entry(at(1, 2), at(1, 3), "k"),
			entry(at(1, 3), at(1, 10), "lmnopqr"), // longer than a part
			entry(at(1, 10), at(1, 11), "s"),
		}
	})
	want := []struct {
		from, to stream.Offset
		records  string
		part     int
	}{
		{at(0, 5), at(0, 11), "abc def", -1},
		{at(0, 11), at(0, 12), "g", -1},
		{at(0, 12), at(0, 15), "", 0},
		{at(0, 15), at(0, 18), "", 1},
		{at(0, 18), at(0, 19), "h", -1},
		{at(0, 19), at(1, 3), "ij k", -1},
		{at(1, 3), at(1, 10), "lmnopqr", -1},
		{at(1, 10), at(1, 11), "s", -1},
	}
	chunks := h.Chunks(lim)
	if len(chunks) != len(want) {
		t.Fatalf("%d chunks: %+v", len(chunks), chunks)
	}
	for i, c := range chunks {
		rs, err := unframe(c.Frames)
		if err != nil {
			t.Fatal(err)
		}
		w := want[i]
		ok := c.From == w.from && c.To == w.to && strings.Join(rs, " ") == w.records
		if w.part < 0 {
			ok = ok && c.Staged == stream.StagedID{} && c.Count == len(rs) && c.Size == len(strings.Join(rs, ""))
		} else {
			ok = ok && c.Staged == stream.StagedID{Commit: 9, Part: w.part} && c.Count == 1 && c.Size == 3
		}
		if !ok {
			t.Errorf("chunk %d: %+v of %q, want %+v", i, c, rs, w)
		}
	}
	if rs, _ := unframe(h.Buffer[0].Frames); strings.Join(rs, " ") != "abc" {
		t.Error("the buffer's frames were changed")
	}
}

// Only one flush of a stream runs at a time in a process.
func TestOneFlushAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := stream.DefaultLimits()
		lim.FlushCount = 1
		l, s := open(t, lim)
		create(t, l)
		put(t, l, text("a"))
		s.took()
		release := s.hold("chunk")
		done := make(chan error, 1)
		go func() { done <- l.Flush(t.Context(), name, stream.Appended{}) }()
		synctest.Wait()
		if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
			t.Error(err)
		}
		if ops := s.took(); ops != "head chunk" {
			t.Errorf("took %q", ops)
		}
		put(t, l, text("b")) // appends do not wait for a flush
		release()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if h := stored(t, s, lim); len(h.Buffer) != 1 {
			t.Errorf("%d entries are left, want what came meanwhile", len(h.Buffer))
		}
		s.took()
		if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
			t.Error(err)
		}
		if ops := s.took(); ops != "head chunk trim" {
			t.Errorf("the next took %q", ops)
		}
		if got := content(t, l); got != "ab" {
			t.Errorf("content %q", got)
		}
	})
}

// A flush may die anywhere, and run twice at once; nothing is lost or doubled.
func TestFlushFaults(t *testing.T) {
	for _, c := range []struct {
		why string
		op  string
		do  func(other *stream.Log) fault
		ok  bool
	}{
		{"the head cannot be read", "head", func(*stream.Log) fault { return lost }, false},
		{"the chunk is lost", "chunk", func(*stream.Log) fault { return lost }, false},
		{"the chunk is unknown", "chunk", func(*stream.Log) fault { return applied }, false},
		{"the chunk is throttled", "chunk", func(*stream.Log) fault { return notApplied }, true},
		{"the chunk is rejected", "chunk", func(*stream.Log) fault { return rejected }, false},
		{"the trim is rejected", "trim", func(*stream.Log) fault { return rejected }, false},
		{"the trim is lost", "trim", func(*stream.Log) fault { return lost }, false},
		{"the trim is unknown", "trim", func(*stream.Log) fault { return applied }, false},
		{"another process flushes", "trim", func(other *stream.Log) fault {
			other.Flush(context.Background(), name, stream.Appended{})
			return fine
		}, true},
		{"another process appends and flushes", "chunk", func(other *stream.Log) fault {
			other.Append(context.Background(), name, text("c"))
			other.Flush(context.Background(), name, stream.Appended{})
			return fine
		}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			lim := stream.DefaultLimits()
			lim.FlushCount = 1
			l, s := open(t, lim)
			create(t, l)
			put(t, l, text("a"))
			put(t, l, text("b"))
			other := join(t, s, lim, stream.Poll{})
			s.hook(func(op string) fault {
				if op != c.op {
					return fine
				}
				s.hook(nil)
				return c.do(other)
			})
			if err := l.Flush(t.Context(), name, stream.Appended{}); (err == nil) != c.ok {
				t.Errorf("%s: %v", c.why, err)
			}
			s.hook(nil)
			if got := content(t, l); got != "ab" && got != "abc" {
				t.Errorf("%s: content %q", c.why, got)
			}
			put(t, l, text("d"))
			if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
				t.Errorf("%s: the next: %v", c.why, err)
			}
			if h := stored(t, s, lim); len(h.Buffer) != 0 {
				t.Errorf("%s: the next left %+v", c.why, h.Buffer)
			}
			if got := content(t, l); got != "abd" && got != "abcd" {
				t.Errorf("%s: content %q", c.why, got)
			}
		})
	}
}

// A stream that ends while it is flushed is no error, and its next life has
// nothing of it.
func TestFlushOfAnotherLife(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.FlushCount = 1
	l, s := open(t, lim)
	create(t, l)
	put(t, l, text("old"))
	s.hook(func(op string) fault {
		if op == "trim" {
			s.hook(nil)
			if err := l.Delete(context.Background(), name); err != nil {
				t.Error(err)
			}
			create(t, l)
			put(t, l, text("new"))
		}
		return fine
	})
	if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
		t.Error(err)
	}
	if h := stored(t, s, lim); len(h.Buffer) != 1 {
		t.Errorf("%+v", h)
	}
	if got := content(t, l); got != "new" {
		t.Errorf("content %q", got)
	}
	s.faults("head", lost)
	if err := l.Flush(t.Context(), name, stream.Appended{}); !errors.Is(err, stream.ErrUnavailable) {
		t.Errorf("the store is away: %v", err)
	}
}

// Chunks are put one after the other, and none after one that failed: a chunk that is
// stored says that all before it are. Those are trimmed, whatever came after them.
func TestFlushPutsChunksInOrder(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.PartSize = 4
	opened := func(t *testing.T) (*stream.Log, *store, *stream.Head) {
		l, s := open(t, lim)
		h := create(t, l)
		for _, record := range []string{"aaaa", "bbbb", "cccc"} {
			put(t, l, text(record))
		}
		s.took()
		return l, s, h
	}
	for _, c := range []struct {
		why  string
		what []fault
		ops  string
		to   []stream.Offset // of the chunks that are stored
	}{
		{"the first is lost", []fault{lost}, "head chunk", nil},
		{"the first is unknown", []fault{applied}, "head chunk", []stream.Offset{at(0, 4)}},
		{"the first is rejected", []fault{rejected}, "head chunk", nil},
		{"the second is lost", []fault{fine, lost}, "head chunk chunk trim", []stream.Offset{at(0, 4)}},
		{"none", nil, "head chunk chunk chunk trim", []stream.Offset{at(0, 4), at(0, 8), at(0, 12)}},
	} {
		l, s, h := opened(t)
		s.faults("chunk", c.what...)
		if err := l.Flush(t.Context(), name, stream.Appended{}); (err == nil) != (c.what == nil) {
			t.Errorf("%s: %v", c.why, err)
		}
		if ops := s.took(); ops != c.ops {
			t.Errorf("%s: took %q, want %q", c.why, ops, c.ops)
		}
		chunks, err := s.Chunks(t.Context(), h.Life(name), at(0, 0), 99)
		if err != nil {
			t.Fatal(err)
		}
		var to []stream.Offset
		for _, chunk := range chunks {
			to = append(to, chunk.To)
		}
		if !slices.Equal(to, c.to) {
			t.Errorf("%s: chunks up to %v, want %v", c.why, to, c.to)
		}
		// Another flush cuts differently: its chunk that ends with one of the first's is
		// not stored, so all that it would have held must be.
		wide := lim
		wide.PartSize = 99
		other := join(t, s, wide, stream.Poll{})
		if err := other.Flush(t.Context(), name, stream.Appended{}); err != nil {
			t.Errorf("%s: the next: %v", c.why, err)
		}
		if h := stored(t, s, lim); len(h.Buffer) != 0 {
			t.Errorf("%s: left %+v", c.why, h.Buffer)
		}
		if got := content(t, join(t, s, lim, stream.Poll{})); got != "aaaabbbbcccc" {
			t.Errorf("%s: content %q", c.why, got)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		l, s, _ := opened(t)
		release := s.hold("chunk")
		done := make(chan error, 1)
		go func() { done <- l.Flush(t.Context(), name, stream.Appended{}) }()
		synctest.Wait()
		if ops := s.took(); ops != "head chunk" {
			t.Errorf("under way: %q", ops)
		}
		release()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
