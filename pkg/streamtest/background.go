package streamtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// RunBackground checks that nobody notices what runs in the background (flush,
// compaction, expiry of what was retired, collection, sweep), wherever it stops: that a
// crash at any of its calls leaves nothing wrong and nothing behind; that a process
// which sleeps between any two of its calls and wakes in another world does no harm;
// and that a reader who walks through a stream meanwhile gets each record once.
//
// Each call of open must return an empty store that nobody else uses, the retired items
// of which are gone once [stream.Chunks.Retire] has returned.
func RunBackground(t *testing.T, open func(t *testing.T) (stream.Driver, stream.Objects)) {
	t.Run("Crashes", func(t *testing.T) { backgroundCrashes(t, open) })
	t.Run("Sleeper", func(t *testing.T) { sleepers(t, open) })
	t.Run("Walker", func(t *testing.T) { walkers(t, open) })
}

// longTime is long enough for everything: streams are idle, litter is old.
const longTime = 48 * time.Hour

// veryLongTime is long enough for creates that were begun and never finished.
const veryLongTime = 5 * longTime

// world is a store with streams in all states and with litter of all kinds.
type world struct {
	driver  *Lazy
	objects stream.Objects
	clock   *Clock
	random  *rand.Rand
	// healthy is a process without faults.
	healthy  *stream.Log
	subjects map[string]*subject
	// kept are the streams that were deleted, but whose forks need them.
	kept map[string]bool
}

// subject is a stream of a world, in its present life.
type subject struct {
	name, contentType string
	history           *History
	written           int
}

func newWorld(ctx context.Context, d stream.Driver, o stream.Objects) (*world, error) {
	w := &world{driver: NewLazy(d), objects: o, clock: NewClock(), random: rand.New(rand.NewPCG(1, 2)), subjects: make(map[string]*subject), kept: make(map[string]bool)}
	w.healthy = w.process(w.driver, o)
	for _, build := range []func(context.Context) error{w.open, w.forks, w.kin, w.closed, w.idle, w.deleted, w.expired, w.litter} {
		if err := build(ctx); err != nil {
			return nil, fmt.Errorf("build a world: %w", err)
		}
	}
	w.clock.Advance(longTime)
	return w, nil
}

// process is one of the processes on the store.
func (w *world) process(d stream.Driver, o stream.Objects) *stream.Log {
	limits := Tiny()
	// A write may take as long as a world takes to move on.
	limits.WriteTimeout = 5 * time.Minute
	l, err := stream.New(d, stream.Options{Objects: o, Limits: limits, Now: w.clock.Now})
	if err != nil {
		panic(err) // the limits are ours
	}
	return l
}

// begin creates a stream, or creates it again.
func (w *world) begin(ctx context.Context, name string, c stream.Config) (*subject, error) {
	s := &subject{name: name, contentType: c.ContentType, history: &History{}}
	_, created, err := w.healthy.Create(ctx, name, &stream.Create{Config: c})
	if err == nil && !created {
		err = fmt.Errorf("%s exists already", name)
	}
	w.subjects[name] = s
	return s, err
}

