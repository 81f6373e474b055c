package simulation

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// event says that a segment of a stream ended, or that a registry is to be told of one.
type event struct {
	compact bool
	name    string
	// due is when it is delivered.
	due time.Time
}

// tell takes an event on its way: it is lost, late, or delivered twice, in any order.
func (w *world) tell(e event) {
	w.events.Lock()
	defer w.events.Unlock()
	r := w.events.random
	for range []int{1, 1, 1, 1, 1, 1, 1, 2, 2, 0}[r.IntN(10)] {
		e.due = time.Now().Add(time.Duration(r.IntN(120_000)>>r.IntN(14)) * time.Millisecond)
		w.events.all = append(w.events.all, e)
	}
}

// delivered returns the events that are due.
func (w *world) delivered() (due []event) {
	w.events.Lock()
	defer w.events.Unlock()
	now := time.Now()
	w.events.all = slices.DeleteFunc(w.events.all, func(e event) bool {
		if e.due.After(now) {
			return false
		}
		due = append(due, e)
		return true
	})
	return due
}

// background does what runs in the background, in functions of its own, until the clients
// are done. It is a client that looks at nothing.
func (c *client) background(done <-chan struct{}) {
	// Less and less often, so that there is not more of it than of requests.
	for most := 100 * slot; ; most = min(most+most/12, int(10*time.Minute)) {
		sleep(time.Duration(c.random.IntN(most)), c.track())
		select {
		case <-done:
			return
		default:
		}
		// The work may go on while the client does not wait for it any more.
		random := rand.New(rand.NewPCG(c.random.Uint64(), 0))
		c.ask(func(ctx context.Context, by *process) (func(), func()) {
			c.world.work(ctx, by.log, random)
			return func() {}, nil
		})
	}
}

// work does something in the background.
func (w *world) work(ctx context.Context, l *stream.Log, r *rand.Rand) {
	name := w.names[r.IntN(len(w.names))]
	switch r.IntN(8) {
	case 0:
		_, _ = l.Sweep(ctx, w.plan.sweep)
	case 1:
		_, _ = l.Compact(ctx, name)
	case 2:
		_ = l.Flush(ctx, name, stream.Appended{})
	case 3:
		_, _ = l.Collect(ctx, 1+r.IntN(3))
	case 4:
		w.expire(1 + r.IntN(5))
	default:
		var owing []string
		for _, e := range w.delivered() {
			if e.compact {
				_, _ = l.Compact(ctx, e.name)
			} else {
				owing = append(owing, e.name)
			}
		}
		_, _ = l.Register(ctx, owing)
	}
}

// expire lets go of some of what was retired.
func (w *world) expire(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.store.Expire(context.Background(), w.events.random, n); err != nil {
		w.violation("expire: %v", err)
	}
}
