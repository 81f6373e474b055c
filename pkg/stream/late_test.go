package stream_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// An attempt that was made for a known life, and given up, does not reach the next
// one: it was burned in the head of its own life only. Clocks do not matter for that.
func TestLateCommitMissesTheNextLife(t *testing.T) {
	l := stream.DefaultLimits()
	l.BufferCount, l.FlushCount = 1, 1
	log, s := open(t, l)
	create(t, log)
	put(t, log, text("a"))
	// The first commit finds no room, so the second one knows the head.
	s.faults("commit", fine, late)
	put(t, log, text("b"))
	if got := content(t, log); got != "ab" {
		t.Errorf("content %q", got)
	}
	if err := log.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	create(t, clocked(t, s, -time.Hour))
	s.arrive()
	if got := content(t, log); got != "" {
		t.Errorf("the next life begins with %q", got)
	}
}

// The first attempt of a process that has not seen the stream names no life. It does
// not reach a later one either, which began after it was made: whether it was done
// again, or judged, or given up as unknown.
func TestLateCommitOfAStrangerMissesTheNextLife(t *testing.T) {
	for _, c := range []struct {
		why    string
		append *stream.Append
		reads  fault // of what became of it
		err    error
	}{
		{"burned, and done again", text("x"), fine, nil},
		{"a producer's, done again", text("x", by("p", 0, 0)), fine, nil},
		{"a close", text("", closing), fine, nil},
		{"given up", text("x"), lost, stream.ErrUnsettled},
		{"a producer's, given up", text("x", by("p", 0, 0)), lost, stream.ErrUnsettled},
		{"a close, given up", text("", closing), lost, stream.ErrUnsettled},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, l)
			stranger := join(t, s, stream.DefaultLimits(), stream.Poll{})
			first := true
			s.hook(func(op string) fault {
				switch {
				case op == "commit" && first:
					first = false
					return late
				case op == "head":
					return c.reads
				}
				return fine
			})
			if _, err := stranger.Append(t.Context(), name, c.append); !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Errorf("%s: %v", c.why, err)
			}
			s.hook(nil)
			if err := l.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
			created := create(t, l)
			s.arrive()
			h := stored(t, s, stream.DefaultLimits())
			if h.Version != created.Version || h.Closed || len(h.Producers) > 0 {
				t.Errorf("%s: the next life begins with %+v", c.why, h)
			}
			if got := content(t, l); got != "" {
				t.Errorf("%s: the next life begins with %q", c.why, got)
			}
			// And it is written to as any other.
			if r := put(t, stranger, text("new", by("p", 0, 0))); r.Duplicate {
				t.Errorf("%s: %+v", c.why, r)
			}
		})
	}
}

// A create that is delivered late does not replace the name's next life.
func TestLateCreateMissesTheNextLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		s.faults("create", late)
		if _, created, err := l.Create(t.Context(), name, &stream.Create{Records: records("first")}); err != nil || !created {
			t.Fatal(created, err)
		}
		if err := l.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		next := create(t, l)
		s.arrive()
		if h := stored(t, s, stream.DefaultLimits()); h.Incarnation != next.Incarnation || h.Version != next.Version {
			t.Errorf("%+v", h)
		}
	})
}

// clocked returns a log of a process whose clock differs from the test's.
func clocked(t *testing.T, s *store, by time.Duration) *stream.Log {
	t.Helper()
	l, err := stream.New(s, stream.Options{Limits: stream.DefaultLimits(), Now: func() time.Time { return time.Now().Add(by) }})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Clocks of processes differ. One that is behind may not be admitted blindly, and
// then looks: its appends are applied as all others, and never shorten the life of a
// stream by more than a Backstep.
func TestClocksDiffer(t *testing.T) {
	for _, c := range []struct {
		why    string
		behind time.Duration
		ttl    time.Duration
		first  string // what the first append of that process takes, in the same moment
		later  string // and what its next one takes, ten seconds later
		keeps  bool   // whether the second leaves the deadline as another process made it
	}{
		{"equal", 0, time.Minute, "commit", "commit", false},
		{"a little behind, with a TTL", stream.Backstep, time.Minute, "commit update", "commit", false},
		{"behind, with a TTL", time.Second, time.Minute, "commit update", "commit update", true},
		{"behind, without a TTL", time.Second, 0, "commit update", "commit", false},
		{"ahead, with a TTL", -time.Second, time.Minute, "commit", "commit", false},
		{"far behind, without a TTL", time.Hour, 0, "commit update", "commit update", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			config := stream.Create{}
			if c.ttl > 0 {
				config = ttl(c.ttl)
			}
			create(t, l, config)
			other := clocked(t, s, -c.behind)
			s.took()
			put(t, other, text("a"))
			if ops := s.took(); ops != c.first {
				t.Errorf("%s: the first took %q, want %q", c.why, ops, c.first)
			}
			time.Sleep(10 * time.Second)
			put(t, l, text("b"))
			before := stored(t, s, stream.DefaultLimits()).Deadline
			s.took()
			put(t, other, text("c"))
			if ops := s.took(); ops != c.later {
				t.Errorf("%s: the next took %q, want %q", c.why, ops, c.later)
			}
			after := stored(t, s, stream.DefaultLimits()).Deadline
			if back := before.Sub(after); back > stream.Backstep || c.keeps && back != 0 {
				t.Errorf("%s: the deadline moved back by %v", c.why, back)
			}
			if got := content(t, l); got != "abc" {
				t.Errorf("%s: content %q", c.why, got)
			}
		})
	}
}

// An append that may have been applied in a life that is over is not applied once more in
// the next one, even if its process knew no life; nor with a producer, whose numbers only
// count in one life.
func TestUnknownAppendOfALifeThatIsOver(t *testing.T) {
	for _, once := range []*stream.Append{text("once"), text("once", by("p", 0, 0))} {
		testUnknownAppendOfALifeThatIsOver(t, once)
	}
}

func testUnknownAppendOfALifeThatIsOver(t *testing.T, once *stream.Append) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, tight())
		create(t, l)
		fresh := join(t, s, tight(), stream.Poll{})
		commits := 0
		s.hook(func(op string) fault {
			switch {
			case op == "commit":
				if commits++; commits == 1 {
					return applied
				}
			case op == "head" && commits == 1:
				commits++
				time.Sleep(time.Second)
				if err := l.Delete(t.Context(), name); err != nil {
					t.Error(err)
				}
				create(t, l)
			}
			return fine
		})
		if _, err := fresh.Append(t.Context(), name, once); !errors.Is(err, stream.ErrUnsettled) {
			t.Errorf("nobody knows: %v", err)
		}
		if got := content(t, l); got != "" {
			t.Errorf("the next life has %q", got)
		}
	})
}
