package admin

import (
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// query is what the query of a list says.
type query struct {
	prefix string
	// cursor is the client's, unchecked; empty means the beginning.
	cursor string
	limit  int
}

func parseQuery(raw string) (query, error) {
	q := query{limit: defaultLimit}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, problem(errBadQuery, "the query is not encoded correctly")
	}
	for name, given := range values {
		if len(given) > 1 {
			return q, problem(errBadQuery, "a parameter is given several times: send it once")
		}
		value := given[0]
		switch name {
		case "prefix":
			if len(value) > stream.MaxName || !utf8.ValidString(value) {
				return q, problem(errBadQuery, "prefix must be UTF-8 of at most "+strconv.Itoa(stream.MaxName)+" bytes: no stream's name is longer")
			}
			q.prefix = value
		case "cursor":
			if value == "" {
				return q, problem(errBadQuery, "cursor is empty: send next of the answer before, or leave it out to begin")
			}
			q.cursor = value
		case "limit":
			if q.limit, err = strconv.Atoi(value); err != nil || q.limit < 1 || q.limit > maxLimit {
				return q, problem(errBadQuery, "limit must be a number from 1 to "+strconv.Itoa(maxLimit))
			}
		default:
			return q, problem(errBadQuery, "there is an unknown parameter: use prefix, cursor and limit only")
		}
	}
	return q, nil
}
