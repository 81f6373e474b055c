package protocol

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// longPoll serves GET with live=long-poll: what there is at once, and otherwise
// what comes within a while (section 5.7).
func (x *exchange) longPoll(q query) error {
	x.kind = liveLongPoll
	left, err := x.live()
	if err != nil {
		return err
	}
	defer left()
	page, err := x.poll(q.from)
	if err != nil {
		return err
	}
	h := x.w.Header()
	if !page.Closed() {
		h["Stream-Cursor"] = []string{formatCursor(x.cursor(q.cursor))}
	}
	switch {
	case page.Count == 0:
		x.place(page)
		h["Cache-Control"] = headerNoStore
		x.allowWrite()
		x.send(http.StatusNoContent, nil)
	case q.from.IsNow():
		x.sendPage(page, uncached)
	default:
		x.sendPage(page, x.keptCaching(page))
	}
	return nil
}

// poll returns the first page with records, or an empty one at the tail when the
// wait is over or the stream is closed.
func (x *exchange) poll(from stream.Position) (*stream.Page, error) {
	follower, page, err := x.log.Follow(x.r.Context(), x.name, from)
	if err != nil {
		return nil, err
	}
	defer follower.Close()
	if page.Count > 0 || page.Closed() {
		return page, nil
	}
	ctx, cancel := x.waiting(x.config.LongPollWait)
	defer cancel()
	next, err := follower.Next(ctx)
	switch {
	case err == nil:
		return next, nil
	case ctx.Err() == nil || errors.Is(err, stream.ErrNotFound):
		return nil, err
	case errors.Is(x.r.Context().Err(), context.Canceled):
		return nil, x.r.Context().Err()
	}
	// The wait is over. The reader stays where the first page was: whatever came
	// in this moment is for its next request.
	return page, nil
}

// answerTime is how long before the deadline of a request's context a live reader
// is answered, so that the answer still gets out.
const answerTime = time.Second

// waiting returns a context for a live reader: it ends after a while, with what the
// reader is granted, with the request, in good time before the request's own deadline
// if it has one, and when the handler shuts down.
func (x *exchange) waiting(while time.Duration) (context.Context, context.CancelFunc) {
	parent := x.r.Context()
	if deadline, ok := parent.Deadline(); ok {
		while = min(while, time.Until(deadline)-answerTime)
	}
	if ends := x.grant.Ends(); !ends.IsZero() {
		while = min(while, ends.Sub(x.config.Now()))
	}
	ctx, cancel := context.WithTimeout(parent, while)
	stop := context.AfterFunc(x.quit, cancel)
	return ctx, func() { stop(); cancel() }
}
