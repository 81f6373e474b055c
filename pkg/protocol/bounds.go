package protocol

import (
	"errors"
	"net/http"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Bounds are what a request may ask for at most. Zero values stand for the defaults,
// where there is one, and otherwise for no bound.
type Bounds struct {
	// Header is the size in bytes of the path, the query and all header fields together;
	// more is answered 431. Default: 32 KiB.
	Header int
	// Name is the longest stream id in bytes, decoded (400). Default, and at most:
	// [stream.MaxName].
	Name int
	// JSONDepth is how deep objects and arrays of one message may be in each other (400).
	// Default: 500.
	JSONDepth int
	// Messages is how many messages a JSON batch may have (413). Default: 100,000.
	Messages int
	// LiveReaders is how many long-polls and SSE responses there may be at a time in this
	// handler; more are answered 503, with Retry-After. Default: 10,000.
	LiveReaders int
	// Life is how long a stream may live: what Stream-TTL and Stream-Expires-At may say at
	// most. Then one of them must be given, but for forks, which inherit it (400).
	// Default: no bound.
	Life time.Duration
}

func (b Bounds) withDefaults() Bounds {
	for _, d := range []struct {
		value    *int
		standard int
	}{{&b.Header, 32 << 10}, {&b.Name, maxName}, {&b.JSONDepth, 500}, {&b.Messages, 100_000}, {&b.LiveReaders, 10_000}} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	b.Name = min(b.Name, maxName)
	return b
}

var (
	errHeaderTooLarge  = errors.New("the URL and the headers are too large together")
	errTooManyMessages = errors.New("the batch has too many messages: split it into several appends")
	errTooManyReaders  = errors.New("too many live readers are connected here: try again")
)

// checkSize refuses a request whose head is too large, before anything reads it.
func (b Bounds) checkSize(r *http.Request) error {
	size := len(r.URL.Path) + len(r.URL.RawQuery)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	if size > b.Header {
		return problem(errHeaderTooLarge, "the URL and the headers have %d bytes; at most %d are allowed", size, b.Header)
	}
	return nil
}

// checkLife refuses a stream that would live too long, at a time.
func (b Bounds) checkLife(c *stream.Create, now time.Time) error {
	if b.Life == 0 {
		return nil
	}
	switch {
	case c.HasTTL && c.TTL > b.Life:
		return problem(errBadHeader, "Stream-TTL is too long; at most %d seconds are allowed", b.Life/time.Second)
	case !c.ExpiresAt.IsZero() && c.ExpiresAt.Sub(now) > b.Life:
		return problem(errBadHeader, "Stream-Expires-At is too late; at most %d seconds from now are allowed", b.Life/time.Second)
	case !c.HasTTL && c.ExpiresAt.IsZero() && c.Fork == nil:
		return problem(errBadHeader, "streams do not live for ever here: send Stream-TTL, of at most %d seconds, or Stream-Expires-At", b.Life/time.Second)
	}
	return nil
}
