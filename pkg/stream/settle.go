package stream

import (
	"context"
	"errors"
	"slices"
	"time"
)

// burnFor is how long a given-up attempt is kept from being applied. The driver
// contract bounds how late a write may still happen; this is far beyond it.
const burnFor = 10 * time.Minute

// maxBurned bounds the list of given-up attempts in a head.
const maxBurned = 16

// settleBlind finds out what became of a blind write that failed with err.
//
// If the write may have happened, the head is read. Either it remembers the
// commit, or it is certain that it has not happened so far; then its id is burned
// in the head, so that it cannot happen later either, and the group is judged
// anew. A batch whose appends all have producers needs no burning: their sequence
// numbers already keep it from being applied twice to one life.
//
// A refusal, too, may come from a head that remembers the commit: it was delivered twice,
// and this is the answer to the second time.
func (c *commit) settleBlind(ctx context.Context, b *Batch, err error) (CommitMark, *Head, error) {
	var refused *RefusedError
	unknown := !certain(err) && !errors.As(err, &refused)
	var h *Head
	if refused != nil {
		h = refused.Head
	}
	for attempt := 0; ; attempt++ {
		if unknown && h == nil {
			var readErr error
			if h, readErr = c.reread(ctx, attempt); readErr != nil {
				return CommitMark{}, nil, unsettled(err)
			}
		}
		if h != nil {
			if mark, applied := h.Remembers(b.ID); applied {
				return mark, h, nil
			}
		}
		switch {
		case !unknown:
			return CommitMark{}, nil, err
		case !b.aimedAt(h):
			// It may have happened in the life that it was for, or that there was then.
			return CommitMark{}, nil, unsettled(err)
		case idempotent(b):
			c.doubt = err
			return CommitMark{}, nil, &RefusedError{Head: h}
		case !covers(h, c.known) || len(h.Burned) >= maxBurned && c.now().Sub(h.Burned[0].At) < burnFor:
			return CommitMark{}, nil, unsettled(err)
		}
		next := h.burn(b.ID, c.now())
		burnErr := c.driver.Update(ctx, c.name, next)
		switch {
		case burnErr == nil:
			return CommitMark{}, nil, &RefusedError{Head: next}
		case errors.As(burnErr, &refused) && refused.Head != nil:
			h = refused.Head
		case errors.Is(burnErr, ErrRejected):
			return CommitMark{}, nil, unsettled(err)
		default:
			h = nil
		}
	}
}

// settleUpdate finds out what became of an update. Its condition is a version
// that never comes back, so it can be repeated as it is until the version has
// moved; then the head either remembers it or it will never happen.
func (c *commit) settleUpdate(ctx context.Context, next *Head, err error) (CommitMark, *Head, error) {
	// unknown is the first error that told nothing. Once there is one, no later
	// error says that the update was not applied.
	var unknown error
	for attempt := 0; ; attempt++ {
		if err == nil {
			return CommitMark{ID: c.id, Tail: next.Tail}, next, nil
		}
		var refused *RefusedError
		if errors.As(err, &refused) {
			h := refused.Head
			if h != nil {
				if mark, applied := h.Remembers(c.id); applied {
					return mark, h, nil
				}
			}
			if unknown != nil && (h == nil || !covers(h, c.known)) {
				return CommitMark{}, nil, unsettled(unknown)
			}
			return CommitMark{}, nil, err
		}
		switch {
		case unknown == nil && certain(err):
			return CommitMark{}, nil, err
		case errors.Is(err, ErrRejected):
			return CommitMark{}, nil, unsettled(unknown)
		case unknown == nil:
			unknown = err
		}
		if c.pause(ctx, attempt) != nil {
			return CommitMark{}, nil, unsettled(unknown)
		}
		err = c.driver.Update(ctx, c.name, next)
	}
}

// reread reads the head after a write whose outcome is unknown, with patience:
// whatever made the write fail may still last. A name without a head settles
// nothing, because the write may have come before the deletion.
func (c *commit) reread(ctx context.Context, attempt int) (*Head, error) {
	for {
		if err := c.pause(ctx, attempt); err != nil {
			return nil, err
		}
		h, err := c.driver.Head(ctx, c.name, Strong)
		if err == nil || errors.Is(err, ErrNoHead) || errors.Is(err, ErrRejected) {
			return h, err
		}
		attempt++
	}
}

// covers reports whether h remembers every commit since the head known before an
// attempt, so that an attempt that it does not remember was not applied. Without
// a known head it must remember every commit of the stream's life.
func covers(h, known *Head) bool {
	var before uint64
	if known != nil {
		if known.Incarnation != h.Incarnation {
			return false
		}
		before = known.Commits
	}
	return h.Commits <= before || h.Commits-before <= uint64(h.Remembered())
}

// idempotent reports whether every append of the batch has a producer, whose
// sequence number is accepted only once.
func idempotent(b *Batch) bool {
	return !slices.ContainsFunc(b.Appends, func(a *Append) bool { return a.Producer == nil })
}

// burn returns the head with a commit id that must not be applied any more.
func (h *Head) burn(id CommitID, now time.Time) *Head {
	next := h.Clone()
	next.Burned = slices.DeleteFunc(next.Burned, func(b Burned) bool { return now.Sub(b.At) >= burnFor })
	next.Burned = append(next.Burned, Burned{ID: id, At: now})
	next.Version++
	return next
}
