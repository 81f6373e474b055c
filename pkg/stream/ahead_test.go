package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// flushed puts records, and flushes them all.
func flushed(t *testing.T, l *stream.Log, all ...string) {
	t.Helper()
	for _, record := range all {
		put(t, l, text(record))
	}
	if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
		t.Fatal(err)
	}
}

// readStart reads from the start in the background.
func readStart(ctx context.Context, l *stream.Log) chan string {
	done := make(chan string, 1)
	go func() {
		p, err := l.Read(ctx, name, stream.Start())
		if err != nil {
			done <- err.Error()
			return
		}
		var all strings.Builder
		for r := range p.Records() {
			all.Write(r)
		}
		done <- all.String()
	}()
	return done
}

// sorted returns the operations called since took was called last, in alphabetical
// order: those of a read that knows the stream have none.
func (s *store) sorted() []string {
	ops := strings.Fields(s.took())
	slices.Sort(ops)
	return ops
}

// A read of a stream that was read or written before asks for the head and for the
// chunks at the same time; the first read cannot.
func TestReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		writer, s := open(t, stream.DefaultLimits())
		create(t, writer)
		flushed(t, writer, "a", "b")
		put(t, writer, text("c"))
		reader := join(t, s, stream.DefaultLimits(), stream.Poll{})
		for _, c := range []struct {
			why  string
			by   *stream.Log
			ops  []string // under way before any of them has an answer
			then []string
		}{
			{"unknown", reader, []string{"head"}, []string{"chunks"}},
			{"read", reader, []string{"chunks", "head"}, nil},
			{"read twice", reader, []string{"chunks", "head"}, nil},
			{"written", writer, []string{"chunks", "head"}, nil},
		} {
			gate := make(chan struct{})
			s.hook(func(string) fault { <-gate; return fine })
			s.took()
			done := readStart(t.Context(), c.by)
			synctest.Wait()
			if ops := s.sorted(); !slices.Equal(ops, c.ops) {
				t.Errorf("%s: %v are under way, want %v", c.why, ops, c.ops)
			}
			close(gate)
			if got := <-done; got != "abc" {
				t.Errorf("%s: %q", c.why, got)
			}
			if ops := s.sorted(); !slices.Equal(ops, c.then) {
				t.Errorf("%s: then it took %v, want %v", c.why, ops, c.then)
			}
		}
	})
}

// Where the buffer has all that is asked for, nothing is fetched ahead.
func TestReadNearTheTailFetchesNothingAhead(t *testing.T) {
	l, s := open(t, stream.DefaultLimits())
	create(t, l)
	flushed(t, l, "a", "b")
	put(t, l, text("c"))
	content(t, l) // now it is known
	for _, c := range []struct {
		from stream.Position
		ops  []string
	}{
		{stream.Start(), []string{"chunks", "head"}},
		{stream.At(at(0, 1)), []string{"chunks", "head"}},
		{stream.At(at(0, 2)), []string{"head"}},
		{stream.At(at(0, 3)), []string{"head"}},
		{stream.At(at(0, 9)), []string{"head"}},
		{stream.Now(), []string{"head"}},
	} {
		s.took()
		if _, err := l.Read(t.Context(), name, c.from); err != nil && !errors.Is(err, stream.ErrBadOffset) {
			t.Error(err)
		}
		if ops := s.sorted(); !slices.Equal(ops, c.ops) {
			t.Errorf("from %v: took %v, want %v", c.from, ops, c.ops)
		}
	}
	// What was in the buffer then is in chunks now: found in the second place.
	flushed(t, l)
	s.took()
	if _, err := l.Read(t.Context(), name, stream.At(at(0, 2))); err != nil {
		t.Error(err)
	}
	if ops := s.took(); ops != "head chunks" {
		t.Errorf("behind what was known it took %q", ops)
	}
}

// What was fetched of another life is dropped.
func TestReadAheadOfAnotherLife(t *testing.T) {
	for _, collected := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, l)
			flushed(t, l, "old", "old")
			if got := content(t, l); got != "oldold" {
				t.Fatalf("content %q", got)
			}
			other := join(t, s, stream.DefaultLimits(), stream.Poll{})
			if err := other.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrNotFound) {
				t.Errorf("a stream that is gone: %v", err)
			}
			if collected {
				if _, err := other.Collect(t.Context(), 9); err != nil {
					t.Fatal(err)
				}
			}
			create(t, other)
			flushed(t, other, "new")
			put(t, other, text("est"))
			for _, want := range [][]string{{"chunks", "chunks", "head"}, {"chunks", "head"}} {
				s.took()
				if got := content(t, l); got != "newest" {
					t.Errorf("content %q", got)
				}
				if ops := s.sorted(); !slices.Equal(ops, want) {
					t.Errorf("took %v, want %v", ops, want)
				}
			}
		})
	}
}

