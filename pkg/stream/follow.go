package stream

import (
	"context"
	"time"
)

// Follower reads a stream onwards and waits for appends (PROTOCOL.md sections 5.7
// and 5.8). It belongs to one goroutine.
type Follower struct {
	log     *Log
	name    string
	watcher *watcher
	// head is the newest head that the follower has seen, and next where it is. pages are
	// those under that head, which it has in common with others.
	head  *Head
	next  Offset
	pages *pages
	// uncharge ends that what the watcher asks for is counted for this reader, and unkeep
	// that the stream's TTL is renewed for him.
	uncharge, unkeep func()
}

// Follow starts to follow a stream from a position on, and returns the first page
// at once, even if it is empty. It sees and costs what [Log.Read] does, and fails as that
// does; but those who come while the head is being read for others share the next read of
// it. The follower must be closed.
//
// Like a read, it renews a sliding TTL; and until the follower is closed, that is renewed
// again before the stream would end. Cost: about one read and one write for each TTL, for
// all followers of the stream in this process; less if others use it. If that cannot be
// done in time, the stream ends. It ends at the latest TTL and slack ([Config.Window])
// after the last follower was closed, and not before the TTL has passed since the last one
// began.
func (l *Log) Follow(ctx context.Context, name string, from Position) (*Follower, *Page, error) {
	// Join before reading, so that no append falls between the two.
	f := &Follower{log: l, name: name, watcher: l.hub.join(name), unkeep: func() {}}
	f.uncharge = f.watcher.charge(UsageOf(ctx))
	p, err := f.open(ctx, from)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, p, nil
}

// open reads the first page. Only who comes first reads ahead of the head: where others
// wait, they have what is new in common.
func (f *Follower) open(ctx context.Context, from Position) (*Page, error) {
	fetched, end := func(*Head) ahead { return ahead{} }, func() {}
	if f.watcher.view.Load().head == nil {
		fetched, end = f.log.readAhead(ctx, f.name, from)
	}
	defer end()
	h, err := f.watcher.opening.look(ctx, func() (*Head, error) { return f.log.use(ctx, f.name) })
	if err != nil {
		return nil, err
	}
	f.unkeep = f.log.keep(f.watcher, h)
	v := f.watcher.under(h)
	f.head, f.next, f.pages = v.head, from.in(v.head), v.pages
	return f.page(ctx, fetched(v.head))
}

// Next returns the next page with records, or an empty one that tells that the
// stream was closed. It waits for that until ctx ends, and then fails with the
// context's error. It fails with [ErrNotFound] or [ErrGone] when the stream ends, and with
// [ErrUnavailable] if the store does not say whether it has.
//
// All followers of a stream in this process share what they wait for: those who are at the
// same place get the same page, which was read once.
func (f *Follower) Next(ctx context.Context) (*Page, error) {
	for {
		if f.next.Before(f.head.Tail) || f.head.Closed {
			return f.page(ctx, ahead{})
		}
		if err := f.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// page returns the page at which the follower is. Some of it may be known already.
func (f *Follower) page(ctx context.Context, known ahead) (*Page, error) {
	p, err := f.pages.at(ctx, f.next, func() (*Page, error) {
		return f.log.readUnder(ctx, f.name, f.head, f.next, f.log.limits.PageSize, known)
	})
	if err != nil {
		return nil, err
	}
	f.head, f.next = p.Head, p.Next
	return p, nil
}

// wait returns when there is a newer head of the stream's life.
func (f *Follower) wait(ctx context.Context) error {
	waiting, cancel := f.untilDeadline(ctx)
	defer cancel()
	v, err := f.watcher.next(waiting, f.head)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || v.head.Incarnation != f.head.Incarnation {
		// Deleted, expired, or created again: what is stored decides.
		h, err := f.watcher.checking.look(ctx, func() (*Head, error) { return f.log.Head(ctx, f.name) })
		if err != nil {
			return err
		}
		if h.Incarnation != f.head.Incarnation {
			return ErrNotFound
		}
		v = f.watcher.under(h)
	}
	if v.head.Deleted {
		return ErrGone
	}
	f.head, f.pages = v.head, v.pages
	return nil
}

// untilDeadline bounds ctx by the stream's deadline as far as it is known. A sliding one
// moves before it is reached, unless the store is in trouble.
func (f *Follower) untilDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if f.head.Deadline.IsZero() {
		return ctx, func() {}
	}
	left := max(f.head.Deadline.Sub(f.log.now()), time.Millisecond)
	return context.WithTimeout(ctx, left)
}

// Head returns the newest head that the follower has seen.
func (f *Follower) Head() *Head { return f.head }

// Close releases what the follower holds.
func (f *Follower) Close() {
	f.unkeep()
	f.uncharge()
	f.log.hub.leave(f.watcher)
}
