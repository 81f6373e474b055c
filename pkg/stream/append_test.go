package stream_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// The promise that everything else is built for: an append is one conditional
// write, and nothing is read before it.
func TestAppendCost(t *testing.T) {
	l := stream.DefaultLimits()
	l.StageSize, l.PartSize = 32, 16
	log, s := open(t, l)
	create(t, log)
	put(t, log, text("a", by("p", 0, 0)))
	s.took()
	for _, c := range []struct {
		what   string
		append *stream.Append
		want   string
	}{
		{"an append", text("b"), "commit"},
		{"of a producer", text("c", by("p", 0, 1)), "commit"},
		{"of a new producer", text("d", by("q", 0, 0)), "commit"},
		{"with Stream-Seq", text("e", seq("1")), "commit"},
		{"a duplicate", text("c", by("p", 0, 1)), "commit"},
		{"far ahead of its turn", text("c", by("p", 0, 200)), "commit"},
		{"fenced", text("f", by("p", 1, 0)), "commit update"}, // a new epoch first
		{"fenced", text("f", by("p", 0, 2)), "commit"},
		{"a new epoch out of sequence", text("f", by("p", 2, 1)), "commit"},
		{"a repeated Stream-Seq", text("f", seq("1")), "commit"},
		{"another content type", text("f", contentType("image/png")), "commit"},
		{"a large append", request("text/plain", []string{"0123456789", "0123456789", "0123456789"}), "stage stage stage commit"},
		{"a large append that is a duplicate", request("text/plain", []string{"0123456789012345678901234567890"}, by("p", 1, 0)), "stage stage commit"},
		{"a close", text("", closing), "commit"},
		{"a second close", text("", closing), "commit"},
		{"an append to a closed stream", text("g"), "commit"},
	} {
		log.Append(t.Context(), name, c.append)
		if ops := s.took(); ops != c.want {
			t.Errorf("%s took %q, want %q", c.what, ops, c.want)
		}
	}
}

func TestAppendResults(t *testing.T) {
	log, _ := open(t, stream.DefaultLimits())
	create(t, log)
	for _, c := range []struct {
		what   string
		append *stream.Append
		want   stream.Appended
	}{
		{"an append", text("abc"), stream.Appended{Tail: at(0, 3)}},
		{"a producer's", text("de", by("p", 2, 0)), stream.Appended{Tail: at(0, 5), Producer: stream.Producer{Epoch: 2}}},
		{"its next", text("f", by("p", 2, 1)), stream.Appended{Tail: at(0, 6), Producer: stream.Producer{Epoch: 2, Seq: 1}}},
		{"its first again", text("de", by("p", 2, 0)), stream.Appended{Tail: at(0, 6), Duplicate: true, Producer: stream.Producer{Epoch: 2, Seq: 1}}},
		{"its next epoch", text("g", by("p", 3, 0)), stream.Appended{Tail: at(0, 7), Producer: stream.Producer{Epoch: 3}}},
		{"an append that closes", text("h", closing, by("p", 3, 1)), stream.Appended{Tail: at(0, 8), Closed: true, Producer: stream.Producer{Epoch: 3, Seq: 1}}},
		{"the same again", text("h", closing, by("p", 3, 1)), stream.Appended{Tail: at(0, 8), Closed: true, Duplicate: true, Producer: stream.Producer{Epoch: 3, Seq: 1}}},
		{"a close", text("", closing), stream.Appended{Tail: at(0, 8), Closed: true, Duplicate: true}},
	} {
		if got := put(t, log, c.append); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, got, c.want)
		}
	}
	if got := content(t, log); got != "abcdefgh" {
		t.Errorf("content %q", got)
	}
	if _, err := log.Append(t.Context(), "other", text("x")); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("no stream: %v", err)
	}
}

// tryAppend starts an append and returns where its outcome will be.
func tryAppend(ctx context.Context, l *stream.Log, a *stream.Append) chan outcome {
	done := make(chan outcome, 1)
	go func() {
		r, err := l.Append(ctx, name, a)
		done <- outcome{r, err, time.Now()}
	}()
	return done
}

type outcome struct {
	stream.Appended
	err error
	at  time.Time
}

// Requests that overtook each other wait for their turn.
func TestEarlyAppendsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		put(t, l, text("0", by("p", 0, 0)))
		var all []chan outcome
		for _, c := range []struct {
			text string
			seq  uint64
		}{{"3", 3}, {"2", 2}, {"4", 4}} {
			all = append(all, tryAppend(t.Context(), l, text(c.text, by("p", 0, c.seq))))
			synctest.Wait()
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		begin := time.Now()
		put(t, l, text("1", by("p", 0, 1)))
		for i, done := range all {
			if o := <-done; o.err != nil || o.Duplicate || o.at != begin {
				t.Errorf("request %d: %+v", i, o)
			}
		}
		if got := content(t, l); got != "01234" {
			t.Errorf("content %q", got)
		}
		if l.Watchers() != 0 || l.Lanes() != 0 {
			t.Errorf("%d watchers and %d lanes are left", l.Watchers(), l.Lanes())
		}
		stored(t, s, stream.DefaultLimits())
	})
}

