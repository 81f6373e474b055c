package stream

import (
	"context"
	"errors"
	"time"
)

// maxCascade bounds how many sources one deletion takes with it. The collector goes on.
const maxCascade = 100

// release takes a fork that is over off its source. Where that was deleted before, and
// has no other fork, nobody needs it any more: it ends too, and is released in turn. It
// may be repeated and stop anywhere: what is left is done when the fork's data is
// collected, or by the sweep.
func (l *Log) release(ctx context.Context, fork, source Life) error {
	for range maxCascade {
		var h *Head
		err := l.retry(ctx, func() (err error) { h, err = l.driver.Release(ctx, source, fork); return err })
		if err != nil {
			return unavailable(err)
		}
		if h == nil || h.Forks > 0 || !h.Deleted {
			return nil
		}
		if _, err := l.remove(ctx, source.Name, h); err != nil {
			return err
		}
		if h.Origin == nil {
			return nil
		}
		fork, source = source, h.Origin.Source
	}
	return nil
}

// remove removes the head of a stream that is over and has no forks, unless somebody else
// was faster. Its data is owed from then on.
func (l *Log) remove(ctx context.Context, name string, h *Head) (removed bool, err error) {
	err = l.retry(ctx, func() error { return l.driver.Delete(ctx, name, h.Incarnation, h.ending()...) })
	var refused *RefusedError
	if errors.As(err, &refused) {
		return false, nil
	}
	if err != nil {
		return false, unavailable(err)
	}
	l.lives.forget(name)
	l.hub.end(name, h.Incarnation)
	l.noticed(name, h.ending())
	return true, nil
}

// gone says why a stream is no more for clients; nil if it is. One that was deleted, or
// has expired, while forks need its data is told from one that never was (PROTOCOL.md
// section 4.2, soft-delete).
func (h *Head) gone(now time.Time) error {
	switch {
	case h == nil:
		return ErrNotFound
	case h.Deleted || h.Expired(now) && h.Forks > 0:
		return ErrGone
	case h.Expired(now):
		return ErrNotFound
	default:
		return nil
	}
}
