package protocol

import (
	"net/http"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// lastEventID reads Last-Event-ID, by which the EventSource of a browser goes on when it
// connects again, as it cannot change the offset in its URL: the id of the last control event
// that it got (HTML, section 9.2). The protocol has no such header; section 11.1 allows it.
// An empty one counts as absent.
func lastEventID(h http.Header) (at stream.Offset, present bool, err error) {
	id, _, err := one(h, "Last-Event-Id")
	if err != nil || id == "" {
		return stream.Offset{}, false, err
	}
	if at, err = stream.ParseOffset(id); err != nil {
		return stream.Offset{}, false, problem(errBadHeader, "Last-Event-ID is not valid: send the id of a control event of this stream, or none")
	}
	return at, true, nil
}

// stopReconnecting answers an EventSource that has all of a closed stream: 204 is what makes
// it stop (HTML, section 9.2). It would ask for the end of the stream for ever otherwise.
func (x *exchange) stopReconnecting(p *stream.Page) {
	x.place(p)
	x.w.Header()["Cache-Control"] = headerNoStore
	x.send(http.StatusNoContent, nil)
}
