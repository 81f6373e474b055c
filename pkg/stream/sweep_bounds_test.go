package stream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// litter returns a log on a store with much to do: n streams each of which has a segment
// whose event was lost, litter of two kinds and an orphan.
func litter(t *testing.T, n int) (*stream.Log, *store) {
	t.Helper()
	lim := short()
	lim.StageSize, lim.ObjectSize = 12, 40
	l, s := openCold(t, lim)
	ctx := t.Context()
	for i := range n {
		name := fmt.Sprint("s", i)
		h, _, err := l.Create(ctx, name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range []string{"a", "b", "c"} {
			if _, err := l.Append(ctx, name, text(record)); err != nil {
				t.Fatal(err)
			}
		}
		s.faults("commit", rejected)
		l.Append(ctx, name, text(large))
		s.faults("commit", rejected)
		l.Append(ctx, name, text(very))
		s.hook(nil)
		over := stream.Life{Name: name, Incarnation: stream.Incarnation{1, byte(i)}}
		if err := s.Store.PutChunk(ctx, over, chunk(at(0, 0), at(0, 1), "x")); err != nil || h.Incarnation == over.Incarnation {
			t.Fatal(err)
		}
		setBody(t, s, stream.SegmentKey(over, 0), []byte("x"))
	}
	time.Sleep(2 * stream.LitterAfter)
	return l, s
}

// done is what is to be done there.
func done(n int) stream.Swept {
	return stream.Swept{Compaction: stream.Compaction{Segments: n}, Retired: n, Removed: n, Orphans: n}
}

// sum adds up what sweeps did.
func sum(total, s stream.Swept) stream.Swept {
	s = did(s)
	total.Segments += s.Segments
	total.Retired += s.Retired
	total.Removed += s.Removed
	total.Orphans += s.Orphans
	total.Problems += s.Problems
	return total
}

func contents(t *testing.T, l *stream.Log, n int) {
	t.Helper()
	for i := range n {
		p, err := l.Read(t.Context(), fmt.Sprint("s", i), stream.Start())
		if err != nil || strings.Join(pageRecords(t, p), "") != "abc" {
			t.Errorf("stream %d: %v, %v", i, p, err)
		}
	}
}

// A run looks at no more than it is told, and the next one, perhaps of another process,
// goes on there.
func TestSweepIsBounded(t *testing.T) {
	for _, o := range []stream.SweepOptions{
		{IdleAfter: time.Hour * 24, Items: 1, Objects: 1, Lives: 1},
		{IdleAfter: time.Hour * 24, Items: 3, Objects: 2, Lives: 1},
		{IdleAfter: time.Hour * 24, Items: 7, Objects: 1000, Lives: 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, s := litter(t, 4)
			// Two rounds: in the first, things appear where it was already.
			var total stream.Swept
			runs := 0
			for itemEnds, objectEnds := 0, 0; itemEnds < 2 || objectEnds < 2; runs++ {
				l := joinCold(t, s, short())
				swept, err := l.Sweep(t.Context(), o)
				if err != nil || swept.Items > o.Items || swept.Objects > o.Objects {
					t.Fatalf("%+v, %v", swept, err)
				}
				total = sum(total, swept)
				if swept.ItemsEnd {
					itemEnds++
				}
				if swept.ObjectsEnd {
					objectEnds++
				}
				if runs > 1000 {
					t.Fatal("it does not end")
				}
			}
			if total != done(4) {
				t.Errorf("%+v: in %d runs %+v", o, runs, total)
			}
			if runs < 2*12/o.Items {
				t.Errorf("%+v: %d runs", o, runs)
			}
			contents(t, joinCold(t, s, short()), 4)
		})
	}
}

// Nothing that is left aside is looked at.
func TestSweepOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := litter(t, 2)
		s.took()
		swept, err := l.Sweep(t.Context(), stream.SweepOptions{})
		if err != nil || swept != (stream.Swept{}) {
			t.Errorf("%+v, %v", swept, err)
		}
		if ops := s.took(); ops != "owed cursor cursor" {
			t.Errorf("took %q", ops)
		}
	})
}

