package lambdahttp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// flushSize is how much is collected before it is sent without a flush. It is also
// what the runtime reads at once.
const flushSize = 32 << 10

// response implements [http.ResponseWriter], [http.Flusher] and [io.StringWriter], and
// for [http.ResponseController] Flush and SetWriteDeadline. Like net/http's it is
// for one goroutine at a time.
type response struct {
	request *http.Request
	log     *slog.Logger
	header  http.Header
	// final is the head as it was at WriteHeader. Its status is 0 before.
	final head
	// length is the declared Content-Length, -1 if there is none; written is how
	// much of it has been accepted.
	length, written int64
	// out collects what is written. It is made by the first write.
	out  *bufio.Writer
	body bodyWriter
	// head takes the head when it is to be sent, once.
	head  chan head
	begun bool
}

func newResponse(r *http.Request, b bodyWriter, log *slog.Logger) *response {
	return &response{request: r, log: log, header: make(http.Header), length: -1, body: b, head: make(chan head, 1)}
}

// Header implements [http.ResponseWriter]. Changes after WriteHeader have no effect.
func (w *response) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter]. The head is not sent before the first
// flush: it may still be replaced if the handler fails, and completed by sniffing.
func (w *response) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999:
		panic(fmt.Sprintf("lambdahttp: invalid status %d", status))
	case status < 200:
		return // a function URL has no informational responses
	case w.final.status != 0:
		w.warn("WriteHeader was called again")
		return
	}
	w.final = head{status, w.header.Clone()}
	if !bodyAllowed(status) {
		w.final.withoutBody()
	} else if declared := w.final.header.Get("Content-Length"); declared != "" {
		n, err := strconv.ParseInt(declared, 10, 64)
		if err != nil || n < 0 {
			w.warn("the Content-Length is not a number")
			w.final.header.Del("Content-Length")
			return
		}
		if w.length = n; n == 0 && w.mayFill(status) {
			w.final.header.Del("Content-Length") // see fill
		}
	}
}

func (w *response) warn(message string) {
	w.log.LogAttrs(context.WithoutCancel(w.request.Context()), slog.LevelWarn, message,
		slog.String("method", w.request.Method), slog.String("path", w.request.URL.Path))
}

// Write implements [http.ResponseWriter]. It fails once the runtime has stopped
// reading, or the write deadline has passed.
func (w *response) Write(p []byte) (int, error) {
	if err := w.accept(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	return w.out.Write(p)
}

// WriteString implements [io.StringWriter].
func (w *response) WriteString(s string) (int, error) {
	if err := w.accept(len(s)); err != nil || len(s) == 0 {
		return 0, err
	}
	return w.out.WriteString(s)
}

// accept checks that so many bytes may be written, and makes room for them.
func (w *response) accept(n int) error {
	if w.final.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case n == 0:
		return nil
	case w.request.Method == http.MethodHead || !bodyAllowed(w.final.status):
		return http.ErrBodyNotAllowed
	case w.length >= 0 && int64(n) > w.length-w.written:
		return http.ErrContentLength
	}
	w.written += int64(n)
	if w.out == nil {
		w.out = bufio.NewWriterSize(sink{w}, flushSize)
	}
	return nil
}

// sink is where collected bytes go.
type sink struct{ w *response }

func (s sink) Write(p []byte) (int, error) {
	s.w.begin(p)
	return s.w.body.Write(p)
}

// begin sends the head, unless it has been sent. The body's first bytes may be what
// tells the content type.
func (w *response) begin(first []byte) {
	if w.begun {
		return
	}
	w.begun = true
	if bodyAllowed(w.final.status) {
		w.final.sniff(first)
	}
	w.head <- w.final
}

// Flush implements [http.Flusher].
func (w *response) Flush() { _ = w.FlushError() }

// FlushError is Flush for [http.ResponseController]. When it returns, the runtime has
// got all that was written.
func (w *response) FlushError() error {
	if w.final.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	var err error
	if w.out != nil {
		err = w.out.Flush()
	}
	w.begin(nil)
	if w.length == 0 {
		err = errors.Join(err, w.fill())
	}
	return err
}

// filling is the body of a response that may have one and has none.
const filling = "\n"

// mayFill reports whether the body of a response with a status may be filled: what GET asks
// for is the body, and must stay empty if it is.
func (w *response) mayFill(status int) bool {
	return bodyAllowed(status) && w.request.Method != http.MethodHead && w.request.Method != http.MethodGet
}

// fill sends it. A function URL does not always end a streamed response whose body is
// empty: its client then waits for minutes (aws-lambda-go, issues 593 and 596).
func (w *response) fill() error {
	if w.written > 0 || !w.mayFill(w.final.status) {
		return nil
	}
	w.written = int64(len(filling))
	_, err := io.WriteString(w.body, filling)
	return err
}

// SetWriteDeadline is for [http.ResponseController]: a write fails if the runtime
// has not read it by then. What was not sent in time is lost, so the response is
// not whole.
func (w *response) SetWriteDeadline(t time.Time) error { return w.body.SetWriteDeadline(t) }

// end completes the response of a handler that has returned.
func (w *response) end() {
	var failure error
	switch err := w.FlushError(); {
	case err != nil:
		failure = errNotRead
	case w.length > w.written && w.request.Method != http.MethodHead:
		w.warn("the response is shorter than its Content-Length")
		failure = errShort
	case w.fill() != nil:
		failure = errNotRead
	}
	w.body.closeWith(failure)
}

// abort ends the response of a handler that has not returned. What was not sent is
// dropped; if that is all, there is room for an answer.
func (w *response) abort() {
	if w.begun {
		w.body.closeWith(errFailed)
		return
	}
	w.final, w.length, w.out = head{http.StatusInternalServerError, plainText()}, -1, nil
	_, _ = io.WriteString(w, errInternal.Error()+"\n") // HEAD takes no body
	w.end()
}
