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
	// sweptItems and sweptObjects are how many of them a sweep looks at: a fraction of a
	// second's work, unless there is much to do.
	sweptItems, sweptObjects = 5_000, 10_000
)

// background is what the server does by itself, besides compaction and the registry.
type background struct {
	log     *stream.Log
	metrics *metrics.Registry
	logger  *slog.Logger
	// idleAfter and sweepEvery are as in the configuration.
	idleAfter, sweepEvery time.Duration
}

// run does all of it until ctx ends, and returns when nothing of it is under way. The
// sweep is the compactor's business, but it is due at once: the process before may have
// had no time to finish something.
func (b *background) run(ctx context.Context, c *compactor, r *registrar) {
	var group sync.WaitGroup
	group.Go(func() { r.run(ctx) })
	group.Go(func() { b.collect(ctx) })
	group.Go(func() {
		due := time.NewTimer(0)
		defer due.Stop()
		c.run(ctx, due.C, func(ctx context.Context) {
			b.sweep(ctx)
			due.Reset(b.sweepEvery)
		})
	})
	group.Wait()
}

// collect discards the data of deleted streams, every few seconds.
func (b *background) collect(ctx context.Context) {
	for {
		if rest(ctx, collectEvery); ctx.Err() != nil {
			return
		}
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

// sweep finishes what was left undone.
func (b *background) sweep(ctx context.Context) {
	begin := time.Now()
	swept, err := b.log.Sweep(ctx, stream.SweepOptions{
		IdleAfter: b.idleAfter, Items: sweptItems, Objects: sweptObjects, Lives: lives,
	})
	took := time.Since(begin)
	if ctx.Err() != nil {
		return
	}
	b.metrics.Add(metrics.Swept(swept, took, err)...)
	level, attrs := slog.LevelInfo, []slog.Attr{slog.Duration("duration", took), slog.Any("swept", swept)}
	if err != nil {
		level, attrs = slog.LevelError, append(attrs, slog.String("error", err.Error()))
	}
	b.logger.LogAttrs(ctx, level, "sweep", attrs...)
}
