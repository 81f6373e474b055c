package stream

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Poll says how a process learns of appends by other processes while somebody
// waits for them. The zero value never polls.
type Poll struct {
	// Fast is the interval after activity, Idle the one that it grows to while
	// nothing happens, by half at each poll. An Idle below Fast counts as Fast.
	Fast, Idle time.Duration
}

// hub wakes those who wait for a stream to change. There is one watcher a stream,
// shared by all of them, and none for a stream that nobody waits for.
type hub struct {
	poll     Poll
	head     func(ctx context.Context, name string) (*Head, error)
	mu       sync.Mutex
	watchers map[string]*watcher
}

// join returns the stream's watcher. Every join is paired with a leave.
func (b *hub) join(name string) *watcher {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.watchers[name]
	if w == nil {
		ctx, stop := context.WithCancel(context.Background())
		w = newWatcher(name, stop)
		if b.watchers == nil {
			b.watchers = make(map[string]*watcher)
		}
		b.watchers[name] = w
		if b.poll.Fast > 0 {
			go b.pollHead(ctx, w)
		}
	}
	w.refs++
	return w
}

func (b *hub) leave(w *watcher) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.refs--; w.refs == 0 {
		w.stop()
		delete(b.watchers, w.name)
	}
}

// announce tells a stream's watcher, if there is one, of a head that was stored,
// or with nil that there may be none any more.
func (b *hub) announce(name string, h *Head) {
	if w := b.watcher(name); w != nil {
		w.update(h)
	}
}

// end tells a stream's watcher, if there is one, that a life is certainly over.
func (b *hub) end(name string, inc Incarnation) {
	if w := b.watcher(name); w != nil {
		w.end(inc)
	}
}

func (b *hub) watcher(name string) *watcher {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.watchers[name]
}

// pollHead looks for appends by other processes: soon after a change, and less
// and less often while there is none. Missing one costs a reader time, not data.
func (b *hub) pollHead(ctx context.Context, w *watcher) {
	interval := b.poll.Fast
	var last *Head
	for {
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return
		}
		h, err := b.head(w.onBehalf(ctx), w.name)
		if err != nil && !errors.Is(err, ErrNoHead) {
			continue
		}
		changed := h == nil || last == nil || h.Incarnation != last.Incarnation || h.Version != last.Version
		if changed {
			interval = b.poll.Fast
		} else {
			interval = min(interval+interval/2, max(b.poll.Fast, b.poll.Idle))
		}
		last = h
		w.update(h)
	}
}
