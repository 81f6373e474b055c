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
	for range maxAttempts {
		err := l.retry(ctx, func() error { return l.driver.Create(ctx, name, fresh, replaced) })
		var refused *RefusedError
		switch {
		case err == nil:
			l.created(name, fresh)
			return fresh, true, nil
		case errors.As(err, &refused):
		case certain(err):
			return nil, false, unavailable(err)
		default:
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
			l.created(name, fresh)
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

// created tells who needs to know that a stream was created.
func (l *Log) created(name string, fresh *Head) {
	l.lives.forget(name)
	l.hub.announce(name, fresh)
	if fresh.Ended {
		l.ended(name)
	}
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
