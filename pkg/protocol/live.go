package protocol

import (
	"context"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// LiveReaders returns how many requests wait for data at the moment, or are being sent
// it. It is safe for concurrent use.
func (h *Handler) LiveReaders() int { return int(h.readers.Load()) }

// answerTime is how long before the deadline of a request's context a live reader
// is answered, so that the answer still gets out.
const answerTime = time.Second

// waiting returns a context for a live reader: it ends after a while, with the
// request, in good time before the request's own deadline if it has one, and when
// the handler shuts down.
func (x *exchange) waiting(while time.Duration) (context.Context, context.CancelFunc) {
	parent := x.r.Context()
	if deadline, ok := parent.Deadline(); ok {
		while = min(while, time.Until(deadline)-answerTime)
	}
	ctx, cancel := context.WithTimeout(parent, while)
	stop := context.AfterFunc(x.quit, cancel)
	x.live.Readers = int(x.readers.Add(1))
	return ctx, func() { x.readers.Add(-1); stop(); cancel() }
}

// next waits for the page after one, and notes how long that took. A page that a reader
// waited for, because it had all that there was, is late by the time since its append.
func (x *exchange) next(ctx context.Context, f *stream.Follower, after *stream.Page) (*stream.Page, error) {
	began := time.Now()
	p, err := f.Next(ctx)
	x.live.Waited += time.Since(began)
	if err == nil && p.Count > 0 && after.UpToDate() {
		x.live.Delivered++
		// The clocks of two processes may differ.
		x.live.Lag = max(x.live.Lag, x.config.Now().Sub(p.Head.UsedAt))
	}
	return p, err
}
