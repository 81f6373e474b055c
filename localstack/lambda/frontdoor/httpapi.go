//go:build unix

package frontdoor

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/httpresponse"
)

// integrationTimeout is how long an HTTP API waits for a function, at most.
const integrationTimeout = 30 * time.Second

// HTTPAPI returns an HTTP API of API Gateway with one route, $default, to a
// function, in payload format 2.0. It is there to run functions that are written
// for one; as an emulation it goes no further than a function can tell.
//
// Two differences from a function URL concern functions: the path is decoded in
// rawPath too, and the header cookie is only in cookies.
func HTTPAPI(f Function, o Options) http.Handler {
	return &httpAPI{f, o.withDefaults()}
}

type httpAPI struct {
	function Function
	options  Options
}

func (a *httpAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := a.options.Now()
	id, trace := host.NewRequestID(), host.NewTraceID(now)
	w.Header().Set("Apigw-Requestid", id)
	log := a.options.Logger.With("method", r.Method, "path", r.URL.Path, "request", id)

	body, err := readBody(r)
	if err != nil {
		refuseAPI(w, log, err)
		return
	}
	e := newEvent(r, body, id, trace, now)
	e.RawPath = e.RequestContext.HTTP.Path
	delete(e.Headers, "cookie")
	ctx, cancel := context.WithTimeout(detached(r), integrationTimeout)
	defer cancel()
	result, err := a.function.Invoke(ctx, e.payload())
	var head httpresponse.Head
	if err == nil {
		head, body, err = httpresponse.ParseBuffered(result)
	}
	if err != nil {
		refuseAPI(w, log, err)
		return
	}
	setHeader(w.Header(), head.Header)
	if hasBody(r.Method, head.Status) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(head.Status)
	if hasBody(r.Method, head.Status) {
		_, _ = w.Write(body) // the client may be gone
	}
}

// refuseAPI answers in the function's place, in the words of API Gateway.
func refuseAPI(w http.ResponseWriter, log *slog.Logger, err error) {
	status, message := http.StatusInternalServerError, "Internal Server Error"
	switch {
	case errors.Is(err, host.ErrRequestTooLarge):
		status, message = http.StatusRequestEntityTooLarge, "Request Entity Too Large"
	case errors.Is(err, errBody):
		status, message = http.StatusBadRequest, "Bad Request"
	case errors.Is(err, host.ErrThrottled), errors.Is(err, host.ErrClosed), errors.Is(err, context.DeadlineExceeded):
		status, message = http.StatusServiceUnavailable, "Service Unavailable"
	}
	log.Warn("request failed", "status", status, "error", err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"message":"`+message+`"}`) // the client may be gone
}
