package stream_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// What a compaction does, call by call, and what it leaves.
func TestCompact(t *testing.T) {
	lim := short()
	l, s := openCold(t, lim)
	h := create(t, l)
	putAll(t, l, "aa", "b", "cc")
	s.took()
	done := compact(t, l, 1)
	want := "head chunk chunk trim manifests chunks put get manifest compact retire head"
	if ops := s.took(); ops != want {
		t.Errorf("took %q,\nwant %q", ops, want)
	}
	body := object(t, stream.Bytes, 0, "aa", "b")
	key := stream.SegmentKey(h.Life(name), 0)
	if got := bodyOf(t, s, key); !bytes.Equal(got, body) || done.Bytes != int64(len(body)) {
		t.Errorf("an object of %d bytes, said to have %d, want %d", len(got), done.Bytes, len(body))
	}
	summary, err := segment.Verify(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	all := manifests(t, s)
	if len(all) != 1 {
		t.Fatalf("manifests %+v", all)
	}
	m := all[0]
	if m.Segment != 0 || m.From != at(0, 0) || m.To != at(0, 3) || m.Count != 2 || m.Object != key ||
		m.Size != int64(len(body)) || m.CRC != summary.CRC || !bytes.HasSuffix(body, m.Tail) || len(m.Tail) <= segment.FooterSize {
		t.Errorf("manifest %+v", m)
	}
	if after := stored(t, s, lim); after.Compacted != 1 || after.CompactionOwed() {
		t.Errorf("the head says %d segments, owed %v", after.Compacted, after.CompactionOwed())
	}
	if got := holding(t, s, h.Life(name)); got != "chunk 1_2, manifest 0, object segment" {
		t.Errorf("it left %s", got)
	}
	s.took()
	compact(t, l, 0)
	if ops := s.took(); ops != "head" {
		t.Errorf("once more it took %q", ops)
	}
	if got := content(t, l); got != "aabcc" {
		t.Errorf("content %q", got)
	}
}

// Several segments are compacted one after the other, whatever is in chunks by then,
// and the buffer is flushed once.
func TestCompactSeveral(t *testing.T) {
	lim := short()
	l, s := openCold(t, lim)
	h := create(t, l)
	flushed(t, l, "a", "b", "c")
	putAll(t, l, "d", "e", "f", "g")
	s.took()
	compact(t, l, 3)
	one := " manifests chunks put get manifest compact retire head"
	if ops := s.took(); ops != "head"+one+" chunk chunk chunk trim"+one+one {
		t.Errorf("took %q", ops)
	}
	for i, m := range manifests(t, s) {
		from := at(uint64(max(i-1, 0)), uint64(min(i, 1)*2))
		if m.Segment != uint64(i) || m.From != from || m.To != at(uint64(i), 2) {
			t.Errorf("manifest %d: %+v", i, m)
		}
	}
	if got := holding(t, s, h.Life(name)); got != "chunk 3_1, manifest 0, manifest 1, manifest 2, object segment, object segment, object segment" {
		t.Errorf("it left %s", got)
	}
	if got := content(t, l); got != "abcdefg" {
		t.Errorf("content %q", got)
	}
}

// The last segment of a stream that takes no more records is compacted too, unless all
// of it is in the head.
func TestCompactTheLastSegment(t *testing.T) {
	closes := func(t *testing.T, l *stream.Log, _ *store) { put(t, l, text("", closing)) }
	seals := func(t *testing.T, l *stream.Log, s *store) {
		next := stored(t, s, short()).Clone()
		next.Sealed = true
		next.Version++
		if err := s.Store.Update(t.Context(), name, next); err != nil {
			t.Fatal(err)
		}
	}
	nothing := func(*testing.T, *stream.Log, *store) {}
	const last = "head manifests chunks chunks put get manifest compact retire head"
	for _, c := range []struct {
		why     string
		records []string
		flush   bool
		end     func(t *testing.T, l *stream.Log, s *store)
		then    []string // put after that
		n       int
		ops     string
	}{
		{"empty", nil, false, nothing, nil, 0, "head"},
		{"empty and closed", nil, false, closes, nil, 0, "head"},
		{"open", []string{"a"}, true, nothing, nil, 0, "head"},
		{"full, but nothing follows", []string{"a", "b"}, true, nothing, nil, 0, "head"},
		{"closed, in the head", []string{"a"}, false, closes, nil, 0, "head"},
		{"closed, in chunks", []string{"a"}, true, closes, nil, 1, last},
		{"closed and full", []string{"a", "b"}, true, closes, nil, 1, last},
		{"sealed, in the head", []string{"a"}, false, seals, nil, 0, "head"},
		{"sealed, in chunks", []string{"a"}, true, seals, nil, 1, last},
		{"sealed in the head, and appended to", []string{"a"}, false, seals, []string{"b"}, 1,
			"head chunk chunk trim manifests chunks put get manifest compact retire head"},
		{"sealed in chunks, and appended to", []string{"a"}, true, seals, []string{"b"}, 1, last},
		{"closed after a segment, in the head", []string{"a", "b", "c"}, false, closes, nil, 2,
			"head chunk chunk trim manifests chunks put get manifest compact retire " + last},
	} {
		l, s := openCold(t, short())
		h := create(t, l)
		putAll(t, l, c.records...)
		if c.flush {
			flushed(t, l)
		}
		c.end(t, l, s)
		putAll(t, l, c.then...)
		want := content(t, l)
		s.took()
		done, err := l.Compact(t.Context(), name)
		if err != nil || done.Segments != c.n {
			t.Errorf("%s: %+v, %v", c.why, done, err)
		}
		if ops := s.took(); ops != c.ops {
			t.Errorf("%s: took %q,\nwant %q", c.why, ops, c.ops)
		}
		if got := content(t, l); got != want {
			t.Errorf("%s: content %q, want %q", c.why, got, want)
		}
		if after := stored(t, s, short()); after.Compacted != uint64(c.n) || after.Incarnation != h.Incarnation {
			t.Errorf("%s: %d segments are compacted", c.why, after.Compacted)
		}
	}
}

// A closed stream that was compacted whole still answers what a writer asks.
func TestCompactedAndClosed(t *testing.T) {
	l, s := openCold(t, short())
	h := create(t, l)
	putAll(t, l, "a", "b", "c")
	put(t, l, text("d", closing, by("p", 0, 0)))
	compact(t, l, 2)
	if got := holding(t, s, h.Life(name)); got != "manifest 0, manifest 1, object segment, object segment" {
		t.Errorf("left %s", got)
	}
	if r := put(t, l, text("d", closing, by("p", 0, 0))); !r.Duplicate || r.Tail != at(1, 2) {
		t.Errorf("the same request: %+v", r)
	}
	var closed *stream.ClosedError
	if _, err := l.Append(t.Context(), name, text("e")); !errors.As(err, &closed) || closed.Tail != at(1, 2) {
		t.Errorf("another one: %v", err)
	}
	p, err := l.Read(t.Context(), name, stream.Start())
	if err != nil || !p.Closed() || p.Size != 4 {
		t.Errorf("%+v, %v", p, err)
	}
}

// Without objects nothing is compacted, and nobody asks.
func TestCompactWithoutObjects(t *testing.T) {
	l, s := open(t, short())
	create(t, l)
	putAll(t, l, "a", "b", "c")
	s.took()
	compact(t, l, 0)
	if ops := s.took(); ops != "" {
		t.Errorf("took %q", ops)
	}
	if done, err := joinCold(t, s, short()).Compact(t.Context(), "other"); err != nil || done.Segments != 0 {
		t.Errorf("no stream: %+v, %v", done, err)
	}
}

// Where a stream is read from does not depend on whether the process has objects: it
// says so.
func TestReadCompactedWithoutObjects(t *testing.T) {
	l, s := openCold(t, short())
	create(t, l)
	putAll(t, l, "a", "b", "c")
	compact(t, l, 1)
	poor := join(t, s, short(), stream.Poll{})
	if _, err := poor.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrUnavailable) || !errors.Is(err, stream.ErrRejected) {
		t.Errorf("%v", err)
	}
	p, err := poor.Read(t.Context(), name, stream.At(at(0, 2)))
	if err != nil || strings.Join(pageRecords(t, p), "") != "c" {
		t.Errorf("what is not cold: %v, %v", p, err)
	}
}

