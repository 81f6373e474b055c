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
	head    *Head
	next    Offset
	// uncharge ends that the watcher's polls are counted for this reader.
	uncharge func()
}

// Follow starts to follow a stream from a position on, and returns the first page
// at once, even if it is empty. It renews a sliding TTL, once. It fails as
// [Log.Read] does. The follower must be closed.
func (l *Log) Follow(ctx context.Context, name string, from Position) (*Follower, *Page, error) {
	// Join before reading, so that no append falls between the two.
	f := &Follower{log: l, name: name, watcher: l.hub.join(name)}
	f.uncharge = f.watcher.charge(UsageOf(ctx))
	p, err := l.Read(ctx, name, from)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	f.head, f.next = p.Head, p.Next
	return f, p, nil
}

// Next returns the next page with records, or an empty one that tells that the
// stream was closed. It waits for that until ctx ends, and then fails with the
// context's error. It fails with [ErrNotFound] when the stream ends.
//
// All followers of a stream in this process share what they wait for.
func (f *Follower) Next(ctx context.Context) (*Page, error) {
	for {
		if f.next.Before(f.head.Tail) || f.head.Closed {
			p, err := f.log.readUnder(ctx, f.name, f.head, f.next, f.log.limits.PageSize, ahead{})
			if err != nil {
				return nil, err
			}
			f.head, f.next = p.Head, p.Next
			return p, nil
		}
		if err := f.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// wait returns when there is a newer head of the stream's life.
func (f *Follower) wait(ctx context.Context) error {
	waiting, cancel := f.untilDeadline(ctx)
	defer cancel()
	h, err := f.watcher.next(waiting, f.head)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if h == nil || err != nil || h.Incarnation != f.head.Incarnation {
		// Deleted, expired, or created again: what is stored decides.
		if h, err = f.log.Head(ctx, f.name); err != nil {
			return err
		}
		if h.Incarnation != f.head.Incarnation {
			return ErrNotFound
		}
		f.watcher.update(h)
	}
	if h.Deleted {
		return ErrGone
	}
	f.head = h
	return nil
}

// untilDeadline bounds ctx by the stream's deadline as far as it is known.
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
	f.uncharge()
	f.log.hub.leave(f.watcher)
}