// Parts of a list that is longer than one part: the place is noted after each.
func TestSweepInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := openCold(t, short())
		n := stream.ItemsPart + 1
		for i := range n {
			if _, _, err := l.Create(t.Context(), fmt.Sprint(i), &stream.Create{}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range stream.ObjectsPart + 1 {
			setBody(t, s, fmt.Sprintf("stream/foreign-%04d", i), []byte("x"))
		}
		s.took()
		swept, err := l.Sweep(t.Context(), stream.SweepOptions{Items: 1000, Objects: 10000, Lives: 1})
		if err != nil || swept.Items != n || swept.Objects != stream.ObjectsPart+1 || swept.Foreign != swept.Objects || !swept.ItemsEnd || !swept.ObjectsEnd {
			t.Errorf("%+v, %v", swept, err)
		}
		if ops := s.took(); ops != "owed cursor inventory advance inventory advance cursor list advance list advance" {
			t.Errorf("took %q", ops)
		}
	})
}

// Whatever fails is told, and does not keep the rest from being done; the next run does
// what is left.
func TestSweepPassesOverProblems(t *testing.T) {
	for _, c := range []struct {
		op   string
		what fault
		all  bool // each such call fails
		done func(total stream.Swept) bool
	}{
		{"owed", lost, false, func(s stream.Swept) bool { return s == done(3) }},
		{"head", lost, false, func(s stream.Swept) bool { return s.Removed >= 2 && s.Segments >= 2 }},
		{"put", lost, false, func(s stream.Swept) bool {
			return s.Segments == 2 && s.Removed == 3 && s.Retired == 3 && s.Orphans == 3
		}},
		{"put", rejected, true, func(s stream.Swept) bool {
			return s.Segments == 0 && s.Removed == 3 && s.Retired == 3 && s.Orphans == 3
		}},
		// What is left of an orphan is found by its object.
		{"discard", lost, false, func(s stream.Swept) bool { return s.Orphans == 3 && s.Segments == 3 && s.Removed == 3 }},
		{"empty", lost, false, func(s stream.Swept) bool { return s.Orphans == 3 && s.Segments == 3 }},
		{"empty", lost, true, func(s stream.Swept) bool { return s.Orphans == 0 && s.Segments == 3 && s.Removed == 3 }},
		{"remove", lost, false, func(s stream.Swept) bool { return s.Removed == 0 && s.Segments == 3 && s.Retired == 3 }},
		{"list", lost, false, func(s stream.Swept) bool {
			return s.Removed == 0 && s.Segments == 3 && s.Retired == 3 && s.Orphans == 3
		}},
		{"inventory", lost, false, func(s stream.Swept) bool { return s.Removed == 3 && s.Segments == 0 }},
		{"cursor", lost, false, func(s stream.Swept) bool { return s.Removed == 3 && s.Segments == 0 }},
		{"cursor", lost, true, func(s stream.Swept) bool { return s == stream.Swept{} }},
		{"advance", lost, false, func(s stream.Swept) bool { return s == done(3) }},
		{"chunks", lost, true, func(s stream.Swept) bool { return s.Removed+s.Retired+s.Segments == 0 && s.Orphans == 3 }},
		{"update", rejected, true, func(s stream.Swept) bool { return s.Removed+s.Retired == 0 && s.Segments == 3 && s.Orphans == 3 }},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := litter(t, 3)
			failed := false
			s.hook(func(op string) fault {
				if op != c.op || failed && !c.all {
					return fine
				}
				failed = true
				return c.what
			})
			swept, err := l.Sweep(t.Context(), everything())
			s.hook(nil)
			if swept.Problems == 0 || err == nil || c.what == lost && !errors.Is(err, errTimeout) {
				t.Errorf("%s: %+v, %v", c.op, swept, err)
			}
			total := did(swept)
			total.Bytes = 0
			problems := total.Problems
			total.Problems = 0
			if !c.done(total) {
				t.Errorf("%s, always %v: %d problems, %+v", c.op, c.all, problems, total)
			}
			rest := sum(total, sweep(t, l))
			if sweep(t, l); rest != done(3) {
				t.Errorf("%s, always %v: in the end %+v", c.op, c.all, rest)
			}
			contents(t, l, 3)
		})
	}
}

