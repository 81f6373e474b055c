package streamtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// sleeper is a process that stops before one of its calls, sleeps for longer than
// anything is kept, and goes on in a world that has moved.
type sleeper struct {
	what string
	// n is the call before which it sleeps; 0 means never.
	n int
	// again says that meanwhile the stream was deleted and created again.
	again bool
}

func (s sleeper) String() string {
	return fmt.Sprintf("%s, asleep before call %d, created again: %v", s.what, s.n, s.again)
}

// errands are what the sleeper is about when it falls asleep. Most of them have to do
// with the stream "open" and its forks.
var errands = map[string]func(ctx context.Context, e *errand) error{
	"append":         func(ctx context.Context, e *errand) error { return e.append(ctx, 4) },
	"append staged":  func(ctx context.Context, e *errand) error { return e.append(ctx, 50) },
	"append objects": func(ctx context.Context, e *errand) error { return e.append(ctx, 300) },
	"append segments": func(ctx context.Context, e *errand) error {
		var errs []error
		for n := range 5 {
			errs = append(errs, e.append(ctx, 10+20*n))
		}
		return errors.Join(errs...)
	},
	"flush":   func(ctx context.Context, e *errand) error { return e.log.Flush(ctx, "open", stream.Appended{}) },
	"compact": func(ctx context.Context, e *errand) error { _, err := e.log.Compact(ctx, "open"); return err },
	"collect": func(ctx context.Context, e *errand) error { _, err := e.log.Collect(ctx, 100); return err },
	"sweep":   func(ctx context.Context, e *errand) error { return e.world.background(ctx, e.log) },
	"read":    func(ctx context.Context, e *errand) error { _, err := scan(ctx, e.log, "closed"); return err },
	"delete": func(ctx context.Context, e *errand) error {
		return unless(e.world.end(ctx, e.log, "open"), stream.ErrNotFound)
	},
	"delete fork": func(ctx context.Context, e *errand) error {
		return unless(e.world.end(ctx, e.log, "fork of fork"), stream.ErrNotFound)
	},
	"delete forked": func(ctx context.Context, e *errand) error {
		return unless(e.world.end(ctx, e.log, "fork"), stream.ErrNotFound)
	},
	"fork": func(ctx context.Context, e *errand) error {
		_, err := e.world.beginFork(ctx, e.log, "new fork", "open", true)
		return err
	},
	"fork a fork": func(ctx context.Context, e *errand) error {
		_, err := e.world.beginFork(ctx, e.log, "new fork", "fork of fork", true)
		return unless(err, stream.ErrNoSource)
	},
	"read fork": func(ctx context.Context, e *errand) error {
		_, err := scan(ctx, e.log, "fork of fork")
		return unless(err, stream.ErrNotFound)
	},
	"create": func(ctx context.Context, e *errand) error {
		s := &subject{name: "fresh", contentType: "text/plain", history: &History{}}
		one := s.history.Begin("creator", 0, 2, 110)
		h, _, err := e.log.Create(ctx, s.name, &stream.Create{Config: stream.Config{ContentType: s.contentType}, Records: one.Records()})
		if err == nil {
			s.history.Acknowledge(one, stream.Appended{Tail: h.Tail}, h.Unit())
			e.world.subjects[s.name] = s
		}
		return unless(err, stream.ErrUnavailable)
	},
}

// unless is err, unless it is one that is expected.
func unless(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// errand is one errand of a sleeper.
type errand struct {
	log   *stream.Log
	world *world
}

// append appends to the stream in whatever life it is then.
func (e *errand) append(ctx context.Context, pad int) error {
	before := e.world.subjects["open"]
	one := before.history.Begin("sleeper", before.written+pad, 1, pad)
	r, err := e.log.Append(ctx, "open", &stream.Append{ContentType: "text/plain", Records: one.Records()})
	history := before.history
	if now := e.world.subjects["open"]; now != before {
		// It has slept; what is told to its client is told of the life that is now.
		history.forget(one)
		history = now.history
		history.adopt(one)
	}
	if err != nil {
		history.Fail(one, err, false)
		return fmt.Errorf("append: %w", err)
	}
	history.Acknowledge(one, r, stream.Bytes)
	if r.FlushDue() {
		return e.log.Flush(ctx, "open", r)
	}
	return nil
}

// forget and adopt move a write that is under way from one history to another.
func (h *History) forget(w *Write) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, one := range h.writes {
		if one == w {
			h.writes = append(h.writes[:i], h.writes[i+1:]...)
			return
		}
	}
}

