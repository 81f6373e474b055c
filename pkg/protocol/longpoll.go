package protocol

import (
	"context"
	"errors"
	"net/http"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// longPoll serves GET with live=long-poll: what there is at once, and otherwise
// what comes within a while (section 5.7).
func (x *exchange) longPoll(q query) error {
	x.kind = liveLongPoll
	left, err := x.join()
	if err != nil {
		return err
	}
	defer left()
	page, err := x.poll(q.from)
	if err != nil {
		return err
	}
	if !page.Closed() {
		x.set("Stream-Cursor", formatCursor(x.cursor(q.cursor, page.Next)))
	}
	switch {
	case page.Count == 0:
		x.place(page)
		x.w.Header()["Cache-Control"] = headerNoStore
		x.send(http.StatusNoContent, nil)
	case q.from.IsNow():
		x.sendPage(page, uncached)
	default:
		x.sendPage(page, x.liveCaching(page))
	}
	return nil
}

// poll returns the first page with records, or an empty one at the tail when the
// wait is over or the stream is closed.
func (x *exchange) poll(from stream.Position) (*stream.Page, error) {
	follower, page, err := x.log.Follow(x.ctx, x.name, from)
	if err != nil {
		return nil, err
	}
	defer follower.Close()
	if page.Count > 0 || page.Closed() {
		return page, nil
	}
	ctx, cancel := x.waiting(x.config.LongPollWait)
	defer cancel()
	next, err := x.next(ctx, follower, page.UpToDate())
	switch {
	case err == nil:
		return next, nil
	case ctx.Err() == nil || errors.Is(err, stream.ErrNotFound):
		return nil, err
	case errors.Is(x.ctx.Err(), context.Canceled):
		return nil, x.ctx.Err()
	}
	// The wait is over. The reader stays where the first page was: whatever came
	// in this moment is for its next request.
	return page, nil
}