// A JSON stream, whose positions count messages.
func TestCompactMessages(t *testing.T) {
	lim := short()
	lim.SegmentCount = 3
	l, s := openCold(t, lim)
	h := create(t, l, stream.Create{Config: stream.Config{ContentType: "application/json"}})
	put(t, l, messages(`{"a":1}`, `2`))
	put(t, l, messages(`3`, `"four"`))
	put(t, l, messages(`5`))
	compact(t, l, 1)
	m := manifests(t, s)[0]
	if m.To != at(0, 4) || m.Count != 4 {
		t.Errorf("%+v", m)
	}
	if got := bodyOf(t, s, m.Object); !bytes.Equal(got, object(t, stream.Messages, 0, `{"a":1}`, `2`, `3`, `"four"`)) {
		t.Errorf("object %q", got)
	}
	for i, want := range []string{`{"a":1}|2|3|"four"|5`, `2|3|"four"|5`, `3|"four"|5`, `"four"|5`, `5`} {
		all, _ := readFrom(t, l, stream.At(at(0, uint64(i))))
		if got := strings.Join(all, "|"); got != want {
			t.Errorf("from %d: %s, want %s", i, got, want)
		}
	}
	if h.Unit() != stream.Messages {
		t.Error("it counts bytes")
	}
}

