package streamtest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Clock is a clock that stands still until it is moved.
type Clock struct{ millis atomic.Int64 }

// NewClock returns a clock that shows some time.
func NewClock() *Clock {
	c := &Clock{}
	c.millis.Store(sampleTime.UnixMilli())
	return c
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.millis.Load()) }

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) { c.millis.Add(d.Milliseconds()) }

// Tick moves the clock by a millisecond, and returns its time.
func (c *Clock) Tick() time.Time { return time.UnixMilli(c.millis.Add(1)) }

// Tiny are limits at which everything happens all the time: segments end, buffers
// are flushed or full, appends are staged, pages are cut, producers are spilled.
func Tiny() stream.Limits {
	return stream.Limits{
		SegmentCount: 3, SegmentSize: 400,
		FlushSize: 120, FlushCount: 2,
		BufferSize: 300, BufferCount: 4,
		StageSize: 60, PartSize: 50, ObjectSize: 40, PageSize: 48,
		Producers: 2, Remember: 8,
		WriteTimeout: 10 * time.Second,
	}
}

// fastPoll is how logs of different processes watch each other in tests.
var fastPoll = stream.Poll{Fast: 2 * time.Millisecond, Idle: 5 * time.Millisecond}

// rig is a log over a driver, with a clock of its own.
type rig struct {
	*testing.T
	*stream.Log
	driver  stream.Driver
	objects stream.Objects
	clock   *Clock
	limits  stream.Limits
}

// newRig is the only process of its driver.
func newRig(t *testing.T, d stream.Driver, o stream.Objects, l stream.Limits) *rig {
	r := &rig{T: t, driver: d, objects: o, clock: NewClock(), limits: l}
	return r.with(stream.Poll{})
}

// another is one process of several over the same driver.
func (r *rig) another() *rig {
	r.Helper()
	return r.with(fastPoll)
}

func (r *rig) with(p stream.Poll) *rig {
	r.Helper()
	other := *r
	var err error
	other.Log, err = stream.New(r.driver, stream.Options{Objects: r.objects, Limits: r.limits, Now: r.clock.Now, Poll: p})
	must(r.T, err)
	return &other
}

// create creates an open stream.
func (r *rig) create(name, contentType string) *stream.Head {
	r.Helper()
	h, created, err := r.Create(r.Context(), name, &stream.Create{Config: stream.Config{ContentType: contentType}})
	if err != nil || !created {
		r.Fatalf("Create(%q): new: %v, %v", name, created, err)
	}
	return h
}

// append appends and expects success.
func (r *rig) append(name string, a *stream.Append) stream.Appended {
	r.Helper()
	got, err := r.Append(r.Context(), name, a)
	must(r.T, err)
	if got.FlushDue() {
		must(r.T, r.Flush(r.Context(), name, got))
	}
	return got
}

// fails expects that an append fails in a certain way.
func (r *rig) fails(name string, a *stream.Append, want error) {
	r.Helper()
	if got, err := r.Append(r.Context(), name, a); !errors.Is(err, want) {
		r.Fatalf("Append: %+v, %v, want %v", got, err, want)
	}
}

// closedAt expects that an append fails because the stream was closed at a tail.
func (r *rig) closedAt(name string, a *stream.Append, tail stream.Offset) {
	r.Helper()
	got, err := r.Append(r.Context(), name, a)
	var closed *stream.ClosedError
	if !errors.As(err, &closed) || closed.Tail != tail {
		r.Fatalf("Append: %+v, %+v, want a closed stream with the tail %v", got, err, tail)
	}
}

// gone expects that there is no stream.
func (r *rig) gone(name string) {
	r.Helper()
	ctx := r.Context()
	if h, err := r.Log.Head(ctx, name); !errors.Is(err, stream.ErrNotFound) {
		r.Errorf("Head: %+v, %v, want ErrNotFound", h, err)
	}
	if p, err := r.Read(ctx, name, stream.Start()); !errors.Is(err, stream.ErrNotFound) {
		r.Errorf("Read: %+v, %v, want ErrNotFound", p, err)
	}
	if f, _, err := r.Follow(ctx, name, stream.Start()); !errors.Is(err, stream.ErrNotFound) {
		if err == nil {
			f.Close()
		}
		r.Errorf("Follow: %v, want ErrNotFound", err)
	}
	r.fails(name, plain("x"), stream.ErrNotFound)
	r.fails(name, produced("p", 0, 7, "x"), stream.ErrNotFound)
	r.fails(name, &stream.Append{Close: true}, stream.ErrNotFound)
	must(r.T, r.Flush(ctx, name, stream.Appended{}))
}

// text reads a stream from a position to its tail.
func (r *rig) text(name string, from stream.Position) (text string, last *stream.Page) {
	r.Helper()
	for {
		p, err := r.Read(r.Context(), name, from)
		must(r.T, err)
		text += pageText(p)
		if p.UpToDate() {
			return text, p
		}
		from = stream.At(p.Next)
	}
}

// follow reads a stream live until it is closed, and returns its text.
func follow(ctx context.Context, l *stream.Log, name string, from stream.Position) (string, error) {
	f, p, err := l.Follow(ctx, name, from)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text := pageText(p)
	for !p.Closed() {
		at := p.Next
		if p, err = f.Next(ctx); err != nil {
			return text, err
		}
		if p.From != at {
			return text, errors.New("a follower's pages do not follow each other")
		}
		if err := checkPage(p); err != nil {
			return text, err
		}
		text += pageText(p)
	}
	return text, nil
}

// patiently bounds waits that are expected to end soon, so that a defect fails a
// test instead of blocking it.
func patiently(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 2*time.Minute)
}
