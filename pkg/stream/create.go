package stream

import (
	"context"
	"errors"
	"time"
)

// Create is a request to create a stream (PROTOCOL.md section 5.1).
//
// Forks (section 4.2) will be a further field here, naming the source and the
// offset; the rest of a create does not change.
type Create struct {
	Config
	// Records are the stream's first content.
	Records Records
	// Closed creates the stream closed.
	Closed bool
}

// createWithin is how long after staging its content a stream may still be created: far
// less than what nothing links is kept for (litterAfter), whatever the clocks are.
const createWithin = 10 * time.Minute

// Create creates a stream, or finds that it exists as asked for. It returns the
// head, and whether it is new. It fails with [ErrConfigMismatch], without effect;
// with [ErrUnavailable], without effect; or with [ErrUnsettled]. Cost: one
// conditional write, and another one to replace an expired stream.
func (l *Log) Create(ctx context.Context, name string, c *Create) (h *Head, created bool, err error) {
	ctx, cancel := l.writing(ctx)
	defer cancel()
	fresh, err := l.fresh(ctx, name, c)
	if err != nil {
		return nil, false, err
	}
	var replaced *Head
	// doubt is why an attempt may have been applied.
	var doubt error
	for range maxAttempts {
		if len(fresh.Buffer) > 0 && fresh.Buffer[0].Staged != (StagedID{}) && l.now().Sub(fresh.CreatedAt) > createWithin {
			// We slept. What was staged may be litter to the sweep by now.
			if doubt != nil {
				return nil, false, unsettled(doubt)
			}
			return nil, false, unavailable(ErrNotApplied)
		}
		err := l.retry(ctx, func() error { return l.driver.Create(ctx, name, fresh, replaced) })
		var refused *RefusedError
		switch {
		case err == nil:
			l.lives.forget(name)
			l.hub.announce(name, fresh)
			if fresh.Ended {
				l.ended(name)
			}
			return fresh, true, nil
		case errors.As(err, &refused):
		case certain(err):
			return nil, false, unavailable(err)
		default:
			doubt = err
			// The outcome is unknown: what is stored now tells. If that is nothing,
			// asking once more is safe, as the same head cannot be created twice.
			stored, readErr := l.driver.Head(ctx, name, Strong)
			if readErr != nil && !errors.Is(readErr, ErrNoHead) {
				return nil, false, unsettled(err)
			}
			refused = &RefusedError{Head: stored}
		}
		switch h := refused.Head; {
		case h == nil:
			replaced = nil
		case h.Incarnation == fresh.Incarnation:
			return fresh, true, nil
		case h.Expired(l.now()):
			replaced = h
		case h.Config.matches(fresh.Config) && h.Closed == c.Closed:
			h, err := l.renew(ctx, name, h)
			if errors.Is(err, ErrNotFound) {
				// It ended between our two requests: ask again.
				replaced = nil
				continue
			}
			return h, false, err
		default:
			return nil, false, ErrConfigMismatch
		}
	}
	return nil, false, unavailable(ErrNotApplied)
}

// fresh returns the head of a new stream, after staging content that is too large
// for its buffer. A crash then leaves items of a life that never began.
func (l *Log) fresh(ctx context.Context, name string, c *Create) (*Head, error) {
	now := l.now()
	h := &Head{
		Incarnation: l.newIncarnation(),
		Config:      c.Config,
		CreatedAt:   now,
		Deadline:    c.deadline(now),
	}
	h.ExpiresAt = truncate(h.ExpiresAt)
	a := &Append{ContentType: c.ContentType, Records: c.Records, Close: c.Closed}
	b := &Batch{ID: l.newCommitID(), Appends: []*Append{a}, Now: now}
	if a.staged(l.limits) {
		entries, err := l.stage(ctx, h.Life(name), a)
		if err != nil {
			return nil, unavailable(err)
		}
		b.Staged = entries
	}
	h.note(a, now, l.limits)
	h.add(b, l.limits)
	return h, nil
}

// truncate cuts a time to what stores keep.
func truncate(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}
