package stream

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// errGone says that a watched name lost its head.
var errGone = errors.New("stream: head is gone")

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

// watcher holds the newest head that was announced since it exists.
type watcher struct {
	name string
	refs int // guarded by hub.mu
	stop context.CancelFunc

	mu   sync.Mutex
	head *Head
	gone bool
	// ended is a life that is over: what is announced of it from then on is late.
	ended Incarnation
	// wake is closed, and replaced, when head or gone changes.
	wake chan struct{}
	// charged are the usages of those who wait, in the order in which they came.
	charged []*Usage
}

// join returns the stream's watcher. Every join is paired with a leave.
func (b *hub) join(name string) *watcher {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.watchers[name]
	if w == nil {
		ctx, stop := context.WithCancel(context.Background())
		w = &watcher{name: name, stop: stop, wake: make(chan struct{})}
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
		w.mu.Lock()
		w.ended = inc
		w.mu.Unlock()
		w.update(nil)
	}
}

func (b *hub) watcher(name string) *watcher {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.watchers[name]
}

// update keeps h unless a newer head is known, and wakes those who wait. No head
// means that there is none now.
func (w *watcher) update(h *Head) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case h == nil && w.gone, h != nil && h.Incarnation == w.ended:
		return
	case h != nil && w.head != nil && w.head.Incarnation == h.Incarnation && w.head.Version >= h.Version:
		return
	}
	w.gone = h == nil
	w.head = h
	close(w.wake)
	w.wake = make(chan struct{})
}

// next waits for a head other than seen, and newer if it is of the same
// incarnation. It fails with errGone if the head was removed, and with the
// context's error.
func (w *watcher) next(ctx context.Context, seen *Head) (*Head, error) {
	for {
		w.mu.Lock()
		h, gone, wake := w.head, w.gone, w.wake
		w.mu.Unlock()
		switch {
		case gone:
			return nil, errGone
		case h != nil && (h.Incarnation != seen.Incarnation || h.Version > seen.Version):
			return h, nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// charge has polls counted in the usage of one who waits, as long as nobody waits who came
// before. The result ends it.
func (w *watcher) charge(u *Usage) (end func()) {
	if u == nil {
		return func() {}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.charged = append(w.charged, u)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.charged = slices.DeleteFunc(w.charged, func(c *Usage) bool { return c == u })
	}
}

// polling is the context of the watcher's next poll.
func (w *watcher) polling(ctx context.Context) context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.charged) == 0 {
		return ctx
	}
	return WithUsage(ctx, w.charged[0])
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
		h, err := b.head(w.polling(ctx), w.name)
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
