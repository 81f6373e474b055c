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

// follow follows the stream and expects success.
func follow(t *testing.T, l *stream.Log, from stream.Position) (*stream.Follower, *stream.Page) {
	t.Helper()
	f, p, err := l.Follow(t.Context(), name, from)
	if err != nil {
		t.Fatal(err)
	}
	return f, p
}

// nextPage waits for the next page, and returns its content.
func nextPage(t *testing.T, f *stream.Follower) (string, *stream.Page, error) {
	t.Helper()
	p, err := f.Next(t.Context())
	if err != nil {
		return "", nil, err
	}
	return strings.Join(pageRecords(t, p), ""), p, nil
}

// later calls Next in the background. It waits for a day at most: there are streams that
// somebody keeps for as long as he waits.
func later(t *testing.T, f *stream.Follower) chan heard {
	c := make(chan heard, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		p, err := f.Next(ctx)
		h := heard{err: err, at: time.Now()}
		if err == nil {
			h.text, h.closed = strings.Join(pageRecords(t, p), ""), p.Closed()
		}
		c <- h
	}()
	return c
}

type heard struct {
	text   string
	closed bool
	err    error
	at     time.Time
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		put(t, l, text("a"))
		s.took()
		f, p := follow(t, l, stream.Start())
		if got := strings.Join(pageRecords(t, p), ""); got != "a" || !p.UpToDate() {
			t.Errorf("the first page: %q", got)
		}
		if ops := s.took(); ops != "head" {
			t.Errorf("took %q", ops)
		}
		for i := range 3 {
			next := later(t, f)
			time.Sleep(time.Minute)
			put(t, l, text(fmt.Sprint(i)))
			if h := <-next; h.err != nil || h.text != fmt.Sprint(i) || h.at != time.Now() {
				t.Errorf("append %d: %+v", i, h)
			}
		}
		if f.Head().Tail != at(0, 4) {
			t.Errorf("head %+v", f.Head())
		}
		if ops := s.took(); ops != "commit commit commit" {
			t.Errorf("waiting took %q", ops)
		}
		// Appends that share a wake-up come on one page.
		put(t, l, text("x"))
		put(t, l, text("y"))
		if got, _, err := nextPage(t, f); got != "xy" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		f.Close()
		if l.Watchers() != 0 {
			t.Error("a watcher is left")
		}
	})
}

func TestFollowFromNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t, stream.DefaultLimits())
		create(t, l)
		put(t, l, text("old"))
		f, p := follow(t, l, stream.Now())
		defer f.Close()
		if p.Count != 0 || p.Next != at(0, 3) {
			t.Errorf("the first page: %+v", p)
		}
		put(t, l, text("new"))
		if got, _, err := nextPage(t, f); got != "new" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// An append that comes at any moment of a Follow or Next is not missed.
func TestNoLostWakeUp(t *testing.T) {
	for _, moment := range []string{"while joining", "after the read", "before waiting"} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, l)
			if moment == "while joining" {
				// The head was read, and what it says is not yet known to the reader.
				s.after = func(op string) {
					if op == "head" {
						s.after = nil
						put(t, l, text("x"))
					}
				}
			}
			f, p := follow(t, l, stream.Start())
			defer f.Close()
			if moment == "while joining" {
				// The watcher was told of it by then.
				if p.Count != 1 {
					t.Errorf("%s: the first page has %d records", moment, p.Count)
				}
				return
			}
			if p.Count != 0 {
				t.Errorf("%s: the first page has it", moment)
			}
			if moment == "after the read" {
				put(t, l, text("x"))
			}
			next := later(t, f)
			if moment == "before waiting" {
				synctest.Wait()
				put(t, l, text("x"))
			}
			begin := time.Now()
			if h := <-next; h.err != nil || h.text != "x" || h.at != begin {
				t.Errorf("%s: %+v", moment, h)
			}
		})
	}
}

// Pages follow one another without waiting while there is more.
func TestFollowCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := stream.DefaultLimits()
		lim.PageSize, lim.FlushCount = 2, 2
		l, _ := open(t, lim)
		create(t, l)
		f, _ := follow(t, l, stream.Start())
		defer f.Close()
		for _, record := range []string{"ab", "cd", "ef"} {
			put(t, l, text(record))
		}
		if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for _, want := range []string{"ab", "cd", "ef"} {
			if got, _, err := nextPage(t, f); got != want || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
		if time.Now() != begin {
			t.Error("it waited")
		}
	})
}

