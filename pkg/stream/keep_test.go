package stream_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// earlier is what is drawn in a process that renews by so much earlier than as late as it may.
type earlier time.Duration

func (e earlier) Read(b []byte) (int, error) {
	for n := 0; n < len(b); n += 8 {
		binary.BigEndian.PutUint64(b[n:], uint64(e))
	}
	return len(b), nil
}

// reading returns one more log on a store, of a process that only reads.
func reading(t *testing.T, s *store, random io.Reader, p stream.Poll) *stream.Log {
	t.Helper()
	l, err := stream.New(s, stream.Options{Limits: stream.DefaultLimits(), Random: random, Poll: p})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// waits expects a follower to wait for d, for nothing.
func waits(t *testing.T, f *stream.Follower, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	begin := time.Now()
	if _, err := f.Next(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != d {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
}

// ends expects the stream to be there until d has passed since begin, and then not.
func ends(t *testing.T, l *stream.Log, begin time.Time, d time.Duration) {
	t.Helper()
	time.Sleep(time.Until(begin.Add(d - time.Millisecond)))
	if !alive(t, l) {
		t.Errorf("it is over before %v", d)
	}
	time.Sleep(time.Millisecond)
	if alive(t, l) {
		t.Errorf("it is there after %v", d)
	}
}

func TestEarliness(t *testing.T) {
	for ttl, most := range map[time.Duration]time.Duration{
		time.Millisecond: time.Millisecond / 3,
		time.Second:      time.Second / 3,
		12 * time.Second: 4 * time.Second,
		time.Minute:      5 * time.Second,
		10 * time.Minute: 30 * time.Second,
		24 * time.Hour:   time.Minute,
	} {
		if least := stream.Earliness(ttl, 0); least != most/2 {
			t.Errorf("TTL %v: %v at least, want %v", ttl, least, most/2)
		}
		for random := uint64(1); random < 1<<63; random *= 3 {
			if got := stream.Earliness(ttl, random); got < most/2 || got > most {
				t.Errorf("TTL %v: %v, want between %v and %v", ttl, got, most/2, most)
			}
		}
	}
}

// A stream lives as long as somebody follows it, for one read and one write a window,
// however many they are; and ends on time when the last of them has left.
func TestFollowersKeepAStream(t *testing.T) {
	for _, readers := range []int{1, 100} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			reader := reading(t, s, earlier(0), stream.Poll{})
			create(t, l, ttl(2*time.Second))
			var all []*stream.Follower
			for range readers {
				f, _ := follow(t, reader, stream.Start())
				all = append(all, f)
			}
			s.took()
			var waiting sync.WaitGroup
			for _, f := range all {
				waiting.Go(func() { waits(t, f, 5*time.Minute) })
			}
			waiting.Wait()
			// A third of the TTL is left to half of it when it is renewed, and not a millisecond more.
			const every = 2100*time.Millisecond - 2*time.Second/6 + time.Millisecond
			const want = int(5 * time.Minute / every)
			renewed := s.times("update")
			if ops := s.took(); ops != strings.TrimSpace(strings.Repeat("head update ", want)) {
				t.Errorf("%d readers: %d renewals, want %d: %s", readers, len(renewed), want, ops)
			}
			for _, f := range all {
				f.Close()
			}
			ends(t, l, renewed[len(renewed)-1].Truncate(time.Millisecond), 2100*time.Millisecond)
			s.took()
			time.Sleep(time.Hour)
			if ops := s.took(); ops != "" {
				t.Errorf("after the last left: %q", ops)
			}
		})
	}
}

// While some are left, it makes no difference that others leave.
func TestFollowersLeaveOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t, stream.DefaultLimits())
		create(t, l, ttl(time.Second))
		last, _ := follow(t, l, stream.Start())
		defer last.Close()
		for range 20 {
			f, _ := follow(t, l, stream.Start())
			waits(t, last, 700*time.Millisecond)
			f.Close()
		}
		waits(t, last, time.Minute)
	})
}

// Of many processes one renews the stream. The others learn of it by polls, or by looking
// before they write.
func TestProcessesKeepAStream(t *testing.T) {
	for _, poll := range []stream.Poll{{}, {Fast: 50 * time.Millisecond, Idle: 250 * time.Millisecond}, {Fast: time.Second, Idle: 10 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, l, ttl(time.Second))
			var waiting sync.WaitGroup
			for i := range 10 {
				f, _ := follow(t, reading(t, s, earlier(15*time.Millisecond)*earlier(i), poll), stream.Start())
				defer f.Close()
				waiting.Go(func() { waits(t, f, time.Minute) })
			}
			s.hook(func(op string) fault {
				if op == "head" || op == "update" {
					time.Sleep(5 * time.Millisecond)
				}
				return fine
			})
			s.took()
			waiting.Wait()
			// One that is alone would write 83 times at most, and look as often.
			if renewed, looked := len(s.times("update")), len(s.times("head")); renewed > 83 || looked > 10*(renewed+1) {
				t.Errorf("%+v: %d renewals, %d looks", poll, renewed, looked)
			}
		})
	}
}

// Where somebody writes often enough, or reads, nothing is renewed for those who wait.
func TestWritersKeepAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l, ttl(2*time.Second))
		f, _ := follow(t, l, stream.Start())
		defer f.Close()
		s.took()
		for range 100 {
			next := later(t, f)
			time.Sleep(time.Second)
			put(t, l, text("x"))
			if h := <-next; h.text != "x" {
				t.Fatalf("%+v", h)
			}
		}
		if ops := s.took(); strings.TrimSpace(strings.ReplaceAll(ops, "commit", "")) != "" {
			t.Errorf("took %q", ops)
		}
	})
}

// What does not slide costs nothing, and ends under its readers.
func TestFollowersDoNotKeepWhatDoesNotSlide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		begin := time.Now()
		create(t, l, until(begin.Add(time.Minute)))
		f, _ := follow(t, l, stream.Start())
		defer f.Close()
		s.took()
		if h := <-later(t, f); !errors.Is(h.err, stream.ErrNotFound) || h.at.Sub(begin) != time.Minute {
			t.Errorf("after %v: %+v", h.at.Sub(begin), h)
		}
		if ops := s.took(); ops != "head" {
			t.Errorf("an absolute end took %q", ops)
		}
		create(t, l)
		g, _ := follow(t, l, stream.Start())
		defer g.Close()
		s.took()
		waits(t, g, 24*time.Hour)
		if ops := s.took(); ops != "" {
			t.Errorf("no end took %q", ops)
		}
	})
}
