package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

const (
	// maxWaiting is how many streams wait to be compacted. The sweep finds the others.
	maxWaiting = 1000
	// maxRest bounds how long the compactor rests.
	maxRest = time.Second
)

// compactor moves segments that ended into objects, of one stream after the other, and
// runs the sweep in between, which does the same with what it finds.
//
// It must not slow the appends down, with which it shares processors and a disk: a file
// that is synced holds up the sync of the store's log. So all of it is done by one
// goroutine, whatever the load; and after each stream, and each sweep, that rests as long
// as it worked, though a second at most. Where nothing takes long it leaves half of the
// time to others that way. It falls behind rather: then chunks stay in the store for a
// while, where readers find them as well.
type compactor struct {
	compact func(ctx context.Context, name string) (stream.Compaction, error)
	metrics *metrics.Registry
	logger  *slog.Logger
	now     func() time.Time
	// rest waits, or returns early when ctx ends.
	rest  func(ctx context.Context, d time.Duration)
	queue chan string

	mu sync.Mutex
	// waiting holds the streams in the queue, and since when: that is when their segments
	// ended.
	waiting map[string]time.Time
}

func newCompactor(m *metrics.Registry, logger *slog.Logger) *compactor {
	return &compactor{
		metrics: m, logger: logger, now: time.Now, rest: rest,
		queue: make(chan string, maxWaiting), waiting: make(map[string]time.Time),
	}
}

// rest waits for a time, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// ended notes that a segment of a stream ended. It does not wait.
func (c *compactor) ended(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, found := c.waiting[name]; found {
		return
	}
	select {
	case c.queue <- name:
		c.waiting[name] = c.now()
	default:
	}
}

// run compacts, and sweeps when that is due, until ctx ends. What waits then is found by
// the sweep of the next start.
func (c *compactor) run(ctx context.Context, due <-chan time.Time, sweep func(context.Context)) {
	for ctx.Err() == nil {
		var begin time.Time
		select {
		case name := <-c.queue:
			begin = c.now()
			c.one(ctx, name)
		case <-due:
			begin = c.now()
			sweep(ctx)
		case <-ctx.Done():
			return
		}
		c.rest(ctx, min(c.now().Sub(begin), maxRest))
	}
}

// one compacts one stream. What fails is found again by the sweep.
func (c *compactor) one(ctx context.Context, name string) {
	// A segment that ends from now on is a new reason.
	c.mu.Lock()
	since := c.waiting[name]
	delete(c.waiting, name)
	c.mu.Unlock()

	begin := c.now()
	done, err := c.compact(ctx, name)
	end := c.now()
	took, lag := end.Sub(begin), end.Sub(since)
	if ctx.Err() != nil {
		return // it was stopped, which is no failure
	}
	c.metrics.Add(metrics.Compacted(done, took, lag, err)...)
	attrs := []slog.Attr{
		slog.String("stream", name), slog.Int("segments", done.Segments), slog.Int64("bytes", done.Bytes),
		slog.Duration("duration", took), slog.Duration("lag", lag),
	}
	level := slog.LevelInfo
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
		level = slog.LevelWarn
		if errors.Is(err, stream.ErrDamaged) {
			level = slog.LevelError
		}
	}
	c.logger.LogAttrs(ctx, level, "compact", attrs...)
}