// What ends a wait.
func TestFollowEnds(t *testing.T) {
	for _, c := range []struct {
		why  string
		do   func(t *testing.T, l *stream.Log)
		want heard
		wait time.Duration
	}{
		{"closed", func(t *testing.T, l *stream.Log) { put(t, l, text("", closing)) }, heard{closed: true}, 0},
		{"closed with a record", func(t *testing.T, l *stream.Log) { put(t, l, text("end", closing)) }, heard{text: "end", closed: true}, 0},
		{"deleted", func(t *testing.T, l *stream.Log) {
			if err := l.Delete(t.Context(), name); err != nil {
				t.Error(err)
			}
		}, heard{err: stream.ErrNotFound}, 0},
		{"deleted and created again", func(t *testing.T, l *stream.Log) {
			if err := l.Delete(t.Context(), name); err != nil {
				t.Error(err)
			}
			create(t, l)
		}, heard{err: stream.ErrNotFound}, 0},
		{"deleted, created again and written", func(t *testing.T, l *stream.Log) {
			if err := l.Delete(t.Context(), name); err != nil {
				t.Error(err)
			}
			create(t, l)
			put(t, l, text("another life"))
		}, heard{err: stream.ErrNotFound}, 0},
		{"expired", func(t *testing.T, l *stream.Log) {}, heard{err: stream.ErrNotFound}, 1050 * time.Millisecond},
		{"written before it expires", func(t *testing.T, l *stream.Log) {
			time.Sleep(time.Second)
			put(t, l, text("", func(a *stream.Append) { a.Records = records("x") }))
		}, heard{text: "x"}, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, _ := open(t, stream.DefaultLimits())
			begin := time.Now()
			create(t, l, until(begin.Add(1050*time.Millisecond)))
			f, _ := follow(t, l, stream.Start())
			defer f.Close()
			next := later(t, f)
			synctest.Wait()
			c.do(t, l)
			h := <-next
			if h.text != c.want.text || h.closed != c.want.closed || !errors.Is(h.err, c.want.err) || c.want.err == nil && h.err != nil || h.at.Sub(begin) != c.wait {
				t.Errorf("%s: after %v: %+v", c.why, h.at.Sub(begin), h)
			}
		})
	}
}

// The end of a closed stream is told at once, every time it is asked for.
func TestFollowClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t, stream.DefaultLimits())
		create(t, l, stream.Create{Records: records("a"), Closed: true})
		f, p := follow(t, l, stream.Now())
		defer f.Close()
		if !p.Closed() {
			t.Errorf("the first page: %+v", p)
		}
		for range 2 {
			if got, p, err := nextPage(t, f); err != nil || got != "" || !p.Closed() {
				t.Errorf("%q, %+v, %v", got, p, err)
			}
		}
	})
}

func TestFollowFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		for _, c := range []struct {
			from stream.Position
			want error
		}{
			{stream.Start(), stream.ErrNotFound},
			{stream.At(at(0, 9)), stream.ErrBadOffset},
			{stream.Start(), stream.ErrUnavailable},
		} {
			if errors.Is(c.want, stream.ErrBadOffset) {
				create(t, l)
			}
			if errors.Is(c.want, stream.ErrUnavailable) {
				s.faults("head", lost)
			}
			if f, p, err := l.Follow(t.Context(), name, c.from); !errors.Is(err, c.want) || f != nil || p != nil {
				t.Errorf("%v, %v, want %v", p, err, c.want)
			}
			if l.Watchers() != 0 {
				t.Errorf("%v: a watcher is left", c.want)
			}
		}
	})
}

// The context ends a wait, with its own error; the follower can go on.
func TestFollowContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []stream.Create{{}, ttl(time.Hour)} {
			l, _ := open(t, stream.DefaultLimits())
			create(t, l, c)
			f, _ := follow(t, l, stream.Start())
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			begin := time.Now()
			if _, err := f.Next(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 20*time.Second {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
			cancel()
			put(t, l, text("x"))
			if got, _, err := nextPage(t, f); got != "x" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
			f.Close()
		}
	})
}

// When a stream ends and the store cannot be asked what became of it.
func TestFollowWhenStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		f, _ := follow(t, l, stream.Start())
		defer f.Close()
		if err := l.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		s.faults("head", lost)
		if _, _, err := nextPage(t, f); !errors.Is(err, stream.ErrUnavailable) {
			t.Error(err)
		}
		if _, _, err := nextPage(t, f); !errors.Is(err, stream.ErrNotFound) {
			t.Error(err)
		}
	})
}

// A stale announcement, of a life that is over, does not mislead a follower.
func TestFollowIgnoresOldLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t, stream.DefaultLimits())
		old := create(t, l)
		if err := l.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		create(t, l)
		f, _ := follow(t, l, stream.Start())
		defer f.Close()
		l.Announce(name, old)
		next := later(t, f)
		synctest.Wait()
		put(t, l, text("new"))
		if h := <-next; h.err != nil || h.text != "new" {
			t.Errorf("%+v", h)
		}
	})
}

// Data that moves while a follower reads it is found again.
func TestFollowWhileDataMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := stream.DefaultLimits()
		lim.FlushCount = 1
		l, _ := open(t, lim)
		create(t, l)
		f, _ := follow(t, l, stream.Start())
		defer f.Close()
		put(t, l, text("a"))
		if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
			t.Fatal(err)
		}
		if got, _, err := nextPage(t, f); got != "a" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		// A flush alone wakes nobody for nothing.
		next := later(t, f)
		put(t, l, text("b"))
		if h := <-next; h.text != "b" {
			t.Errorf("%+v", h)
		}
		next = later(t, f)
		if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case h := <-next:
			t.Errorf("a flush ended the wait: %+v", h)
		default:
		}
		put(t, l, text("c"))
		if h := <-next; h.text != "c" {
			t.Errorf("%+v", h)
		}
	})
}