// What large records were staged in goes when they are in an object of their segment.
func TestCompactLinked(t *testing.T) {
	lim := short()
	lim.SegmentCount, lim.SegmentSize = 100, 50
	lim.StageSize, lim.PartSize, lim.ObjectSize = 12, 16, 18
	for _, flush := range []bool{false, true} {
		l, s := openCold(t, lim)
		h := create(t, l)
		add := func(all ...string) {
			for _, record := range all {
				put(t, l, text(record))
				if flush {
					flushed(t, l)
				}
			}
		}
		add("0123456789", "small", "forty bytes, that is three parts, not two")
		add("next")
		if got := holding(t, s, h.Life(name)); !strings.Contains(got, "object staged, object staged") || !strings.Contains(got, "staged 2") {
			t.Fatalf("flushed %v: there is %s", flush, got)
		}
		s.took()
		compact(t, l, 1)
		// Each link is followed once, and the object read back in parts.
		ops := s.took()
		if !strings.HasSuffix(ops, "manifest compact remove retire head") || strings.Count(ops, "staged") != 2 || strings.Count(ops, "remove") != 1 {
			t.Errorf("flushed %v: took %q", flush, ops)
		}
		if got := holding(t, s, h.Life(name)); got != "chunk 1_4, manifest 0, object segment" {
			t.Errorf("flushed %v: left %s", flush, got)
		}
		add("forty bytes, that is three parts, not two", "more", "next", "end")
		s.faults("remove", lost)
		if _, err := l.Compact(t.Context(), name); !errors.Is(err, stream.ErrUnavailable) {
			t.Errorf("flushed %v: %v", flush, err)
		}
		s.hook(nil)
		if got := content(t, l); got != "0123456789smallforty bytes, that is three parts, not twonextforty bytes, that is three parts, not twomorenextend" {
			t.Errorf("flushed %v: content %q", flush, got)
		}
	}
}

