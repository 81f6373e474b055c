package stream

import (
	"context"
	"errors"
)

// Delete ends a stream (PROTOCOL.md sections 5.4 and 4.2). Its data is discarded later,
// by [Log.Collect]. While forks need the data, the stream is only gone for clients. It
// fails with [ErrNotFound], [ErrGone], [ErrReadOnly], [ErrUnavailable] or [ErrUnsettled]. Cost: one read
// and one write; for a fork a transaction of two items more, and again for each source
// that nobody needs any more.
func (l *Log) Delete(ctx context.Context, name string) error {
	if l.registry.Is(name) {
		return ErrReadOnly
	}
	ctx, cancel := l.writing(ctx)
	defer cancel()
	h, err := l.driver.Head(ctx, name, Strong)
	for range maxAttempts {
		if errors.Is(err, ErrNoHead) || h == nil && err == nil {
			return ErrNotFound
		}
		if err != nil {
			return unavailable(err)
		}
		if gone := h.gone(l.now()); gone != nil {
			// What has expired is removed by the sweep, with a margin: by another clock
			// somebody may be renewing it at this moment.
			return gone
		}
		refused, err := l.delete(ctx, name, h)
		if refused != nil && refused.Head != nil && refused.Head.Incarnation == h.Incarnation {
			h = refused.Head // it was forked, or used, meanwhile
			continue
		}
		if refused != nil {
			// Somebody else deleted this life between our two requests.
			return ErrNotFound
		}
		return err
	}
	return unavailable(ErrNotApplied)
}

// delete makes one attempt to end a life.
func (l *Log) delete(ctx context.Context, name string, h *Head) (refused *RefusedError, err error) {
	next := h.Clone()
	next.Deleted = true
	next.Version++
	err = l.retry(ctx, func() error {
		if h.Forks > 0 {
			return l.driver.Update(ctx, name, next, h.ending()...)
		}
		return l.driver.Delete(ctx, name, h.Incarnation, h.ending()...)
	})
	l.lives.forget(name)
	switch {
	case errors.As(err, &refused) && refused.Head != nil && refused.Head.Incarnation == h.Incarnation:
		return refused, nil
	case err == nil || refused != nil:
		l.hub.end(name, h.Incarnation)
	default:
		l.hub.announce(name, nil)
	}
	switch {
	case refused != nil:
		return refused, nil
	case certain(err):
		return nil, unavailable(err)
	case err != nil && !l.isOver(ctx, name, h):
		return nil, unsettled(err)
	}
	l.noticed(name, h.ending())
	if h.Origin != nil && h.Forks == 0 {
		// What fails here is done when its data is collected.
		_ = l.release(ctx, h.Life(name), h.Origin.Source)
	}
	return nil, nil
}

// isOver reports whether a life has certainly ended.
func (l *Log) isOver(ctx context.Context, name string, h *Head) bool {
	now, err := l.driver.Head(ctx, name, Strong)
	return errors.Is(err, ErrNoHead) || err == nil && (now.Incarnation != h.Incarnation || now.Deleted)
}
