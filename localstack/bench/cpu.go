package main

import (
	"context"
	"sync"
	"time"
)

// usage measures the processor time that a server's process takes for what a row counts,
// and nothing of the row's preparation and verification. Linux keeps it in hundredths of a
// second, so that it is good to a percent if the row runs for seconds.
type usage struct {
	t *target

	mu       sync.Mutex
	from, to time.Duration
	timers   []*time.Timer
}

// usageDuring measures during a window. It is to be stopped when the row ends.
func usageDuring(ctx context.Context, t *target, w window) *usage {
	u := &usage{t: t}
	u.timers = []*time.Timer{time.AfterFunc(time.Until(w.from), u.begin), time.AfterFunc(time.Until(w.to), u.end)}
	context.AfterFunc(ctx, u.stop)
	return u
}

func (u *usage) stop() {
	for _, timer := range u.timers {
		timer.Stop()
	}
}

func (u *usage) begin() { u.note(&u.from) }
func (u *usage) end()   { u.note(&u.to) }

func (u *usage) note(at *time.Duration) {
	if u.t.pid() == 0 {
		return
	}
	now := cpuOf(u.t.pid())
	u.mu.Lock()
	defer u.mu.Unlock()
	*at = now
}

// each is the metric of it: microseconds for each of n operations; none if the process is
// not known, or the window has not ended.
func (u *usage) each(n int, what string) metric {
	u.mu.Lock()
	defer u.mu.Unlock()
	m := none("server CPU", "us/"+what)
	if used := u.to - u.from; used > 0 && n > 0 {
		m.value = float64(used) / float64(n) / float64(time.Microsecond)
	}
	return m
}
