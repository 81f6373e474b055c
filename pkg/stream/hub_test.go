package stream_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Many followers share one watcher and one poller, which are gone after the last.
func TestOneWatcherAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		l := join(t, s, stream.DefaultLimits(), stream.Poll{Fast: time.Second, Idle: time.Second})
		create(t, l)
		var all []*stream.Follower
		var nexts []chan heard
		for range 50 {
			f, _ := follow(t, l, stream.Start())
			all = append(all, f)
			nexts = append(nexts, later(t, f))
		}
		if l.Watchers() != 1 {
			t.Errorf("%d watchers", l.Watchers())
		}
		s.took()
		time.Sleep(10*time.Second + time.Millisecond)
		if n := len(s.times("peek")); n != 10 {
			t.Errorf("%d polls in 10 s", n)
		}
		if ops := len(s.times("head")); ops != 0 {
			t.Errorf("%d strong reads", ops)
		}
		put(t, l, text("x"))
		for i, next := range nexts {
			if h := <-next; h.err != nil || h.text != "x" {
				t.Errorf("follower %d: %+v", i, h)
			}
		}
		for i, f := range all {
			if l.Watchers() != 1 {
				t.Errorf("%d watchers after %d left", l.Watchers(), i)
			}
			f.Close()
		}
		if l.Watchers() != 0 {
			t.Error("a watcher is left")
		}
		s.took()
		time.Sleep(time.Minute)
		if ops := s.took(); ops != "" {
			t.Errorf("after the last left: %q", ops)
		}
	})
}

// Streams do not share watchers.
func TestWatcherOfEachStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t, stream.DefaultLimits())
		create(t, l)
		if _, _, err := l.Create(t.Context(), "other", &stream.Create{}); err != nil {
			t.Fatal(err)
		}
		f, _ := follow(t, l, stream.Start())
		defer f.Close()
		g, _, err := l.Follow(t.Context(), "other", stream.Start())
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		if l.Watchers() != 2 {
			t.Errorf("%d watchers", l.Watchers())
		}
		next := later(t, f)
		if _, err := l.Append(t.Context(), "other", text("x", contentType(""))); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case h := <-next:
			t.Errorf("an append to another stream: %+v", h)
		default:
		}
		put(t, l, text("mine"))
		<-next
	})
}

// Polls are quick after activity and slow down to Idle while there is none.
func TestPollBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		poll := stream.Poll{Fast: 100 * time.Millisecond, Idle: 300 * time.Millisecond}
		l := join(t, s, stream.DefaultLimits(), poll)
		other := join(t, &store{Store: s.Store}, stream.DefaultLimits(), stream.Poll{})
		create(t, l)
		f, _ := follow(t, l, stream.Start())
		defer f.Close()
		next := later(t, f)
		begin := time.Now()
		s.took()
		time.Sleep(2 * time.Second)
		check := func(what string, since time.Time, want ...time.Duration) {
			t.Helper()
			times := s.times("peek")
			for i, ms := range want {
				if i >= len(times) {
					t.Fatalf("%s: only %d polls", what, len(times))
				}
				if d := times[i].Sub(since); d != ms*time.Millisecond {
					t.Errorf("%s: poll %d came after %v, want %v", what, i, d, ms*time.Millisecond)
				}
				since = times[i]
			}
		}
		// The first poll has nothing to compare with, so the second is as quick.
		check("while idle", begin, 100, 100, 150, 225, 300, 300, 300)
		s.took()
		put(t, other, text("x"))
		h := <-next
		if h.err != nil || h.text != "x" || time.Since(h.at) > 0 {
			t.Errorf("%+v", h)
		}
		found := h.at
		s.took()
		time.Sleep(time.Second)
		check("after an append elsewhere", found, 100, 150, 225, 300)
	})
}

