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

// Window is how long a stream with a sliding TTL lives after each use: the TTL and
// the slack that its deadline adds.
func (c Config) Window() time.Duration { return c.TTL + slack(c.TTL) }

// deadline is when a stream that is used at now ends; zero means never.
func (c Config) deadline(now time.Time) time.Time {
	if c.HasTTL {
		return now.Add(c.Window())
	}
	return truncate(c.ExpiresAt)
}

// Backstep is by how much a commit may move a deadline back, because its clock is
// behind another process's or because it was overtaken. It is no more than the
// slack of the shortest TTL. A blind write cannot compare, only bound.
const Backstep = 50 * time.Millisecond

// isAhead reports whether a commit at now would move a sliding deadline back by
// more than a Backstep.
func (h *Head) isAhead(now time.Time) bool {
	return h.HasTTL && h.deadline(now).Before(h.Deadline.Add(-Backstep))
}

// renew notes that the stream is used now. It moves the deadline of a sliding TTL,
// and moves it back by a Backstep at most.
func (h *Head) renew(now time.Time) {
	if h.isAhead(now) {
		return
	}
	h.UsedAt = now
	if h.HasTTL {
		h.Deadline = h.deadline(now)
	}
}

// renewalDue reports whether a sliding deadline leaves less than some time from now on. A
// read must leave the TTL, to keep the promise that the stream lives for that long after it.
func (h *Head) renewalDue(now time.Time, least time.Duration) bool {
	return h.HasTTL && h.Deadline.Before(now.Add(least))
}

// renew moves the deadline of a stream that is in use, if that leaves less than some time
// (sliding TTL, PROTOCOL.md section 5.1), and returns the head after it. It does not try any
// more once the stream would be over. Cost: nothing most of the time, one conditional write
// otherwise.
func (l *Log) renew(ctx context.Context, name string, h *Head, least time.Duration) (*Head, error) {
	for range maxAttempts {
		now := l.now()
		if !h.renewalDue(now, least) {
			return h, nil
		}
		next := h.Clone()
		next.renew(now)
		next.Version++
		err := l.renewWithin(ctx, name, next, h.Deadline.Sub(now))
		var refused *RefusedError
		switch {
		case err == nil:
			l.hub.announce(name, next)
			return next, nil
		case !errors.As(err, &refused):
			// Whether or not it was applied, who needs it must ask again.
			return nil, unavailable(err)
		case refused.Head.gone(now) != nil:
			return nil, refused.Head.gone(now)
		case refused.Head.Incarnation != h.Incarnation:
			return nil, ErrNotFound
		}
		h = refused.Head
	}
	return nil, unavailable(ErrNotApplied)
}

// renewWithin stores a renewed head, and gives up when no time is left of the old one: from
// then on others are told that the stream is over, and a repetition must not bring it back.
func (l *Log) renewWithin(ctx context.Context, name string, next *Head, left time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	return l.retry(ctx, func() error { return l.driver.Update(ctx, name, next) })
}