// write appends to a stream some times, in sizes around that of staging.
func (w *world) write(ctx context.Context, s *subject, times int) error {
	for range times {
		one := s.next("w")
		r, err := s.history.Append(ctx, w.healthy, s.name, one, &stream.Append{ContentType: s.contentType})
		if err != nil {
			return fmt.Errorf("append to %s: %w", s.name, err)
		}
		if r.FlushDue() {
			if err := w.healthy.Flush(ctx, s.name, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *subject) next(writer string) *Write {
	s.written++
	n := s.written
	return s.history.Begin(writer, n, 1+n%2, []int{4, 20, 60, 2, 110}[n%5])
}

// open is a stream with many segments, some of which overlap in their chunks, because a
// flush did not come to its end and the next one cut in another way.
func (w *world) open(ctx context.Context) error {
	s, err := w.begin(ctx, "open", stream.Config{ContentType: "text/plain"})
	if err != nil {
		return err
	}
	if err := w.write(ctx, s, 6); err != nil {
		return err
	}
	f := NewFaults(w.driver)
	f.Script(Trim, 1, Lost)
	f.Script(Trim, 3, Lost)
	unlucky := w.process(f, w.objects)
	for n := range 4 {
		// Of four records at least two that follow each other are in one segment.
		one := s.history.Begin("o", n, 1, 2)
		if _, err := s.history.Append(ctx, w.healthy, s.name, one, &stream.Append{ContentType: s.contentType}); err != nil {
			return err
		}
		if err := unlucky.Flush(ctx, s.name, stream.Appended{}); err != nil && !errors.Is(err, errInjected) {
			return err
		}
	}
	return w.write(ctx, s, 7)
}

func (w *world) closed(ctx context.Context) error {
	s, err := w.begin(ctx, "closed", stream.Config{ContentType: "application/json"})
	if err != nil {
		return err
	}
	if err := w.write(ctx, s, 8); err != nil {
		return err
	}
	_, err = w.healthy.Append(ctx, s.name, &stream.Append{Close: true})
	return errors.Join(err, w.healthy.Flush(ctx, s.name, stream.Appended{}))
}

func (w *world) idle(ctx context.Context) error {
	s, err := w.begin(ctx, "idle", stream.Config{ContentType: "text/plain"})
	if err != nil {
		return err
	}
	return errors.Join(w.write(ctx, s, 2), w.healthy.Flush(ctx, s.name, stream.Appended{}))
}

// deleted was deleted twice, and lives for the third time.
func (w *world) deleted(ctx context.Context) error {
	for life := range 3 {
		s, err := w.begin(ctx, "deleted", stream.Config{ContentType: "text/plain"})
		if err != nil {
			return err
		}
		if err := w.write(ctx, s, 5+life); err != nil {
			return err
		}
		if life == 2 {
			return nil
		}
		if err := w.healthy.Delete(ctx, s.name); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) expired(ctx context.Context) error {
	s, err := w.begin(ctx, "expired", stream.Config{ContentType: "text/plain", HasTTL: true, TTL: time.Minute})
	if err != nil {
		return err
	}
	err = w.write(ctx, s, 5)
	delete(w.subjects, s.name)
	return err
}

// litter is what crashes and late writes leave: of a living stream, of a life that never
// began, and of one that is over.
func (w *world) litter(ctx context.Context) error {
	living, err := w.healthy.Head(ctx, "open")
	if err != nil {
		return err
	}
	staged := stream.StagedID{Commit: 77, At: w.clock.Now().Unix()}
	never := stream.Life{Name: "never", Incarnation: newIncarnation()}
	over := stream.Life{Name: "over", Incarnation: newIncarnation()}
	again := stream.Life{Name: "deleted", Incarnation: newIncarnation()}
	frames := records("litter").Frames
	object := staged
	object.Object = true
	return errors.Join(
		w.driver.PutStaged(ctx, living.Life("open"), staged, frames),
		putObject(ctx, w.objects, stream.StagedKey(living.Life("open"), object), []byte("litter")),
		w.driver.PutStaged(ctx, never, staged, frames),
		putObject(ctx, w.objects, stream.StagedKey(never, object), []byte("litter")),
		w.driver.PutChunk(ctx, over, chunkAt(stream.Offset{Position: 9}, "late")),
		w.driver.SpillProducer(ctx, over, "p", stream.Producer{}),
		w.driver.PutManifest(ctx, again, manifest(3)),
		putObject(ctx, w.objects, stream.SegmentKey(again, 3), []byte("late")),
		putObject(ctx, w.objects, stream.SegmentKey(over, 0), []byte("late")),
	)
}

// background does once what runs in the background, as far as a process can.
func (w *world) background(ctx context.Context, l *stream.Log) error {
	var errs []error
	for name := range w.subjects {
		_, err := l.Compact(ctx, name)
		errs = append(errs, err)
	}
	const rounds = 50
	var items, objects bool
	for range rounds {
		done, err := l.Sweep(ctx, stream.SweepOptions{IdleAfter: longTime / 2, Items: 25, Objects: 5, Lives: 2})
		errs = append(errs, err)
		items, objects = items || done.ItemsEnd, objects || done.ObjectsEnd
		if items && objects {
			return errors.Join(errs...)
		}
		if err != nil {
			return errors.Join(errs...)
		}
	}
	return errors.Join(append(errs, errors.New("the sweep does not come to an end"))...)
}

// settle lets everything happen that is due, with what was retired going in random
// order, and then checks the world: that every stream holds what its clients were told,
// and that nothing else is there.
func (w *world) settle(ctx context.Context) error {
	const rounds = 3
	for range rounds {
		if err := w.background(ctx, w.healthy); err != nil {
			return fmt.Errorf("background work of a healthy process: %w", err)
		}
		if err := w.driver.Expire(ctx, w.random, w.driver.RetiredLeft()); err != nil {
			return err
		}
		w.clock.Advance(veryLongTime)
	}
	for _, s := range w.subjects {
		if err := s.history.Verify(ctx, w.healthy, w.driver, w.objects, s.name); err != nil {
			return fmt.Errorf("stream %q: %w", s.name, err)
		}
	}
	return w.leftovers(ctx)
}
