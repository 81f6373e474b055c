package stream_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// failing makes the calls of an operation fail until a time.
func (s *store) failing(op string, with fault, until time.Time) {
	s.hook(func(called string) fault {
		if called == op && time.Now().Before(until) {
			return with
		}
		return fine
	})
}

// A renewal that fails is tried again as long as there is time, and its reader notices
// nothing.
func TestKeepingAStreamFails(t *testing.T) {
	for _, c := range []struct {
		why  string
		op   string
		with fault
		// renewals is how often the head is written up to 15 s: with every attempt that may
		// have come to nothing, or once.
		renewals int
	}{
		{"throttled", "update", notApplied, 0},
		{"not allowed", "update", rejected, 0},
		{"lost", "update", lost, 0},
		{"answer lost", "update", applied, 1},
		{"head not readable", "head", lost, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			begin := time.Now()
			create(t, l, ttl(10*time.Second))
			f, _ := follow(t, reading(t, s, earlier(0), stream.Poll{}), stream.Start())
			defer f.Close()
			s.took()
			// It is due after 8.835 s, and over after 10.5 s.
			s.failing(c.op, c.with, begin.Add(10*time.Second))
			waits(t, f, 15*time.Second)
			looks, renewals := len(s.times("head")), len(s.times("update"))
			if c.renewals != 0 && renewals != c.renewals || renewals > 50 || looks > 20 {
				t.Errorf("%s: %d reads and %d writes", c.why, looks, renewals)
			}
			if d := stored(t, s, stream.DefaultLimits()).Deadline; d.Before(begin.Add(18 * time.Second)) {
				t.Errorf("%s: it ends at %v", c.why, d)
			}
			waits(t, f, time.Minute)
		})
	}
}

// If there is no time left, the stream ends under its readers, and is not brought back.
func TestKeepingAStreamIsTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		begin := time.Now()
		create(t, l, ttl(10*time.Second))
		f, _ := follow(t, reading(t, s, earlier(0), stream.Poll{}), stream.Start())
		s.failing("update", notApplied, begin.Add(10500*time.Millisecond))
		h := <-later(t, f)
		if !errors.Is(h.err, stream.ErrNotFound) || h.at.Sub(begin) != 10500*time.Millisecond {
			t.Errorf("after %v: %+v", h.at.Sub(begin), h)
		}
		s.took()
		time.Sleep(time.Minute)
		f.Close() // he may have had a page to send
		if ops := s.took(); ops != "" && ops != "head" || alive(t, l) {
			t.Errorf("after its end: %q", ops)
		}
	})
}

// A process that sleeps does not renew, and looks before it writes when it wakes.
func TestKeeperSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		begin := time.Now()
		create(t, l, ttl(2*time.Second))
		frozen := &store{Store: s.Store}
		f, _ := follow(t, reading(t, frozen, nil, stream.Poll{}), stream.Start())
		defer f.Close()
		frozen.hook(func(string) fault {
			time.Sleep(time.Hour)
			return fine
		})
		ends(t, l, begin, 2100*time.Millisecond)
		time.Sleep(2 * time.Hour)
		if alive(t, l) || len(frozen.times("update")) != 0 {
			t.Errorf("took %q", frozen.took())
		}
	})
}

// Who follows a life that is over does not keep the next one of its name.
func TestFollowersKeepOneLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		other := join(t, &store{Store: s.Store}, stream.DefaultLimits(), stream.Poll{})
		create(t, other, ttl(2*time.Second))
		old, _ := follow(t, l, stream.Start())
		if err := other.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		create(t, other, ttl(2*time.Second))
		s.took()
		next := later(t, old)
		ends(t, other, begin, 2100*time.Millisecond)
		if h := <-next; !errors.Is(h.err, stream.ErrNotFound) {
			t.Errorf("%+v", h)
		}
		if n := len(s.times("update")); n != 0 {
			t.Errorf("%d renewals", n)
		}
		// In one more life there is somebody else, who is not touched by what becomes of him.
		create(t, other, ttl(2*time.Second))
		f, _ := follow(t, l, stream.Start())
		defer f.Close()
		old.Close()
		waits(t, f, time.Minute)
	})
}

// A stream that was deleted, and that forks need, is not kept by its readers; nor is a
// source by the readers of its forks.
func TestFollowersDoNotKeepSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		other := join(t, &store{Store: s.Store}, stream.DefaultLimits(), stream.Poll{})
		begin := time.Now()
		create(t, l, ttl(2*time.Second))
		put(t, l, text("x"))
		if _, _, err := l.Create(t.Context(), "fork", &stream.Create{Fork: &stream.Fork{Source: name}}); err != nil {
			t.Fatal(err)
		}
		g, p, err := l.Follow(t.Context(), "fork", stream.Start())
		if err != nil || p.Count != 1 {
			t.Fatalf("%+v, %v", p, err)
		}
		defer g.Close()
		f, _ := follow(t, l, stream.Start())
		defer f.Close()
		deleted := false
		s.hook(func(op string) fault {
			if op == "update" && !deleted && time.Since(begin) > time.Second {
				deleted = true
				if err := other.Delete(t.Context(), name); err != nil {
					t.Error(err)
				}
			}
			return fine
		})
		if h := <-later(t, f); !errors.Is(h.err, stream.ErrGone) || time.Since(begin) > 4*time.Second {
			t.Errorf("after %v: %+v", time.Since(begin), h)
		}
		waits(t, g, time.Minute)
		if _, err := other.Head(t.Context(), name); !errors.Is(err, stream.ErrGone) {
			t.Errorf("the source: %v", err)
		}
		if h, err := s.Store.Head(t.Context(), name, stream.Strong); err != nil || !h.Deadline.Before(begin.Add(5*time.Second)) {
			t.Errorf("the source ends at %v, %v", h.Deadline, err)
		}
	})
}