// A spool is closed whatever happens, and one that fails stops the compaction.
func TestCompactSpool(t *testing.T) {
	errDisk := errors.New("disk full")
	for _, c := range []struct {
		why  string
		make error
		fail int // the write that fails
		ok   bool
	}{
		{"fine", nil, 0, true},
		{"no place", errDisk, 0, false},
		{"full", nil, 1, false},
	} {
		p := &spool{fail: c.fail, err: errDisk}
		l, s := openCold(t, short(), func(o *stream.Options) {
			o.Spool = func() (stream.Spool, error) { return p, c.make }
		})
		create(t, l)
		putAll(t, l, "a", "b", "c")
		_, err := l.Compact(t.Context(), name)
		if (err == nil) != c.ok || !c.ok && (!errors.Is(err, errDisk) || !errors.Is(err, stream.ErrUnavailable)) {
			t.Errorf("%s: %v", c.why, err)
		}
		if want := 1; c.make == nil && p.closed != want {
			t.Errorf("%s: closed %d times", c.why, p.closed)
		}
		if n := len(keys(t, s)); (n == 1) != c.ok {
			t.Errorf("%s: %d objects", c.why, n)
		}
		if got := content(t, l); got != "abc" {
			t.Errorf("%s: content %q", c.why, got)
		}
	}
}

// spool is one in memory whose writes can fail.
type spool struct {
	b      []byte
	fail   int
	err    error
	closed int
}

func (p *spool) Write(b []byte) (int, error) {
	if p.fail--; p.fail == 0 {
		return 0, p.err
	}
	p.b = append(p.b, b...)
	return len(b), nil
}

func (p *spool) ReadAt(b []byte, offset int64) (int, error) {
	return bytes.NewReader(p.b).ReadAt(b, offset)
}

func (p *spool) Close() error { p.closed++; return nil }

// A log says that a segment ended after a write of its own that ended one, and after no
// other.
func TestEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended []string
		lim := short()
		lim.StageSize = 8
		l, s := openCold(t, lim, func(o *stream.Options) {
			o.Ended = func(name string) { ended = append(ended, name) }
		})
		did := func(what string, n int) {
			t.Helper()
			want := slices.Repeat([]string{name}, n)
			if !slices.Equal(ended, want) {
				t.Errorf("%s: told of %q, want %q", what, ended, want)
			}
			ended = nil
		}
		create(t, l)
		did("a create", 0)
		putAll(t, l, "a", "b")
		did("appends that fill a segment", 0)
		put(t, l, text("c"))
		did("an append that begins the next", 1)
		if h := stored(t, s, lim); !h.Ended {
			t.Error("the head does not say so")
		}
		put(t, l, text(large))
		did("one that goes on with it", 0)
		if h := stored(t, s, lim); h.Ended {
			t.Error("the head still says so")
		}
		flushed(t, l)
		did("a flush", 0)
		put(t, l, text(large))
		did("a large one that begins the next", 1)
		compact(t, l, 2)
		did("a compaction", 0)
		s.faults("commit", applied)
		put(t, l, text("d"))
		put(t, l, text("e"))
		did("an unknown one, and one that begins the next", 1)
		s.faults("update", applied)
		put(t, l, text("f"))
		put(t, l, text("g"))
		did("an unknown one that begins the next", 1)
		if _, err := l.Append(t.Context(), name, text("x", contentType("image/png"))); err == nil {
			t.Error("appended")
		}
		did("a refused one", 0)
		put(t, l, text("", closing))
		did("a close", 1)
		put(t, l, text("", closing))
		did("another close", 0)
		if err := l.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		did("a deletion", 0)
		create(t, l, stream.Create{Closed: true})
		did("a create of a closed stream", 1)
		if _, created, err := l.Create(t.Context(), name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}, Closed: true}); created || err != nil {
			t.Error(created, err)
		}
		did("one that finds it", 0)
		if err := l.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		s.faults("create", applied)
		create(t, l, stream.Create{Closed: true})
		did("an unknown create of a closed stream", 1)
	})
}

// Without objects nothing is told to be compacted by itself either: nobody asked.
func TestEndedIsOptional(t *testing.T) {
	l, err := stream.New(memory.New(), stream.Options{Limits: short()})
	if err != nil {
		t.Fatal(err)
	}
	create(t, l, stream.Create{Records: records("a", "b")})
	put(t, l, text("c", closing))
}
