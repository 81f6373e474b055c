package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// answerLimit is how long a request may take before it counts as failed; one of a live
// reader, whose answer takes time, may take liveLimit.
const (
	answerLimit = 30 * time.Second
	liveLimit   = 2 * time.Minute
)

// statusError is an answer that was not expected.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d: %.100s", e.status, e.text) }

// missing says that an answer was that there is no such stream, or none to fork.
func missing(err error) bool {
	e, ok := errors.AsType[*statusError](err)
	return ok && (e.status == http.StatusNotFound || e.status == http.StatusGone || e.status == http.StatusConflict)
}

// response is an answer that was read to its end.
type response struct {
	header http.Header
	status int
	body   []byte
}

// next is where a reader goes on.
func (r response) next() string { return r.header.Get("Stream-Next-Offset") }

// upToDate says that there is no more for now, closed that there never will be.
func (r response) upToDate() bool { return r.header.Get("Stream-Up-To-Date") == "true" }
func (r response) closed() bool   { return r.header.Get("Stream-Closed") == "true" }

// headers is a short way to write some.
type headers map[string]string

// ask makes a request and reads its answer. An answer that is not 2xx is a *statusError.
func (l *load) ask(ctx context.Context, method, url string, body []byte, h headers) (response, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return response{}, err
	}
	for name, value := range h {
		r.Header.Set(name, value)
	}
	answer, err := l.client.Do(r)
	if err != nil {
		return response{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return response{}, err
	}
	if answer.StatusCode/100 != 2 {
		return response{}, &statusError{answer.StatusCode, string(text)}
	}
	return response{answer.Header, answer.StatusCode, text}, nil
}

// timed makes a request of a kind, which was due at a time, and notes how it went. That a
// stream is missing once it is over is no failure.
func (l *load) timed(ctx context.Context, kind string, of *life, due time.Time, method, url string, body []byte, h headers) (response, error) {
	limited, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	answer, err := l.ask(limited, method, url, body, h)
	switch {
	case err == nil:
		l.record.done(kind, due)
	case ctx.Err() != nil || missing(err) && of.isOver():
	default:
		l.record.failed(kind, err)
	}
	return answer, err
}
