package faults_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/localstack/faults"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// scripted is a place under a layer, with what is stored as it is.
type scripted struct {
	*testing.T
	layer         *faults.Layer
	direct, under streamtest.Store
	clock         *streamtest.Clock
}

func newScripted(t *testing.T) *scripted {
	t.Helper()
	p, s := newPlace(t), &scripted{T: t, layer: faults.New(), clock: streamtest.NewClock()}
	s.direct, s.under = p.store(s.clock), p.under(s.layer, s.clock)
	return s
}

func (s *scripted) breaks(f faults.Fault, op string, nth int) {
	s.layer.Use(faults.Script{{Operation: op, Nth: nth, Fault: f}})
}

func (s *scripted) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scripted) log(of streamtest.Store) *stream.Log {
	l, err := stream.New(of.Driver, stream.Options{Objects: of.Objects, Limits: streamtest.Tiny(), Now: s.clock.Tick})
	s.must(err)
	return l
}

func section(body string) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader([]byte(body)), 0, int64(len(body)))
}

// calls is a plan without faults that notes what comes.
type calls struct {
	mu  sync.Mutex
	all []faults.Call
}

func (c *calls) Decide(one faults.Call) faults.Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, one)
	return faults.Fault{}
}

// TestRequestsAreUnderstood: every request of a stream's life is known to be about it.
func TestRequestsAreUnderstood(t *testing.T) {
	s, name := newScripted(t), `a "name" of/something`
	plan := &calls{}
	s.layer.Use(plan)
	l := s.log(s.under)
	_, _, err := l.Create(t.Context(), name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}})
	s.must(err)
	h := &streamtest.History{}
	for n := range 8 {
		_, err := h.Append(t.Context(), l, name, h.Begin("w", n, 1, 110), &stream.Append{ContentType: "text/plain"})
		s.must(err)
	}
	_, err = l.Compact(t.Context(), name)
	s.must(err)
	_, err = l.Read(t.Context(), name, stream.Start())
	s.must(err)
	s.must(l.Delete(t.Context(), name))
	s.clock.Advance(1 << 40)
	_, err = l.Collect(t.Context(), 10)
	s.must(err)
	seen := make(map[string]bool)
	for _, c := range plan.all {
		seen[c.Operation] = true
		// Of what is owed the table is asked, not of a stream.
		if c.Stream != name && c.Stream != `a \"name\" of/something` && !(c.Operation == "Query" && c.Stream == "") {
			t.Errorf("%+v", c)
		}
	}
	for _, op := range []string{"PutItem", "UpdateItem", "GetItem", "Query", "BatchWriteItem", "PutObject", "GetObject", "DeleteObjects", "ListObjectsV2"} {
		if !seen[op] {
			t.Errorf("no %s", op)
		}
	}
}

// TestStale: an eventually consistent read sees an older head, and a strong one does not.
func TestStale(t *testing.T) {
	s := newScripted(t)
	l := s.log(s.direct)
	_, _, err := l.Create(t.Context(), "a", &stream.Create{Config: stream.Config{ContentType: "text/plain"}})
	s.must(err)
	h := &streamtest.History{}
	version := func(c stream.Consistency) uint64 {
		h, err := s.under.Driver.Head(t.Context(), "a", c)
		s.must(err)
		return h.Version
	}
	s.breaks(faults.Of(faults.Stale), "GetItem", 2)
	first := version(stream.Eventual)
	_, err = h.Append(t.Context(), l, "a", h.Begin("w", 1, 1, 4), &stream.Append{ContentType: "text/plain"})
	s.must(err)
	if old, now := version(stream.Eventual), version(stream.Eventual); old != first || now != first+1 {
		t.Errorf("versions %d, %d, %d", first, old, now)
	}
	if now := version(stream.Strong); now != first+1 {
		t.Errorf("strong: %d", now)
	}
}