func (h *History) adopt(w *Write) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w.start = 0 // before all others
	h.writes = append(h.writes, w)
}

// shortErrand is how many calls an errand may make and be tried in spite of sampling.
const shortErrand = 5

// slowErrands is of how many errands one is tried on a driver that is [Slow]: each needs
// worlds of its own.
const slowErrands = 3

// sleepers lets a process sleep before each call of each errand.
func sleepers(t *testing.T, open func(t *testing.T) (stream.Driver, stream.Objects)) {
	sample, _ := open(t)
	for what := range errands {
		if isSlow(sample) && !chosen(what, slowErrands) {
			continue
		}
		t.Run(what, func(t *testing.T) {
			d, o := open(t)
			calls, err := sleeper{what: what}.run(t.Context(), d, o)
			if err != nil {
				t.Fatalf("awake: %v", err)
			}
			var all []sleeper
			// Those of a whole sweep are much alike, and there are many of them.
			stride := 1
			if calls > 200 && !everything() {
				stride = 3
			}
			for n := 1; n <= calls; n += stride {
				for _, again := range []bool{false, true} {
					one := sleeper{what, n, again}
					// Of short errands at least one is tried, before the last call.
					if sampled(d, one.String()) || calls <= shortErrand && n == calls && !again {
						all = append(all, one)
					}
				}
			}
			inParallel(d, all, func(s sleeper) {
				own, objects := open(t)
				if _, err := s.run(t.Context(), own, objects); err != nil {
					t.Errorf("%v: %v", s, err)
				}
			})
			t.Logf("%d calls, %d of them slept before", calls, len(all))
		})
	}
}

// run does an errand, with a nap, and checks the world. It returns the number of calls.
func (s sleeper) run(ctx context.Context, d stream.Driver, o stream.Objects) (calls int, err error) {
	w, err := newWorld(ctx, d, o)
	if err != nil {
		return 0, err
	}
	f := NewFaults(w.driver)
	e := &errand{log: w.process(f, NewObjectFaults(o, f)), world: w}
	// It knows the stream, and trusts what it knows.
	if _, err := e.log.Read(ctx, "open", stream.Now()); err != nil {
		return 0, err
	}
	before := f.Total()
	var moved error
	if s.n > 0 {
		f.Before(s.n, func() { moved = w.moveOn(ctx, s.again) })
	}
	if err := errands[s.what](ctx, e); err != nil {
		return 0, fmt.Errorf("errand: %w", err)
	}
	if moved != nil {
		return 0, fmt.Errorf("meanwhile: %w", moved)
	}
	return f.Total() - before, w.settle(ctx)
}

// moveOn is what happens while somebody sleeps: streams grow, segments are compacted,
// what was retired goes, litter is swept, and time passes; perhaps the stream is deleted,
// its data collected, and its name taken by another.
func (w *world) moveOn(ctx context.Context, again bool) error {
	s := w.subjects["open"]
	if s == nil {
		return nil // it has just been deleted
	}
	if err := w.write(ctx, s, 5); err != nil {
		return err
	}
	if again {
		if err := w.endFamily(ctx); err != nil {
			return err
		}
		next, err := w.begin(ctx, s.name, stream.Config{ContentType: s.contentType})
		if err != nil {
			return err
		}
		next.written = s.written
		if err := w.write(ctx, next, 4); err != nil {
			return err
		}
	}
	for range 2 {
		w.clock.Advance(longTime)
		if err := w.background(ctx, w.healthy); err != nil {
			return err
		}
		if err := w.driver.Expire(ctx, w.random, w.driver.RetiredLeft()); err != nil {
			return err
		}
	}
	return nil
}

// putObject stores an object.
func putObject(ctx context.Context, o stream.Objects, key string, body []byte) error {
	return o.PutObject(ctx, key, io.NewSectionReader(bytes.NewReader(body), 0, int64(len(body))))
}
