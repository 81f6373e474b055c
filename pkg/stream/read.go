package stream

import (
	"context"
	"errors"
)

// rereads is how often a read starts again when data moved while it was looked
// for. Each time something else has made progress.
const rereads = 5

// Read returns a page of a stream from a position on (PROTOCOL.md section 5.6).
// It sees every append that was acknowledged before it began, and renews a
// sliding TTL. At [Now] the page is empty.
//
// It fails with [ErrNotFound], [ErrGone], [ErrBadOffset] or [ErrUnavailable]. Cost: one
// request near the tail, one more for each page's worth of chunks behind it; at the
// same time if this process has used the stream before. Where segments are in objects,
// one for their manifests instead, likewise, and one for each object.
func (l *Log) Read(ctx context.Context, name string, from Position) (*Page, error) {
	fetched, end := l.readAhead(ctx, name, from)
	defer end()
	h, err := l.use(ctx, name)
	if err != nil {
		return nil, err
	}
	return l.readUnder(ctx, name, h, from.in(h), l.limits.PageSize, fetched(h))
}

// use returns the head of a stream that is read now, after renewing its TTL if that is due.
func (l *Log) use(ctx context.Context, name string) (*Head, error) {
	h, err := l.Head(ctx, name)
	if err != nil {
		return nil, err
	}
	if h, err = l.renew(ctx, name, h, h.TTL); err != nil {
		return nil, err
	}
	l.lives.note(name, h, l.now())
	return h, nil
}

// readUnder reads a page of about max bytes under a head, or under a newer one of the same
// incarnation if the data has moved meanwhile. Some of it may be known already.
func (l *Log) readUnder(ctx context.Context, name string, h *Head, from Offset, max int, known ahead) (*Page, error) {
	inc := h.Incarnation
	var gap error
	for range rereads {
		p, err := l.page(ctx, name, h, from, max, known)
		if !errors.Is(err, errGap) {
			return p, err
		}
		gap, known = err, ahead{}
		if h, err = l.Head(ctx, name); err != nil {
			return nil, err
		}
		if h.Incarnation != inc {
			return nil, ErrNotFound
		}
	}
	return nil, unavailable(gap)
}