// TestUnprocessed: what a batch left out is done by the next one.
func TestUnprocessed(t *testing.T) {
	s, life := newScripted(t), stream.Life{Name: "a", Incarnation: stream.Incarnation{1}}
	for i := range 10 {
		s.must(s.direct.Driver.PutStaged(t.Context(), life, stream.StagedID{Commit: stream.StagedCommit(i), At: 1}, stream.Frames("\x00\x00\x00\x01x")))
	}
	s.layer.Use(faults.Script{{Operation: "BatchWriteItem", Nth: 1, Fault: faults.Fault{Kind: faults.Unprocessed, Draw: 3}}})
	done := false
	for n := 0; !done && n < 5; n++ {
		var err error
		done, err = s.under.Driver.Discard(t.Context(), life, 100)
		if err != nil && !errors.Is(err, stream.ErrNotApplied) {
			s.Fatal(err)
		}
	}
	if !done || s.layer.Injected()["unprocessed items"] != 1 {
		t.Errorf("done: %v, after %v", done, s.layer.Injected())
	}
	for i := range 10 {
		if _, err := s.direct.Driver.Staged(t.Context(), life, stream.StagedID{Commit: stream.StagedCommit(i), At: 1}); !errors.Is(err, stream.ErrNoItem) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// TestBadBucket: what a bucket may do to objects is noticed, and got over where that is
// possible.
func TestBadBucket(t *testing.T) {
	s := newScripted(t)
	s.must(s.direct.Objects.PutObject(t.Context(), "a/b", section("some bytes of an object")))
	for _, c := range []struct {
		fault faults.Fault
		// offset is where it is read from; n is how much.
		offset, n int64
		want      error
	}{
		{faults.Fault{Kind: faults.BitFlip, Draw: 33}, 0, -1, nil},
		{faults.Fault{Kind: faults.WrongLength, Draw: 0}, 0, -1, nil},
		{faults.Fault{Kind: faults.WrongLength, Draw: 1}, 5, 7, nil},
		{faults.Fault{Kind: faults.WrongLength, Draw: 0}, 5, 7, nil},
		{faults.Fault{Kind: faults.TornBody, Draw: 4}, 5, 7, nil},
		{faults.Of(faults.Missing), 0, -1, stream.ErrNoItem},
	} {
		s.breaks(c.fault, "GetObject", 1)
		got, err := s.under.Objects.Object(t.Context(), "a/b", c.offset, c.n)
		if want := "some bytes of an object"[c.offset:]; !errors.Is(err, c.want) || err == nil && string(got) != want[:len(got)] {
			t.Errorf("%s: %q, %v", c.fault.Name(), got, err)
		}
		if n := s.layer.Came("GetObject"); n != 2 && c.want == nil {
			t.Errorf("%s: %d requests", c.fault.Name(), n)
		}
	}
	s.breaks(faults.Of(faults.NotDeleted), "DeleteObjects", 1)
	if err := s.under.Objects.RemoveObjects(t.Context(), []string{"a/b"}); err == nil {
		t.Error("the bucket kept an object, and nobody noticed")
	}
	s.must(s.under.Objects.RemoveObjects(t.Context(), []string{"a/b"}))
}

// TestPartialObject: a bucket that keeps half of a segment is told of as damage, as long as
// it does. Nothing is let go for it, and readers notice nothing.
func TestPartialObject(t *testing.T) {
	s := newScripted(t)
	l := s.log(s.under)
	_, _, err := l.Create(t.Context(), "a", &stream.Create{Config: stream.Config{ContentType: "application/json"}})
	s.must(err)
	h := &streamtest.History{}
	for n := range 5 {
		r, err := h.Append(t.Context(), l, "a", h.Begin("w", n, 1, 8), &stream.Append{ContentType: "application/json"})
		s.must(err)
		if r.FlushDue() {
			s.must(l.Flush(t.Context(), "a", r))
		}
	}
	s.breaks(faults.Of(faults.PartialWrite), "PutObject", 1)
	for range 2 {
		if _, err := l.Compact(t.Context(), "a"); err == nil {
			t.Error("half of a segment passes for all of it")
		}
		h.Check(t, l, s.direct.Driver, s.direct.Objects, "a")
	}
	kept, err := s.direct.Objects.ListObjects(t.Context(), "stream/", "", 10)
	s.must(err)
	if len(kept) != 1 {
		t.Fatalf("the bucket has %v", slices.Clone(kept))
	}
	s.must(s.direct.Objects.RemoveObjects(t.Context(), kept))
	if done, err := l.Compact(t.Context(), "a"); err != nil || done.Segments == 0 {
		t.Errorf("when it is gone: %+v, %v", done, err)
	}
	h.Check(t, l, s.direct.Driver, s.direct.Objects, "a")
}
