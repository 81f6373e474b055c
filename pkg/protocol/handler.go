package protocol

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Handler serves streams under /v1/stream/ (PROTOCOL.md section 5). Every other
// path is answered with 404. It routes by itself: a [http.ServeMux] in front of
// it must pass paths on as they came, so register it for "/" or "/v1/stream/" and
// be aware that the mux redirects paths that it would clean.
type Handler struct {
	log      *stream.Log
	config   Config
	encoder  *encoder
	quit     context.Context
	shutdown context.CancelFunc
	// readers counts the live ones.
	readers atomic.Int64
}

// Shutdown ends every live reader promptly, those that come later included, so
// that an [http.Server] can be shut down without waiting for them: long-polls
// are answered with what there is, SSE responses end, and their readers resume
// elsewhere. Nothing else is affected. It does not wait, and may be repeated.
func (h *Handler) Shutdown() { h.shutdown() }

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Handler: h, w: w, r: r, start: time.Now(), request: h.requestID(r)}
	x.ctx = stream.WithUsage(r.Context(), &x.usage)
	defer x.finish()
	x.common()
	if err := x.serve(); err != nil {
		x.fail(err)
	}
}

// exchange is one request and the response to it.
type exchange struct {
	*Handler
	w     http.ResponseWriter
	r     *http.Request
	start time.Time
	// ctx is the request's, and counts what is taken of the stores.
	ctx context.Context
	// request is what the request is called in the log.
	request string
	// usage counts what it takes of the stores, live how it waits for data.
	usage stream.Usage
	live  Live
	// grant is what the client may do; nobody before it is known.
	grant Grant
	// id is the stream's name as the client knows it, and name the one in storage, once
	// they have been parsed.
	id, name string
	// kind says what was asked for, more finely than the method does.
	kind string
	// values are those of the answer's headers.
	values []string
	room   [8]string
	// allowed is when the client was given time to take the answer.
	allowed time.Time
	// status is 0 until the response has begun; received and sent count the bodies' bytes.
	status         int
	received, sent int64
	// cause is why the response is an error, or ended early.
	cause error
}

// serve routes a request. An error means that nothing has been sent yet.
func (x *exchange) serve() error {
	path := x.r.URL.EscapedPath()
	if !strings.HasPrefix(path, pathPrefix) {
		return errNoRoute
	}
	if err := x.config.Bounds.checkSize(x.r); err != nil {
		return err
	}
	if x.r.Method == http.MethodOptions {
		return x.options()
	}
	if err := x.authorize(); err != nil {
		return err
	}
	route, offered := routes[x.r.Method]
	if !offered {
		return errMethod
	}
	id, err := parseName(path[len(pathPrefix):])
	if err != nil {
		return err
	}
	x.id, x.name = id, x.grant.Stored(id)
	if err := x.permit(route.right, id); err != nil {
		return err
	}
	return route.serve(x)
}

// routes says for each method which right it needs on the stream in its path, and what
// serves it.
var routes = map[string]struct {
	right Right
	serve func(*exchange) error
}{
	http.MethodGet:    {RightRead, (*exchange).read},
	http.MethodHead:   {RightRead, (*exchange).head},
	http.MethodPut:    {RightCreate, (*exchange).create},
	http.MethodPost:   {RightAppend, (*exchange).append},
	http.MethodDelete: {RightDelete, (*exchange).delete},
}

// send begins the response, and completes it unless more is to be streamed.
func (x *exchange) send(status int, body []byte) {
	x.status = status
	x.serverTiming()
	x.w.WriteHeader(status)
	if len(body) == 0 || x.r.Method == http.MethodHead {
		// Such an answer, too, waits for readers who take nothing.
		x.allowWrite()
		return
	}
	if err := x.write(body); err != nil {
		x.cause = err
	}
}

// maxPiece is how much is written under one deadline: a slow reader of a large page
// advances, and is not given up, as long as it takes a piece in time.
const maxPiece = 256 << 10

// write writes a part of the response's body, piece by piece.
func (x *exchange) write(body []byte) error {
	for piece := range slices.Chunk(body, maxPiece) {
		x.allowWrite()
		n, err := x.w.Write(piece)
		x.sent += int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

// allowWrite gives the reader time to take what is written next, whatever limit
// there was before. One that takes longer is given up, so that it does not hold
// the answer's memory for ever. Writers without deadlines have their own ways.
//
// A deadline is moved only when a sixteenth of it is over, by which it is later than it has
// to be: moving it costs a tenth of what sending an event does.
func (x *exchange) allowWrite() {
	now, slack := time.Now(), x.config.WriteStall/16
	if now.Sub(x.allowed) < slack {
		return
	}
	x.allowed = now
	_ = http.NewResponseController(x.w).SetWriteDeadline(now.Add(x.config.WriteStall + slack))
}

// finish ends every exchange: it contains panics, and writes the log line.
func (x *exchange) finish() {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler {
			panic(p)
		}
		x.config.Logger.LogAttrs(context.Background(), slog.LevelError, "panic",
			slog.String("method", x.r.Method), slog.String("stream", x.name), slog.String("request", x.request),
			slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		begun := x.status != 0
		if !begun {
			x.fail(errPanic)
		}
		x.cause = fmt.Errorf("panic: %v", p)
		x.report()
		if begun {
			// What was sent cannot be taken back; an aborted connection tells the
			// client that the response is not whole.
			panic(http.ErrAbortHandler)
		}
		return
	}
	x.report()
}

// flush moves a stream's buffer into chunks. It matters to nobody's answer, so
// it goes on if the client leaves, and a failure is only logged: a later append
// finds it due again.
func (x *exchange) flush(after stream.Appended) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.ctx), flushTimeout)
	defer cancel()
	if err := x.log.Flush(ctx, x.name, after); err != nil {
		x.config.Logger.LogAttrs(ctx, slog.LevelWarn, "flush failed",
			slog.String("stream", x.name), slog.String("request", x.request), slog.String("error", err.Error()))
	}
}

// flushTimeout bounds a flush: it holds up its connection's next request.
const flushTimeout = 10 * time.Second

// flushAnswer makes what was sent so far reach the client.
func (x *exchange) flushAnswer() error {
	err := http.NewResponseController(x.w).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
