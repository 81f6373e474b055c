package protocol

import (
	"net/url"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Values of the query parameter "live".
const (
	liveLongPoll = "long-poll"
	liveSSE      = "sse"
)

// query is what the query of a read says (sections 5.6 to 5.8). Parameters that
// it does not know are ignored.
type query struct {
	from stream.Position
	// live is empty for a catch-up read.
	live string
	// cursor is the client's, unchecked.
	cursor string
}

func parseQuery(raw string) (query, error) {
	if raw == "" {
		return query{}, nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, problem(errBadQuery, "the query is not encoded correctly")
	}
	var q query
	offsets, lives := values["offset"], values["live"]
	switch len(offsets) {
	case 0:
	case 1:
		if q.from, err = stream.ParsePosition(offsets[0]); err != nil {
			return query{}, problem(errBadQuery, `the offset is not valid: send a Stream-Next-Offset of this stream, "-1" or "now"`)
		}
	default:
		return query{}, problem(errBadQuery, "offset is given %d times; send it once", len(offsets))
	}
	switch {
	case len(lives) == 0:
	case len(lives) > 1:
		return query{}, problem(errBadQuery, "live is given %d times; send it once", len(lives))
	case lives[0] != liveLongPoll && lives[0] != liveSSE:
		return query{}, problem(errBadQuery, `live must be "long-poll" or "sse"; leave it out for a catch-up read`)
	case len(offsets) == 0:
		return query{}, problem(errBadQuery, `a live read needs an offset: send a Stream-Next-Offset, "-1" or "now"`)
	default:
		q.live = lives[0]
	}
	q.cursor = values.Get("cursor")
	return q, nil
}
