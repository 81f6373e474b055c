package stream

import (
	"context"
	"errors"
	"time"
)

// maxSlack bounds how much longer than its TTL an idle stream may live.
const maxSlack = time.Minute

// slack is the part of a TTL that a deadline adds to it, so that reads need not
// renew it every time: a stream that was just renewed is renewed again only once
// the slack is used up. A stream never ends early, and late by at most 5 % of its
// TTL and one minute.
func slack(ttl time.Duration) time.Duration { return min(ttl/20, maxSlack) }

// deadline is when a stream that is used at now ends; zero means never.
func (c Config) deadline(now time.Time) time.Time {
	if c.HasTTL {
		return now.Add(c.TTL + slack(c.TTL))
	}
	return truncate(c.ExpiresAt)
}

// renew moves the deadline of a sliding TTL. It never moves it back: clocks of
// different processes may differ.
func (h *Head) renew(now time.Time) {
	if d := h.deadline(now); h.HasTTL && d.After(h.Deadline) {
		h.Deadline = d
	}
}

// renewalDue reports whether a read at now must renew the deadline to keep the
// promise that the stream lives for its TTL from now.
func (h *Head) renewalDue(now time.Time) bool {
	return h.HasTTL && h.Deadline.Before(now.Add(h.TTL))
}

// renew moves the deadline of a stream that was just read, if it is due (sliding
// TTL, PROTOCOL.md section 5.1), and returns the head after it. Cost: nothing
// most of the time, one conditional write otherwise.
func (l *Log) renew(ctx context.Context, name string, h *Head) (*Head, error) {
	for range maxAttempts {
		now := l.now()
		if !h.renewalDue(now) {
			return h, nil
		}
		next := h.Clone()
		next.renew(now)
		next.Version++
		err := l.retry(ctx, func() error { return l.driver.Update(ctx, name, next) })
		var refused *RefusedError
		switch {
		case err == nil:
			l.hub.announce(name, next)
			return next, nil
		case !errors.As(err, &refused):
			// Whether or not it was applied, the reader must ask again.
			return nil, unavailable(err)
		case refused.Head == nil || refused.Head.Incarnation != h.Incarnation || refused.Head.Expired(now):
			return nil, ErrNotFound
		}
		h = refused.Head
	}
	return nil, unavailable(ErrNotApplied)
}