// Only the first few problems are told; all of them are counted.
func TestSweepTellsTheFirstProblems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := stream.MaxProblems + 5
		l, s := litter(t, n)
		s.hook(func(op string) fault {
			if op == "put" {
				return rejected
			}
			return fine
		})
		swept, err := l.Sweep(t.Context(), everything())
		if swept.Problems != n || err == nil || strings.Count(err.Error(), "\n") != stream.MaxProblems-1 {
			t.Errorf("%d problems, %v", swept.Problems, err)
		}
	})
}

// A list that has something that cannot be read goes on behind it.
func TestSweepOfAListThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, s := litter(t, 3)
		broken := &halfRead{store: s}
		l, err := stream.New(broken, stream.Options{Limits: short(), Objects: objects{s}})
		if err != nil {
			t.Fatal(err)
		}
		o := everything()
		o.Items = 4
		var total stream.Swept
		for end, runs := false, 0; !end; runs++ {
			swept, err := l.Sweep(t.Context(), o)
			if err == nil || swept.Problems != 1 || runs > 9 {
				t.Fatalf("run %d: %+v, %v", runs, swept, err)
			}
			total, end = sum(total, swept), swept.ItemsEnd
		}
		if total.Problems = 0; total != done(3) {
			t.Errorf("%+v", total)
		}
		// Unless it does not get on at all.
		broken.stuck = true
		swept, err := l.Sweep(t.Context(), everything())
		if err == nil || swept.Problems != 1 || swept.ItemsEnd {
			t.Errorf("stuck: %+v, %v", swept, err)
		}
	})
}

type halfRead struct {
	*store
	stuck bool
}

func (s *halfRead) Inventory(ctx context.Context, cursor string, max int) ([]stream.Stored, string, error) {
	if s.stuck {
		return nil, cursor, errors.New("nothing can be read")
	}
	found, next, err := s.store.Inventory(ctx, cursor, max)
	return found, next, errors.Join(err, errors.New("one item cannot be read"))
}

// A run that is ended stops at once, with what it has done and without a complaint, and
// the next one finds the rest.
func TestSweepIsCancelled(t *testing.T) {
	calls := 1
	for n := 0; n < calls; n++ {
		synctest.Test(t, func(t *testing.T) {
			l, s := litter(t, 2)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s.took()
			at, after := 0, 0
			s.hook(func(op string) fault {
				if at++; at <= n {
					return fine
				}
				if at == n+1 && n > 0 {
					cancel()
				}
				if at > n+1 {
					after++
				}
				if ctx.Err() != nil {
					return lost // as every call does then
				}
				return fine
			})
			swept, err := l.Sweep(ctx, everything())
			s.hook(nil)
			if n == 0 {
				calls = at
				return
			}
			if err != nil || swept.Problems != 0 || swept.ItemsEnd && swept.ObjectsEnd {
				t.Errorf("at call %d: %+v, %v", n, swept, err)
			}
			if after > 8 {
				t.Errorf("at call %d: %d more calls", n, after)
			}
			for range 2 {
				sweep(t, l)
			}
			for i := range 2 {
				h, err := s.Store.Head(t.Context(), fmt.Sprint("s", i), stream.Strong)
				if err != nil {
					t.Fatal(err)
				}
				if got := holding(t, s, h.Life(fmt.Sprint("s", i))); got != "chunk 1_1, manifest 0, object segment" {
					t.Errorf("at call %d: left %s", n, got)
				}
			}
			contents(t, l, 2)
		})
	}
	if calls < 20 {
		t.Errorf("only %d calls", calls)
	}
}
