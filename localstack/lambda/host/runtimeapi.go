//go:build unix

package host

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Headers and trailers of the runtime API.
const (
	headerRequestID    = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline     = "Lambda-Runtime-Deadline-Ms"
	headerARN          = "Lambda-Runtime-Invoked-Function-Arn"
	headerTrace        = "Lambda-Runtime-Trace-Id"
	headerResponseMode = "Lambda-Runtime-Function-Response-Mode"
	headerErrorType    = "Lambda-Runtime-Function-Error-Type"
	trailerErrorType   = "Lambda-Runtime-Function-Error-Type"
	trailerErrorBody   = "Lambda-Runtime-Function-Error-Body"
)

// maxErrorBody is more than any error report has.
const maxErrorBody = 1 << 20

// runtimeAPI serves the Lambda runtime API, version 2018-06-01, to the process.
// A mistake of the runtime is answered with the types that AWS's own emulator of
// this API uses.
func (p *process) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", p.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", p.serveResponse)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", p.serveError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", p.serveInitError)
	mux.HandleFunc("POST /2020-01-01/extension/register", p.serveRegister)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", p.serveEvent)
	return mux
}

// serveNext gives the process its next invocation, when there is one. By asking
// it declares that it is done with the one before.
func (p *process) serveNext(w http.ResponseWriter, r *http.Request) {
	if !p.poll() {
		refuseState(w, "the invocation before has no answer yet, or another request waits for the next")
		return
	}
	select {
	case inv := <-p.wake:
		p.mu.Lock()
		p.polling, p.delivered = false, true
		p.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set(headerRequestID, inv.id)
		h.Set(headerTrace, inv.trace)
		h.Set(headerARN, p.function.config.ARN())
		h.Set(headerDeadline, strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		_, _ = w.Write(inv.payload) // if it fails, the process is gone, or the timeout ends it
	case <-r.Context().Done():
		// The process ends, or asks again.
		p.mu.Lock()
		p.polling = false
		p.mu.Unlock()
	}
}

// poll finishes the current invocation and makes the process available. It
// reports false if the process may not ask now.
func (p *process) poll() bool {
	p.mu.Lock()
	inv, first := p.current, p.state == Starting
	if p.stop != nil || p.polling || inv != nil && p.delivered && !p.answered {
		p.mu.Unlock()
		return false
	}
	p.polling = true
	if inv != nil && !p.delivered {
		// A poll that broke off left it in wake.
		p.mu.Unlock()
		return true
	}
	p.current = nil
	p.stopTimers()
	if first {
		p.state = Busy
	}
	requests := p.requests
	p.mu.Unlock()
	switch {
	case first:
		close(p.ready)
	case inv != nil:
		p.function.release(p, requests)
		close(inv.finished)
	}
	return true
}

// serveResponse relays an answer as it is written. Runtimes announce a stream by
// [headerResponseMode]; aws-lambda-go does not, and streams all the same, so
// what counts is how the function was invoked.
func (p *process) serveResponse(w http.ResponseWriter, r *http.Request) {
	switch r.Header.Get(headerResponseMode) {
	case "", "buffered", "streaming":
	default:
		answerError(w, http.StatusBadRequest, "InvalidFunctionResponseMode", headerResponseMode+" is neither buffered nor streaming")
		return
	}
	inv := p.answering(w, r)
	if inv == nil {
		return
	}
	defer p.answeredNow(inv)
	out := inv.begin(p.number, r.Header.Get("Content-Type"))
	if out == nil {
		refuseState(w, "the invocation has ended")
		return
	}
	switch err := relay(out, r.Body, inv.limit); {
	case errors.Is(err, errTooLong):
		_ = out.CloseWithError(newFunctionError(TypeResponseTooLarge, "Response payload size exceeded maximum allowed payload size ("+strconv.FormatInt(inv.limit, 10)+" bytes)."))
		answerError(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the response is longer than "+strconv.FormatInt(inv.limit, 10)+" bytes")
		return
	case err != nil:
		// The process has died, or is about to: its end knows more than this error.
		timer := time.NewTimer(endGrace)
		defer timer.Stop()
		select {
		case <-inv.finished:
		case <-timer.C:
			p.function.count(func(s *Stats) { s.Crashes++ })
			p.kill(newFunctionError(TypeExit, "the runtime broke the response off"))
		}
		return
	}
	if kind := r.Trailer.Get(trailerErrorType); kind != "" {
		document, err := base64.StdEncoding.DecodeString(r.Trailer.Get(trailerErrorBody))
		if err != nil {
			document = nil
		}
		p.function.count(func(s *Stats) { s.Errors++ })
		_ = out.CloseWithError(reportedError(kind, document))
	} else {
		_ = out.Close()
	}
	accept(w)
}

// errTooLong says that a response passes its limit.
var errTooLong = errors.New("lambda host: response too long")

// relay copies a response, until the limit. If its reader leaves, the rest is read
// and dropped: the function is not told. An error is the source's, or errTooLong,
// and then all has been read too.
func relay(to io.Writer, from io.Reader, limit int64) error {
	var sink io.Writer = to
	var total int64
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		total += int64(n)
		if total > limit {
			sink = io.Discard
		}
		if n > 0 {
			if _, err := sink.Write(buffer[:n]); err != nil {
				sink = io.Discard
			}
		}
		switch {
		case err == io.EOF && total > limit:
			return errTooLong
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// serveError takes the report that an invocation failed. The process lives on,
// unless it chooses not to.
func (p *process) serveError(w http.ResponseWriter, r *http.Request) {
	inv := p.answering(w, r)
	if inv == nil {
		return
	}
	defer p.answeredNow(inv)
	document, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxErrorBody))
	if err != nil {
		document = nil
	}
	p.function.count(func(s *Stats) { s.Errors++ })
	inv.fail(reportedError(r.Header.Get(headerErrorType), document))
	accept(w)
}

// answering returns the current invocation if the request names it and it has no
// answer yet; otherwise it refuses the request and returns nil.
func (p *process) answering(w http.ResponseWriter, r *http.Request) *invocation {
	p.mu.Lock()
	inv, delivered := p.current, p.delivered
	p.mu.Unlock()
	if inv == nil || !delivered || r.PathValue("id") != inv.id {
		answerError(w, http.StatusBadRequest, "InvalidRequestID", "this process has no invocation of that id")
		return nil
	}
	if !inv.claim() {
		refuseState(w, "the invocation has an answer already")
		return nil
	}
	return inv
}

// answeredNow notes that the answer is complete: the next may be asked for.
func (p *process) answeredNow(inv *invocation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == inv {
		p.answered = true
	}
}

// serveInitError takes the report that the process cannot start.
func (p *process) serveInitError(w http.ResponseWriter, r *http.Request) {
	document, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxErrorBody))
	if err != nil {
		document = nil
	}
	p.mu.Lock()
	early := p.state == Starting && p.initError == nil
	if early {
		p.initError = reportedError(r.Header.Get(headerErrorType), document)
	}
	p.mu.Unlock()
	if !early {
		refuseState(w, "the init has ended")
		return
	}
	accept(w)
	close(p.initFailed)
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`) // the runtime may be gone
}

func refuseState(w http.ResponseWriter, message string) {
	answerError(w, http.StatusForbidden, "InvalidStateTransition", message)
}

func answerError(w http.ResponseWriter, status int, kind, message string) {
	document, _ := json.Marshal(errorDocument{Message: message, Type: kind}) // strings always marshal
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(document) // the runtime may be gone
}
