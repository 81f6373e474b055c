package main

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// window is the span of time that a row measures. It begins a while after the
// load does, so that connections, caches and just-in-time compilers are warm.
type window struct{ from, to time.Time }

func (b *bench) window() window {
	from := time.Now().Add(min(b.duration/4, time.Second))
	return window{from, from.Add(b.duration)}
}

func (w window) holds(t time.Time) bool { return !t.Before(w.from) && !t.After(w.to) }

func (w window) seconds() float64 { return w.to.Sub(w.from).Seconds() }

// repeat calls f over and over, for rows whose single operations are so long
// that they cannot be cut off at the window's end. Measuring begins with the
// first call after w.from, which reset announces, takes at least one call, and
// ends with the first to return after w.to; the time between is returned.
func (w window) repeat(reset func(), f func() error) (time.Duration, error) {
	var begin time.Time
	for {
		now := time.Now()
		switch {
		case begin.IsZero() && !now.Before(w.from):
			begin = now
			reset()
		case !begin.IsZero() && !now.Before(w.to):
			return now.Sub(begin), nil
		}
		if err := f(); err != nil {
			return 0, err
		}
	}
}

// latencies are samples of a duration, in any order.
type latencies []time.Duration

// quantile returns the smallest sample that at least the share q of all
// samples do not exceed, in milliseconds.
func (l latencies) quantile(q float64) float64 {
	if len(l) == 0 {
		return math.NaN()
	}
	slices.Sort(l)
	i := int(math.Ceil(q*float64(len(l)))) - 1
	return float64(l[max(i, 0)]) / float64(time.Millisecond)
}

// group is a set of goroutines that fail together: the first error ends ctx,
// and with it every connection that was dialled with it.
type group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
}

func newGroup(ctx context.Context) *group {
	ctx, cancel := context.WithCancelCause(ctx)
	return &group{ctx: ctx, cancel: cancel}
}

func (g *group) run(f func() error) {
	g.wg.Go(func() {
		if err := f(); err != nil {
			g.cancel(err)
		}
	})
}

// wait returns the first error once all goroutines are through, and closes
// the group's connections.
func (g *group) wait() error {
	g.wg.Wait()
	err := context.Cause(g.ctx)
	g.cancel(nil)
	return err
}

// metric is one figure that a row yields for one server.
type metric struct {
	name, unit string
	value      float64 // NaN if there is none
	less       bool    // less is better
}

func percentiles(l latencies) []metric {
	return []metric{
		{name: "p50", unit: "ms", value: l.quantile(0.50), less: true},
		{name: "p90", unit: "ms", value: l.quantile(0.90), less: true},
		{name: "p99", unit: "ms", value: l.quantile(0.99), less: true},
	}
}

// none is a metric that this server has no figure for.
func none(name, unit string) metric {
	return metric{name: name, unit: unit, value: math.NaN(), less: true}
}