// What other processes do reaches a follower through polls.
func TestPollFinds(t *testing.T) {
	for _, c := range []struct {
		why  string
		do   func(t *testing.T, other *stream.Log)
		text string
		err  error
	}{
		{"an append", func(t *testing.T, other *stream.Log) { put(t, other, text("x")) }, "x", nil},
		{"a deletion", func(t *testing.T, other *stream.Log) { other.Delete(t.Context(), name) }, "", stream.ErrNotFound},
		{"another life", func(t *testing.T, other *stream.Log) {
			other.Delete(t.Context(), name)
			create(t, other)
			put(t, other, text("x"))
		}, "", stream.ErrNotFound},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStore()
			l := join(t, s, stream.DefaultLimits(), stream.Poll{Fast: time.Second, Idle: time.Second})
			other := join(t, &store{Store: s.Store}, stream.DefaultLimits(), stream.Poll{})
			create(t, l)
			f, _ := follow(t, l, stream.Start())
			defer f.Close()
			next := later(t, f)
			time.Sleep(1500 * time.Millisecond)
			s.faults("peek", lost) // one poll that fails costs an interval
			c.do(t, other)
			begin := time.Now()
			h := <-next
			if h.text != c.text || !errors.Is(h.err, c.err) || c.err == nil && h.err != nil {
				t.Errorf("%s: %+v", c.why, h)
			}
			if d := h.at.Sub(begin); d != 1500*time.Millisecond {
				t.Errorf("%s: found after %v", c.why, d)
			}
		})
	}
}

// A stale poll, which misses the newest writes, changes nothing.
func TestStalePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		old := create(t, l)
		put(t, l, text("a"))
		f, _ := follow(t, l, stream.Start())
		defer f.Close()
		l.Announce(name, old)
		next := later(t, f)
		synctest.Wait()
		s.took()
		put(t, l, text("b"))
		l.Announce(name, old)
		if h := <-next; h.err != nil || h.text != "b" {
			t.Errorf("%+v", h)
		}
		if ops := s.took(); ops != "commit" {
			t.Errorf("took %q", ops)
		}
	})
}

// Early appends and followers learn of other processes in the same way.
func TestEarlyAppendFindsOtherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		l := join(t, s, stream.DefaultLimits(), stream.Poll{Fast: 50 * time.Millisecond, Idle: time.Second})
		other := join(t, &store{Store: s.Store}, stream.DefaultLimits(), stream.Poll{})
		create(t, l)
		begin := time.Now()
		done := tryAppend(t.Context(), l, text("1", by("p", 0, 1)))
		time.Sleep(70 * time.Millisecond)
		put(t, other, text("0", by("p", 0, 0)))
		if o := <-done; o.err != nil || o.at.Sub(begin) != 100*time.Millisecond {
			t.Errorf("after %v: %+v", o.at.Sub(begin), o)
		}
		if got := content(t, l); got != "01" {
			t.Errorf("content %q", got)
		}
		if l.Watchers() != 0 {
			t.Error("a watcher is left")
		}
	})
}

// A poll with one interval keeps it.
func TestPollWithoutIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		l := join(t, s, stream.DefaultLimits(), stream.Poll{Fast: 100 * time.Millisecond})
		create(t, l)
		f, _ := follow(t, l, stream.Start())
		s.took()
		time.Sleep(time.Second + time.Millisecond)
		f.Close()
		if n := len(s.times("peek")); n != 10 {
			t.Errorf("%d polls", n)
		}
	})
}

// What a live reader costs while nothing happens: one eventual read each time, soon
// no more often than Idle says.
func TestIdlePolls(t *testing.T) {
	for _, c := range []struct {
		poll stream.Poll
		hour int // polls
	}{
		{stream.Poll{Fast: 20 * time.Millisecond, Idle: 200 * time.Millisecond}, 18_004},
		{stream.Poll{Fast: 50 * time.Millisecond, Idle: 500 * time.Millisecond}, 7_204},
		{stream.Poll{Fast: 100 * time.Millisecond, Idle: 2 * time.Second}, 1_805},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, l)
			reader := join(t, s, stream.DefaultLimits(), c.poll)
			f, _, err := reader.Follow(t.Context(), name, stream.Now())
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			s.took()
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			if _, err := f.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v: %v", c.poll, err)
			}
			if polls := strings.Count(s.took(), "peek"); polls < c.hour-2 || polls > c.hour+2 {
				t.Errorf("%v: %d polls an hour, want %d", c.poll, polls, c.hour)
			}
		})
	}
}
