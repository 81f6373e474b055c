package protocol

import (
	"context"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// LiveReaders returns how many live requests there are at the moment. It is safe for concurrent use.
func (h *Handler) LiveReaders() int { return int(h.readers.Load()) }

// answerTime is how long before the deadline of a request's context a live reader
// is answered, so that the answer still gets out.
const answerTime = time.Second

// join counts a live reader, until left is called. It fails if there are too many.
func (x *exchange) join() (left func(), err error) {
	if x.readers.Add(1) > int64(x.config.Bounds.LiveReaders) {
		x.readers.Add(-1)
		return nil, errTooManyReaders
	}
	return func() { x.readers.Add(-1) }, nil
}

// waiting returns a context for a live reader: it ends after a while, with what the
// reader is granted, with the request, in good time before the request's own deadline
// if it has one, and when the handler shuts down.
func (x *exchange) waiting(while time.Duration) (context.Context, context.CancelFunc) {
	parent := x.ctx
	if deadline, ok := parent.Deadline(); ok {
		while = min(while, time.Until(deadline)-answerTime)
	}
	if ends := x.grant.Ends(); !ends.IsZero() {
		while = min(while, ends.Sub(x.config.Now()))
	}
	ctx, cancel := context.WithTimeout(parent, while)
	stop := context.AfterFunc(x.quit, cancel)
	x.live.Readers = int(x.readers.Load())
	return ctx, func() { stop(); cancel() }
}

// next waits for the next page, and notes how long that took. A page that a reader waited
// for, because he had all that there was, is late by the time since its append. It is told
// no more of the page before it, which would be held in memory until then.
func (x *exchange) next(ctx context.Context, f *stream.Follower, hadAll bool) (*stream.Page, error) {
	began := time.Now()
	p, err := f.Next(ctx)
	x.live.Waited += time.Since(began)
	if err == nil && p.Count > 0 && hadAll {
		x.live.Delivered++
		// The clocks of two processes may differ.
		x.live.Lag = max(x.live.Lag, x.config.Now().Sub(p.Head.UsedAt))
	}
	return p, err
}
