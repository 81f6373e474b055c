package stream_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// What a read costs: the head near the tail, and what lies behind it.
func TestReadCost(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.FlushCount, lim.StageSize, lim.PartSize = 2, 12, 16
	l, s := open(t, lim)
	create(t, l)
	put(t, l, text("aa"))
	put(t, l, text("bb"))
	if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
		t.Fatal(err)
	}
	put(t, l, text("cc"))
	for _, c := range []struct {
		from stream.Position
		want string
		ops  string
	}{
		{stream.Start(), "aabbcc", "chunks head"},
		{stream.At(at(0, 3)), "bcc", "chunks head"},
		{stream.At(at(0, 4)), "cc", "head"},
		{stream.At(at(0, 5)), "c", "head"},
		{stream.At(at(0, 6)), "", "head"},
		{stream.Now(), "", "head"},
	} {
		s.took()
		p, err := l.Read(t.Context(), name, c.from)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, r := range pageRecords(t, p) {
			got += r
		}
		if ops := strings.Join(s.sorted(), " "); got != c.want || ops != c.ops || !p.UpToDate() || p.Next != at(0, 6) {
			t.Errorf("from %v: %q, took %q, next %v", c.from, got, ops, p.Next)
		}
	}
	put(t, l, text("0123456789"))
	s.took()
	if _, err := l.Read(t.Context(), name, stream.At(at(0, 6))); err != nil {
		t.Fatal(err)
	}
	if ops := s.took(); ops != "head staged" {
		t.Errorf("staged records took %q", ops)
	}
}

func TestReadFaults(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.FlushCount, lim.StageSize = 2, 12
	l, s := open(t, lim)
	if _, err := l.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("no stream: %v", err)
	}
	create(t, l)
	put(t, l, text("a"))
	put(t, l, text("b"))
	if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
		t.Fatal(err)
	}
	put(t, l, text("0123456789"))
	for _, op := range []string{"head", "chunks", "staged"} {
		// One that knows the stream asks for the chunks ahead, and then once more.
		for faults, reader := range []*stream.Log{join(t, s, lim, stream.Poll{}), l} {
			if op != "chunks" {
				faults = 0
			}
			s.faults(op, slices.Repeat([]fault{lost}, faults+1)...)
			if p, err := reader.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrUnavailable) || p != nil {
				t.Errorf("%s, %d: %v, %v", op, faults, p, err)
			}
		}
	}
}

// Data moves while it is looked for: the read begins again, and returns nothing
// past a gap.
func TestReadWhileDataMoves(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.FlushCount = 1
	for _, c := range []struct {
		why  string
		do   func(l *stream.Log)
		want string
		err  error
		ops  string
	}{
		{"the stream is deleted and collected", func(l *stream.Log) {
			l.Delete(context.Background(), name)
			l.Collect(context.Background(), 9)
		}, "", stream.ErrNotFound, "head chunks head"},
		{"and created again", func(l *stream.Log) {
			l.Delete(context.Background(), name)
			l.Collect(context.Background(), 9)
			l.Create(context.Background(), name, &stream.Create{})
		}, "", stream.ErrNotFound, "head chunks head"},
		{"the buffer is flushed", func(l *stream.Log) {
			l.Append(context.Background(), name, text("c"))
			l.Flush(context.Background(), name, stream.Appended{})
		}, "ab", nil, "head chunks"},
	} {
		writer, s := open(t, lim)
		create(t, writer)
		put(t, writer, text("a"))
		if err := writer.Flush(t.Context(), name, stream.Appended{}); err != nil {
			t.Fatal(err)
		}
		put(t, writer, text("b"))
		l := join(t, s, lim, stream.Poll{}) // which fetches nothing ahead
		other := join(t, &store{Store: s.Store}, lim, stream.Poll{})
		s.hook(func(op string) fault {
			if op == "chunks" {
				s.hook(nil)
				c.do(other)
			}
			return fine
		})
		s.took()
		p, err := l.Read(t.Context(), name, stream.Start())
		if !errors.Is(err, c.err) || c.err == nil && err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		if ops := s.took(); ops != c.ops {
			t.Errorf("%s: took %q", c.why, ops)
		}
		if err != nil {
			continue
		}
		// As of one moment: what came after the head was read is not on the page.
		got := ""
		for _, r := range pageRecords(t, p) {
			got += r
		}
		if got != c.want || !p.UpToDate() {
			t.Errorf("%s: %q", c.why, got)
		}
	}
}

// A store that has lost data never makes a page with a hole in it.
func TestReadNeverPassesAGap(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.FlushCount = 1
	for _, lose := range []int{0, 1} {
		l, s := open(t, lim)
		h := create(t, l)
		for _, record := range []string{"a", "b"} {
			put(t, l, text(record))
			if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
				t.Fatal(err)
			}
		}
		put(t, l, text("c"))
		chunks, err := s.Chunks(t.Context(), h.Life(name), at(0, 0), 99)
		if err != nil || len(chunks) != 2 {
			t.Fatal(chunks, err)
		}
		if _, err := s.Discard(t.Context(), h.Life(name), 99); err != nil {
			t.Fatal(err)
		}
		if err := s.PutChunk(t.Context(), h.Life(name), chunks[1-lose]); err != nil {
			t.Fatal(err)
		}
		s.took()
		if p, err := l.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrUnavailable) {
			t.Errorf("without chunk %d: %v, %v", lose, p, err)
		}
		if n := len(s.times("head")); n > 8 {
			t.Errorf("it looked for it %d times", n)
		}
	}
}