// What happens between the refusal and the beginning of the wait is not missed.
func TestEarlyAppendMissesNothing(t *testing.T) {
	for _, between := range []string{"commit", "head"} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, l)
			other := join(t, &store{Store: s.Store}, stream.DefaultLimits(), stream.Poll{})
			s.mu.Lock()
			s.after = func(op string) {
				if op == between {
					s.mu.Lock()
					s.after = nil
					s.mu.Unlock()
					// In another process, so that nobody here is told; and if the
					// wait has begun, in this one.
					by0 := text("0", by("p", 0, 0))
					if between == "commit" {
						put(t, other, by0)
					} else {
						put(t, l, by0)
					}
				}
			}
			s.mu.Unlock()
			begin := time.Now()
			if r, err := l.Append(t.Context(), name, text("1", by("p", 0, 1))); err != nil || time.Now() != begin {
				t.Errorf("between %s and the wait: %+v, %v", between, r, err)
			}
		})
	}
}

// A gap that stays is told after the wait, and not before.
func TestGapFailsAfterTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		put(t, l, text("0", by("p", 0, 0)))
		s.took()
		begin := time.Now()
		done := tryAppend(t.Context(), l, text("2", by("p", 0, 2)))
		time.Sleep(100 * time.Millisecond)
		put(t, l, text("x")) // whatever else happens does not end the wait
		o := <-done
		var gap *stream.GapError
		if !errors.As(o.err, &gap) || *gap != (stream.GapError{Expected: 1, Received: 2}) {
			t.Errorf("%+v", o)
		}
		if waited := o.at.Sub(begin); waited != stream.DefaultLimits().EarlyWait {
			t.Errorf("waited %v", waited)
		}
		if ops := s.took(); ops != "commit head commit" {
			t.Errorf("took %q", ops)
		}
		if l.Watchers() != 0 {
			t.Error("a watcher is left")
		}
	})
}

func TestGapsThatAreNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := stream.DefaultLimits()
		never.EarlyWait = 0
		for _, c := range []struct {
			why    string
			limits stream.Limits
			seq    uint64
			waits  bool
		}{
			{"just in the window", stream.DefaultLimits(), stream.EarlyWindow, true},
			{"beyond the window", stream.DefaultLimits(), stream.EarlyWindow + 1, false},
			{"by configuration", never, 1, false},
		} {
			l, _ := open(t, c.limits)
			create(t, l)
			begin := time.Now()
			_, err := l.Append(t.Context(), name, text("x", by("p", 0, c.seq)))
			var gap *stream.GapError
			if !errors.As(err, &gap) || time.Now().After(begin) != c.waits {
				t.Errorf("%s: %v after %v", c.why, err, time.Since(begin))
			}
		}
	})
}

// The wait ends early with the request's context, with the stream, or when the
// head cannot be read; the answer is the gap that there was.
func TestEarlyWaitEnds(t *testing.T) {
	for _, c := range []struct {
		why string
		do  func(l *stream.Log, s *store, cancel func())
	}{
		{"cancelled", func(_ *stream.Log, _ *store, cancel func()) { cancel() }},
		{"deleted", func(l *stream.Log, _ *store, _ func()) { l.Delete(context.Background(), name) }},
		{"the store is away", nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, l)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			begin := time.Now()
			if c.do == nil {
				s.faults("head", lost)
			}
			done := tryAppend(ctx, l, text("x", by("p", 0, 1)))
			synctest.Wait()
			if c.do != nil {
				c.do(l, s, cancel)
			}
			var gap *stream.GapError
			if o := <-done; !errors.As(o.err, &gap) || o.at != begin {
				t.Errorf("%s: %+v", c.why, o)
			}
		})
	}
}

// A closed stream ends the wait with the news.
func TestEarlyWaitEndsWithClosure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t, stream.DefaultLimits())
		create(t, l)
		done := tryAppend(t.Context(), l, text("x", by("p", 0, 1)))
		synctest.Wait()
		put(t, l, text("end", closing))
		var closed *stream.ClosedError
		if o := <-done; !errors.As(o.err, &closed) || closed.Tail != at(0, 3) {
			t.Errorf("%+v", o)
		}
	})
}

