//go:build unix

package frontdoor

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/httpresponse"
)

// URLOptions configure a function URL.
type URLOptions struct {
	Options
	// Buffered is the invoke mode BUFFERED; otherwise it is RESPONSE_STREAM.
	Buffered bool
	// LimitBandwidth slows a stream to 2 MB/s after its first 6 MB, as Lambda does.
	LimitBandwidth bool
}

// FunctionURL returns the function URL of a function, without authentication
// (auth type NONE).
//
// In the mode RESPONSE_STREAM each chunk is passed on when the function writes
// it. If the function fails before its response has begun, the client gets 502,
// also for a timeout; after that its connection is aborted. Above the
// function's concurrency limit it gets 429, with an event of more than 6 MB 413.
// What the function is told of the client's leaving: nothing.
func FunctionURL(f Function, o URLOptions) http.Handler {
	o.Options = o.Options.withDefaults()
	return &functionURL{f, o}
}

type functionURL struct {
	function Function
	options  URLOptions
}

func (u *functionURL) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := u.options.Now()
	id, trace := host.NewRequestID(), host.NewTraceID(now)
	w.Header().Set("X-Amzn-Requestid", id)
	w.Header().Set("X-Amzn-Trace-Id", trace)
	log := u.options.Logger.With("method", r.Method, "path", r.URL.Path, "request", id)

	body, err := readBody(r)
	if err != nil {
		u.refuse(w, log, err)
		return
	}
	payload := newEvent(r, body, id, trace, now).payload()
	if u.options.Buffered {
		u.buffered(w, r, log, payload)
		return
	}
	response, err := u.function.InvokeStream(detached(r), payload)
	if err != nil {
		u.refuse(w, log, err)
		return
	}
	defer response.Body.Close()
	u.stream(w, r, log, response)
}

// buffered invokes the function for one document.
func (u *functionURL) buffered(w http.ResponseWriter, r *http.Request, log *slog.Logger, payload []byte) {
	result, err := u.function.Invoke(detached(r), payload)
	var head httpresponse.Head
	var body []byte
	if err == nil {
		head, body, err = httpresponse.ParseBuffered(result)
	}
	if err != nil {
		u.refuse(w, log, err)
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

// stream relays a response as it is written.
func (u *functionURL) stream(w http.ResponseWriter, r *http.Request, log *slog.Logger, response *host.Response) {
	// What is not in the form of a streamed response is one all the same: bytes.
	head := httpresponse.Head{Status: http.StatusOK, Header: http.Header{}}
	body := io.Reader(response.Body)
	if response.ContentType == httpresponse.StreamContentType {
		var err error
		if head, body, err = httpresponse.ReadStream(response.Body); err != nil {
			u.refuse(w, log, err)
			return
		}
	} else if response.ContentType != "" {
		head.Header.Set("Content-Type", response.ContentType)
	}
	if head.Header.Get("Content-Type") == "" {
		head.Header.Set("Content-Type", "application/octet-stream")
	}
	setHeader(w.Header(), head.Header)
	w.WriteHeader(head.Status)
	out := &flushing{w: w, controller: http.NewResponseController(w)}
	if err := out.flush(); err != nil {
		return
	}
	to := io.Writer(out)
	switch {
	case !hasBody(r.Method, head.Status):
		to = io.Discard
	case u.options.LimitBandwidth:
		to = &paced{w: out, done: r.Context().Done()}
	}
	_, err := io.CopyBuffer(onlyWriter{to}, onlyReader{body}, make([]byte, 32<<10))
	switch {
	case err == nil:
	case out.broken:
		log.Debug("the client left", "error", err)
	default:
		log.Warn("response cut", "error", err)
		// What was sent cannot be taken back; an aborted connection tells the
		// client that the response is not whole.
		panic(http.ErrAbortHandler)
	}
}

// onlyReader and onlyWriter keep [io.CopyBuffer] from shortcuts that would collect bytes.
type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }

// flushing sends each write at once.
type flushing struct {
	w          io.Writer
	controller *http.ResponseController
	// broken is set when the client has left.
	broken bool
}

func (f *flushing) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		f.broken = true
		return n, err
	}
	return n, f.flush()
}

func (f *flushing) flush() error {
	err := f.controller.Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	f.broken = f.broken || err != nil
	return err
}

// refuse answers in the function's place, in the words of AWS. The cause goes to
// the log only.
func (u *functionURL) refuse(w http.ResponseWriter, log *slog.Logger, err error) {
	status, kind, message := http.StatusInternalServerError, "ServiceException", `{"Message":null}`
	switch {
	case errors.Is(err, host.ErrThrottled):
		status, kind = http.StatusTooManyRequests, "TooManyRequestsException"
		message = `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`
	case errors.Is(err, host.ErrRequestTooLarge):
		status, kind = http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException"
		message = fmt.Sprintf(`{"Message":"Request must be smaller than %d bytes for the InvokeFunction operation"}`, host.MaxRequest)
	case errors.Is(err, host.ErrClosed):
		status, kind = http.StatusServiceUnavailable, "ServiceUnavailableException"
	case errors.Is(err, errBody):
		status, kind = http.StatusBadRequest, "InvalidRequestContentException"
	case functionFailed(err), errors.Is(err, httpresponse.ErrMalformed):
		status, kind, message = http.StatusBadGateway, "", "Internal Server Error"
	}
	log.Warn("request failed", "status", status, "error", err)
	contentType := "application/json"
	if kind == "" {
		contentType = "text/plain"
	} else {
		w.Header().Set("X-Amzn-Errortype", kind)
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, message) // the client may be gone
}
