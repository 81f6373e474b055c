package dynamo_test

import (
	"fmt"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/localstack/meter"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// add appends to a stream, in a process that has never seen it.
func (s *shop) add(name string, size int) {
	s.Helper()
	if _, err := s.process().Append(s.Context(), name, body(size)); err != nil {
		s.Fatalf("append to %q: %v", name, err)
	}
}

// fork makes a fork, in such a process.
func (s *shop) fork(name string, f *stream.Fork) {
	s.Helper()
	if _, created, err := s.process().Create(s.Context(), name, &stream.Create{Fork: f}); err != nil || !created {
		s.Fatalf("fork %q as %q: %v, %v", f.Source, name, created, err)
	}
}

func (s *shop) delete(name string) {
	s.Helper()
	if err := s.process().Delete(s.Context(), name); err != nil {
		s.Fatalf("delete %q: %v", name, err)
	}
}

// What forks cost in requests, in processes that have never seen the streams.
func TestForkRequests(t *testing.T) {
	s := newShop(t)
	s.create("s")
	s.meter.Take()
	s.fork("of nothing", &stream.Fork{Source: "s"})
	s.costs("fork of an empty stream: read, transaction", 1, 1, 0)
	s.add("s", 100)
	s.add("s", 100)
	s.meter.Take()
	s.fork("first", &stream.Fork{Source: "s"})
	s.costs("fork: read, flush, transaction", 1, 3, 0)
	s.fork("second", &stream.Fork{Source: "s"})
	if u := s.meter.Take(); u.Reads != 1 || u.Writes != 1 || u.WriteUnits != 8 {
		t.Errorf("fork of what is flushed: %v; want a read, and a transaction of 8 WU", u)
	}
	s.fork("at an offset", &stream.Fork{Source: "s", HasAt: true, At: stream.Offset{Position: 100}})
	s.costs("fork at an offset, which is looked up", 2, 1, 0)
	s.fork("of a fork", &stream.Fork{Source: "first"})
	s.costs("fork of a fork, whose lineage is read", 2, 1, 0)
	s.create("grave")
	s.delete("grave")
	s.meter.Take()
	s.fork("grave", &stream.Fork{Source: "s"})
	s.costs("fork over a tombstone", 1, 2, 1)

	s.add("first", 100)
	s.costs("first append to a fork, which begins a segment", 0, 2, 1)
	s.add("first", 100)
	s.costs("append to a fork", 0, 1, 0)
	s.add("s", 100)
	s.costs("append to a stream with forks", 0, 1, 0)

	s.delete("second")
	s.costs("delete a fork: read, delete, release", 2, 2, 0)
	s.delete("first")
	s.costs("delete a fork that has one", 1, 1, 0)
	s.delete("of a fork")
	s.costs("delete it, and with it the fork that it was of", 3, 4, 0)
}

// What a fork inherits is read at the same price however deep it is.
func TestForkDepth(t *testing.T) {
	s := newShop(t)
	s.limits.PageSize = 250
	s.create("0")
	for range 3 {
		s.add("0", 100)
	}
	prices := make(map[int]meter.Usage)
	for depth := 1; depth <= 20; depth++ {
		name := fmt.Sprint(depth)
		s.fork(name, &stream.Fork{Source: fmt.Sprint(depth - 1)})
		if depth != 1 && depth != 5 && depth != 20 {
			s.add(name, 300)
			continue
		}
		s.meter.Take()
		p, err := s.process().Read(t.Context(), name, stream.Start())
		check(t, err)
		if p.Size != 200 {
			t.Errorf("at depth %d: %d bytes were read", depth, p.Size)
		}
		prices[depth] = s.meter.Take()
		s.add(name, 300)
		s.costs(fmt.Sprint("first append at depth ", depth), 0, 2, 1)
	}
	for depth, u := range prices {
		if u != prices[1] || u.Reads != 4 || u.Writes != 0 {
			t.Errorf("at depth %d: %v; want head, lineage, manifests and chunks, and the same units as at depth 1: %v", depth, u, prices[1])
		}
	}
	if len(prices) != 3 {
		t.Errorf("read at %d depths", len(prices))
	}
}

// A stream with many forks is deleted at once, and ends with the last of them.
func TestManyForksRequests(t *testing.T) {
	s := newShop(t)
	s.create("root")
	const forks = 100
	name := func(i int) string { return fmt.Sprint("fork/", i) }
	for i := range forks {
		s.fork(name(i), &stream.Fork{Source: "root"})
	}
	s.meter.Take()
	s.delete("root")
	s.costs(fmt.Sprintf("delete the root of %d forks", forks), 1, 1, 0)
	for i := range forks - 1 {
		s.delete(name(i))
		s.costs(fmt.Sprint("delete fork ", i), 2, 2, 0)
	}
	if h, err := s.driver.Head(t.Context(), "root", stream.Strong); err != nil || !h.Deleted || h.Forks != 1 {
		t.Errorf("the root, with one fork left: %+v, %v", h, err)
	}
	s.meter.Take()
	s.delete(name(forks - 1))
	s.costs("delete the last fork, and the root", 2, 3, 0)
	if h, err := s.driver.Head(t.Context(), "root", stream.Strong); err == nil {
		t.Errorf("the root is still there: %+v", h)
	}
}