// The wait works for a producer that was spilled, too.
func TestEarlyAppendOfSpilledProducerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := stream.DefaultLimits()
		l.Producers = 2
		log, s := open(t, l)
		create(t, log)
		for _, id := range []string{"p", "q", "r"} {
			put(t, log, text("x", by(id, 0, 0)))
		}
		if h := stored(t, s, l); !h.Spilled || h.Producers["p"].Used != 0 {
			t.Fatalf("p was not spilled: %+v", h.Producers)
		}
		begin := time.Now()
		done := tryAppend(t.Context(), log, text("2", by("p", 0, 2)))
		time.Sleep(100 * time.Millisecond)
		put(t, log, text("other"))
		put(t, log, text("1", by("p", 0, 1)))
		if o := <-done; o.err != nil || o.at.Sub(begin) > 150*time.Millisecond {
			t.Errorf("after %v: %+v", o.at.Sub(begin), o)
		}

		begin = time.Now()
		var gap *stream.GapError
		_, err := log.Append(t.Context(), name, text("2", by("q", 0, 2)))
		if !errors.As(err, &gap) || *gap != (stream.GapError{Expected: 1, Received: 2}) || time.Since(begin) != l.EarlyWait {
			t.Errorf("a gap of a spilled producer after %v: %v", time.Since(begin), err)
		}
	})
}

// On a busy stream it is not tried again at every change: its head does not tell of it.
func TestEarlyAppendOfSpilledProducerIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := stream.DefaultLimits()
		l.Producers = 2
		log, s := open(t, l)
		create(t, log)
		for _, id := range []string{"p", "q", "r"} {
			put(t, log, text("x", by(id, 0, 0)))
		}
		other := join(t, s, l, stream.Poll{})
		recalls := 0
		s.hook(func(op string) fault {
			if op == "recall" {
				recalls++
			}
			return fine
		})
		done := tryAppend(t.Context(), log, text("2", by("p", 0, 2)))
		for begin := time.Now(); time.Since(begin) < l.EarlyWait; time.Sleep(time.Millisecond) {
			r := put(t, log, text("busy"))
			if r.FlushDue() {
				if err := other.Flush(t.Context(), name, r); err != nil {
					t.Fatal(err)
				}
			}
		}
		var gap *stream.GapError
		if o := <-done; !errors.As(o.err, &gap) {
			t.Errorf("%+v", o)
		}
		// A pause is ten milliseconds at the least.
		if most := int(l.EarlyWait/(10*time.Millisecond)) + 1; recalls < 2 || recalls > most {
			t.Errorf("it was tried %d times, want 2 to %d", recalls, most)
		}
	})
}

// An append once begun runs to its end: others may share its commit.
func TestAppendIsNotCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		ctx, cancel := context.WithCancel(t.Context())
		release := s.hold("commit")
		first := tryAppend(ctx, l, text("a"))
		synctest.Wait()
		second := tryAppend(ctx, l, text("b"))
		synctest.Wait()
		cancel()
		synctest.Wait()
		release()
		for _, done := range []chan outcome{first, second} {
			if o := <-done; o.err != nil {
				t.Error(o.err)
			}
		}
		if got := content(t, l); got != "ab" {
			t.Errorf("content %q", got)
		}
	})
}

// deadlines records until when each commit may run.
type deadlines struct {
	*store
	until []time.Time
}

func (d *deadlines) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (*stream.Head, error) {
	until, _ := ctx.Deadline()
	d.until = append(d.until, until)
	return d.store.Commit(ctx, name, b, l)
}

// A commit ends before its caller's time does, so that the caller can still answer; an
// append that waited for its turn has as long for it as any other.
func TestAppendEndsBeforeItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deadlines{store: newStore()}
		l, err := stream.New(d, stream.Options{Limits: stream.DefaultLimits()})
		if err != nil {
			t.Fatal(err)
		}
		create(t, l)
		full := stream.DefaultLimits().WriteTimeout
		for _, c := range []struct {
			left, want time.Duration // 0: no deadline
		}{
			{0, full},
			{time.Hour, full},
			{5 * time.Second, 5*time.Second - stream.AnswerTime},
		} {
			ctx, cancel := t.Context(), func() {}
			if c.left > 0 {
				ctx, cancel = context.WithTimeout(t.Context(), c.left)
			}
			d.until = nil
			if o := <-tryAppend(ctx, l, text("x")); o.err != nil {
				t.Error(o.err)
			}
			cancel()
			if got := time.Until(d.until[0]); got != c.want {
				t.Errorf("with %v left a commit may take %v, want %v", c.left, got, c.want)
			}
		}
		d.until = nil
		early := tryAppend(t.Context(), l, text("1", by("p", 0, 1)))
		synctest.Wait()
		put(t, l, text("0", by("p", 0, 0)))
		if o := <-early; o.err != nil {
			t.Error(o.err)
		}
		for i, until := range d.until {
			if got := time.Until(until); got != full {
				t.Errorf("commit %d of an early append may take %v, want %v", i, got, full)
			}
		}
	})
}
