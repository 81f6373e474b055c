package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// maxOwing is how many streams wait to be told of. The sweep finds the others.
const maxOwing = 10_000

// gather is how long the registrar rests after a write. Without that it would write all
// the time while streams come and go, two or three at once, and each of these would wait for a
// sync of the registry besides its own.
const gather = 10 * time.Millisecond

// registrar tells the registry of streams that were created or deleted, in the background.
// While it writes, and rests, others gather, and are told of in one write next: so it keeps
// up with many of them, at the cost of few syncs.
type registrar struct {
	register func(ctx context.Context, names []string) (stream.Registered, error)
	metrics  *metrics.Registry
	logger   *slog.Logger
	// wake has one element while streams wait.
	wake chan struct{}

	mu      sync.Mutex
	waiting []string
}

func newRegistrar(m *metrics.Registry, logger *slog.Logger) *registrar {
	return &registrar{metrics: m, logger: logger, wake: make(chan struct{}, 1)}
}

// owing notes that there is something to be told of a stream. It does not wait.
func (r *registrar) owing(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == maxOwing {
		return
	}
	r.waiting = append(r.waiting, name)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run tells of them until ctx ends. What waits then, and what fails, is found by the
// sweep.
func (r *registrar) run(ctx context.Context) {
	for {
		select {
		case <-r.wake:
			r.all(ctx)
			rest(ctx, gather)
		case <-ctx.Done():
			return
		}
	}
}

// all tells of the streams that wait.
func (r *registrar) all(ctx context.Context) {
	r.mu.Lock()
	names := r.waiting
	r.waiting = nil
	r.mu.Unlock()
	done, err := r.register(ctx, names)
	if ctx.Err() != nil {
		return // it was stopped, which is no failure
	}
	r.metrics.Add(metrics.Registered(done)...)
	switch {
	case err != nil:
		r.logger.Error("register", "records", done.Records, "failed", len(done.Failed), "error", err)
	case done.Records > 0:
		r.logger.Debug("register", "records", done.Records)
	}
}
