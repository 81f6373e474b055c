package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

const (
	// collectEvery is how often deleted streams are looked for: their data takes disk.
	collectEvery = 2 * time.Second
	// lives is how many of them are discarded at a time.
	lives = 1000
	// sweptItems and sweptObjects are how many of them a sweep looks at: less than a
	// second's work.
	sweptItems, sweptObjects = 10_000, 10_000
)

// background is what the server does by itself, next to compaction.
type background struct {
	log     *stream.Log
	metrics *metrics.Registry
	logger  *slog.Logger
	// idleAfter and sweepEvery are as in the configuration.
	idleAfter, sweepEvery time.Duration
}

// run does all of it until ctx ends, and returns when nothing of it is under way.
func (b *background) run(ctx context.Context, c *compactor) {
	var group sync.WaitGroup
	group.Go(func() { c.run(ctx) })
	group.Go(func() { b.collect(ctx) })
	group.Go(func() { b.sweep(ctx) })
	group.Wait()
}

// collect discards the data of deleted streams, every few seconds.
func (b *background) collect(ctx context.Context) {
	for wait(ctx, collectEvery) {
		done, err := b.log.Collect(ctx, lives)
		if ctx.Err() != nil {
			return
		}
		b.metrics.Add(metrics.Collected(done)...)
		switch {
		case err != nil:
			b.logger.Error("collect", "error", err)
		case done.Settled+done.Failed > 0:
			b.logger.Info("collect", "settled", done.Settled, "failed", done.Failed)
		}
	}
}

// sweep finishes what was left undone: at the start what the process before had no time
// for, and then from time to time.
func (b *background) sweep(ctx context.Context) {
	for more := ctx.Err() == nil; more; more = wait(ctx, b.sweepEvery) {
		begin := time.Now()
		swept, err := b.log.Sweep(ctx, stream.SweepOptions{
			IdleAfter: b.idleAfter, Items: sweptItems, Objects: sweptObjects, Lives: lives,
		})
		took := time.Since(begin)
		if ctx.Err() != nil {
			return
		}
		b.metrics.Add(metrics.Swept(swept, took, err)...)
		if err != nil {
			b.logger.Error("sweep", "duration", took, "swept", swept, "error", err)
			continue
		}
		b.logger.Info("sweep", "duration", took, "swept", swept)
	}
}

// wait waits for a time, and reports whether ctx has not ended.
func wait(ctx context.Context, d time.Duration) bool {
	rest(ctx, d)
	return ctx.Err() == nil
}