// What goes wrong ahead, the read finds out by itself, or does not need.
func TestReadAheadFails(t *testing.T) {
	for _, c := range []struct {
		why    string
		op     string
		faults []fault
		want   string
		err    error
	}{
		{"the chunks, once", "chunks", []fault{lost}, "abc", nil},
		{"the chunks, rejected once", "chunks", []fault{rejected}, "abc", nil},
		{"the chunks, twice", "chunks", []fault{lost, lost}, "", stream.ErrUnavailable},
		{"the head", "head", []fault{lost}, "", stream.ErrUnavailable},
	} {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		flushed(t, l, "a", "b")
		put(t, l, text("c"))
		content(t, l)
		s.faults(c.op, c.faults...)
		p, err := l.Read(t.Context(), name, stream.Start())
		if !errors.Is(err, c.err) || c.err == nil && err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		if err == nil && strings.Join(pageRecords(t, p), "") != c.want {
			t.Errorf("%s: %v", c.why, pageRecords(t, p))
		}
	}
}

// gaps is a store that once does not see the first of the chunks: a query sees each
// item as of some moment, and not all of them as of one.
type gaps struct {
	*store
	missing bool
}

func (g *gaps) Chunks(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Chunk, error) {
	chunks, err := g.store.Chunks(ctx, life, after, max)
	if g.missing && len(chunks) > 0 {
		g.missing = false
		return chunks[1:], err
	}
	return chunks, err
}

// A read starts over after a gap, without what it had fetched ahead.
func TestReadAheadWithAGap(t *testing.T) {
	s := &gaps{store: newStore()}
	l, err := stream.New(s, stream.Options{Limits: stream.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	create(t, l)
	flushed(t, l, "a")
	flushed(t, l, "b")
	content(t, l)
	s.missing = true
	if got := content(t, l); got != "ab" {
		t.Errorf("content %q", got)
	}
}

// Records that were appended after the head was read, and flushed before the chunks
// were, are not on the page: it is as of the head.
func TestReadAheadSeesMoreThanTheHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		flushed(t, l, "a", "b")
		put(t, l, text("c"))
		content(t, l)
		other := join(t, &store{Store: s.Store}, stream.DefaultLimits(), stream.Poll{})
		release := s.hold("chunks")
		done := readStart(t.Context(), l)
		synctest.Wait()
		flushed(t, other, "d", "e")
		release()
		if got := <-done; got != "abc" {
			t.Errorf("content %q", got)
		}
		if got := content(t, l); got != "abcde" {
			t.Errorf("content %q", got)
		}
	})
}

// patientChunks answers nothing before the caller gives up.
type patientChunks struct {
	*store
	gaveUp chan struct{}
}

func (d patientChunks) Chunks(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Chunk, error) {
	if d.gaveUp == nil {
		return d.store.Chunks(ctx, life, after, max)
	}
	<-ctx.Done()
	close(d.gaveUp)
	return nil, ctx.Err()
}

// A read that fails ends what it began to fetch before it returns: the store may be
// closed then.
func TestReadAheadIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &patientChunks{store: newStore()}
		l, err := stream.New(d, stream.Options{Limits: stream.DefaultLimits()})
		if err != nil {
			t.Fatal(err)
		}
		create(t, l)
		flushed(t, l, "a")
		content(t, l)
		d.gaveUp = make(chan struct{})
		d.store.faults("head", lost)
		if _, err := l.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrUnavailable) {
			t.Errorf("%v", err)
		}
		select {
		case <-d.gaveUp:
		default:
			t.Error("a request outlived the read")
		}
	})
}

// The memory of streams is bounded.
func TestReadAheadForgets(t *testing.T) {
	l, err := stream.New(memory.New(), stream.Options{Limits: stream.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	for n := range stream.MaxLives + 50 {
		name := fmt.Sprint("s", n)
		if _, _, err := l.Create(t.Context(), name, &stream.Create{}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := l.Read(t.Context(), name, stream.Start()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := l.Lives(); n != stream.MaxLives {
		t.Errorf("%d streams are remembered, want %d", n, stream.MaxLives)
	}
}
