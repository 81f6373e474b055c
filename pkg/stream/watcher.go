package stream

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// errGone says that a watched name lost its head.
var errGone = errors.New("stream: head is gone")

// watcher tells all who wait for a stream in this process of the newest head that was
// announced since it exists. What they fetch of the store, they fetch together, so that
// what a stream costs does not depend on how many wait for it.
type watcher struct {
	name string
	refs int // guarded by hub.mu
	stop context.CancelFunc

	// view is read without a lock: thousands of readers do so at the same time.
	view atomic.Pointer[view]
	// opening is how followers begin, and checking how they find out whether the stream
	// is over.
	opening, checking looks

	mu sync.Mutex
	// ended is a life that is over: what is announced of it from then on is late.
	ended Incarnation
	// charged are the usages of those who wait, in the order in which they came.
	charged list.List
	// keepers renew the TTL of the lives that somebody follows.
	keepers map[Incarnation]*keeper
}

// view is what a watcher knows at a moment.
type view struct {
	head *Head
	gone bool
	// wake is closed when there is a view with news.
	wake chan struct{}
	// pages are those under the head, or under one with the same records.
	pages *pages
}

func newWatcher(name string, stop context.CancelFunc) *watcher {
	w := &watcher{name: name, stop: stop}
	w.view.Store(&view{wake: make(chan struct{}), pages: new(pages)})
	return w
}

// end notes that a life is certainly over.
func (w *watcher) end(inc Incarnation) {
	w.mu.Lock()
	w.ended = inc
	w.mu.Unlock()
	w.update(nil)
}

// update keeps h unless a newer head is known, and wakes those who wait if it is news for
// them. No head means that there is none now.
func (w *watcher) update(h *Head) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.view.Load()
	switch {
	case h == nil && old.gone, h != nil && h.Incarnation == w.ended:
		return
	case h != nil && old.head != nil && old.head.Incarnation == h.Incarnation && old.head.Version >= h.Version:
		return
	}
	next := &view{head: h, gone: h == nil, wake: old.wake, pages: old.pages}
	news := h == nil || old.head == nil || h.isNewsAfter(old.head)
	if news {
		next.wake, next.pages = make(chan struct{}), new(pages)
	}
	w.view.Store(next)
	if news {
		close(old.wake)
	}
}

// isNewsAfter reports whether h tells those who wait more than an older head: of records,
// or of the stream's end. That records moved from its buffer to chunks, or from there to
// objects, is nothing to wake a thousand readers for.
func (h *Head) isNewsAfter(old *Head) bool {
	return h.Incarnation != old.Incarnation || h.Tail != old.Tail || h.Closed != old.Closed ||
		h.Deleted != old.Deleted || !h.Deadline.Equal(old.Deadline)
}

// next waits for a head other than seen, and newer if it is of the same
// incarnation. It fails with errGone if the head was removed, and with the
// context's error.
func (w *watcher) next(ctx context.Context, seen *Head) (*view, error) {
	for {
		v := w.view.Load()
		switch {
		case v.gone:
			return nil, errGone
		case v.head != nil && (v.head.Incarnation != seen.Incarnation || v.head.Version > seen.Version):
			return v, nil
		}
		select {
		case <-v.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// under returns the view of a head that was just read, or of a newer one of its life.
func (w *watcher) under(h *Head) *view {
	if v := w.view.Load(); v.covers(h) {
		return v
	}
	w.update(h)
	if v := w.view.Load(); v.covers(h) {
		return v
	}
	return &view{head: h, pages: new(pages)}
}

// covers reports whether the view is of a head's life, and of that head or a newer one.
func (v *view) covers(h *Head) bool {
	return v.head != nil && v.head.Incarnation == h.Incarnation && v.head.Version >= h.Version
}

// charge has polls and renewals counted in the usage of one who waits, as long as nobody
// waits who came before. The result ends it.
func (w *watcher) charge(u *Usage) (end func()) {
	if u == nil {
		return func() {}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	place := w.charged.PushBack(u)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.charged.Remove(place)
	}
}

// onBehalf is the context of the next request that is for all who wait.
func (w *watcher) onBehalf(ctx context.Context) context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	if first := w.charged.Front(); first != nil {
		return WithUsage(ctx, first.Value.(*Usage))
	}
	return ctx
}
