package protocol

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

var (
	headerEventStream = []string{"text/event-stream"}
	headerNoCache     = []string{"no-cache"}
	headerPrivate     = []string{"private, no-cache"}
	headerUnbuffered  = []string{"no"}
)

// sse serves GET with live=sse: a stream as server-sent events (section 5.8).
//
// Each page is one data event, followed at once by a control event that says
// where it ends; a page without records is a control event alone. The response
// ends after the configured lifetime, when the stream is closed or gone, when the
// reader stops reading, and on shutdown. If nothing is sent before it ends, it ends
// with the first records. There is nothing to say then: the last
// control event tells where to go on.
//
// Each data event of text ends with a whole character, as its reader decodes it by itself.
// For an append that only begins one there is no event to a reader who had all before it.
//
// An EventSource, which connects again by itself, goes on where it was ([lastEventID]).
func (x *exchange) sse(q query) error {
	x.kind = liveSSE
	last, again, err := lastEventID(x.r.Header)
	if err != nil {
		return err
	}
	if again {
		q.from = stream.At(last)
	}
	left, err := x.join()
	if err != nil {
		return err
	}
	defer left()
	follower, page, err := x.log.Follow(x.ctx, x.name, q.from)
	if err != nil {
		return err
	}
	defer follower.Close()
	if again && page.Count == 0 && page.Closed() {
		x.stopReconnecting(page)
		return nil
	}
	lifetime := x.config.SSELifetime
	if x.config.Buffered {
		lifetime = x.config.LongPollWait
	}
	ctx, cancel := x.waiting(lifetime)
	defer cancel()

	h := x.w.Header()
	h["Content-Type"] = headerEventStream
	h["Cache-Control"] = x.eventCaching()
	h["X-Accel-Buffering"] = headerUnbuffered // nginx would hold events back
	text := isText(page.Head.ContentType)
	if !text {
		h["Stream-Sse-Data-Encoding"] = headerBase64
	}
	x.send(http.StatusOK, nil)
	// The last event's time may be over when the server ends the response.
	defer x.allowWrite()

	cursor := x.cursor(q.cursor, page.Next)
	var characters stream.Characters
	hadAll := false // and was told so
	for {
		if text {
			page = characters.Whole(page)
		}
		// Within a response, too, cursors never go back.
		cursor = max(cursor, x.cursor("", page.Next))
		if page.Count > 0 || page.Closed() || !hadAll {
			x.cause = x.sendEvents(page, text, cursor)
		}
		if x.cause != nil || page.Closed() {
			return nil
		}
		if x.config.Buffered && page.Count > 0 {
			x.hold(ctx)
			return nil
		}
		hadAll = page.UpToDate()
		if page, err = x.next(ctx, follower, hadAll); err != nil {
			// The lifetime, the reader, the process or the stream has ended. Anything
			// else belongs into the log.
			if ctx.Err() == nil && !errors.Is(err, stream.ErrNotFound) {
				x.cause = err
			}
			return nil
		}
	}
}

// eventCaching is the Cache-Control of events.
func (x *exchange) eventCaching() []string {
	if x.grant.Shared(x.id) {
		return headerNoCache
	}
	return headerPrivate
}

// sendEvents writes the events of a page in one piece: a client that stops
// reading at the end of a data event has its control event with it.
func (x *exchange) sendEvents(p *stream.Page, text bool, cursor uint64) error {
	buf := buffers.Get().(*buffer)
	defer buf.free()
	buf.b = appendEvents(buf.b[:0], p, text, cursor)
	if err := x.write(buf.b); err != nil {
		return err
	}
	return x.flushAnswer()
}

// shortestSSE is how long a buffered SSE response lasts at least. The official client
// (0.2.7) counts connections of less than a second, and after three in a row it ends the
// reader's loop as if the stream were closed.
const shortestSSE = 1100 * time.Millisecond

// hold waits until a buffered SSE response has lasted long enough.
func (x *exchange) hold(ctx context.Context) {
	rest := time.NewTimer(shortestSSE - time.Since(x.start))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
	}
}
