package protocol

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Request is what became of one request, in numbers.
type Request struct {
	// Kind is what was asked for: create, append, append-close, close, catch-up,
	// long-poll, sse, head, delete or preflight; empty if that is not known.
	Kind string
	// Status is that of the answer. 499 means that the client left before it.
	Status int
	// Duration is from the beginning of the request to the end of what is done for it,
	// which may be after the answer.
	Duration time.Duration
	// Received and Sent count the bytes of the two bodies.
	Received, Sent int64
	// Spent is what it took of the stores.
	Spent stream.Spent
	Live  Live
}

// Live is what became of a request that waited for data. It is zero for others.
type Live struct {
	// Readers counts the live requests in this process when it began to wait, it included.
	Readers int
	// Waited is how long it waited.
	Waited time.Duration
	// Delivered counts the pages that it waited for and got, and Lag is how long after
	// the last append in it the latest of them was there: at most, as far as clocks agree.
	Delivered int
	Lag       time.Duration
}

// report tells of the request: to whoever counts requests, and in its log line. Bodies,
// queries and headers stay out of that, but for what a client names its trace.
func (x *exchange) report() {
	level := slog.LevelInfo
	if x.status == http.StatusInternalServerError || x.status == http.StatusServiceUnavailable || errors.Is(x.cause, stream.ErrUnavailable) {
		level = slog.LevelError
	}
	ctx := x.ctx
	logged := x.config.Logger.Enabled(ctx, level)
	if !logged && x.config.Report == nil {
		return
	}
	done := Request{
		Kind: x.kind, Status: x.status, Duration: time.Since(x.start), Received: x.received, Sent: x.sent,
		Spent: x.usage.Spent(), Live: x.live,
	}
	var more []slog.Attr
	if x.config.Report != nil {
		more = x.config.Report(done)
	}
	if !logged {
		return
	}
	var room [32]slog.Attr
	attrs := append(room[:0],
		slog.String("method", x.r.Method),
		slog.String("stream", x.name),
		slog.String("kind", done.Kind),
		slog.Int("status", done.Status),
		slog.Int64("bytes", done.Sent),
		slog.Duration("duration", done.Duration),
		slog.String("request", x.request))
	attrs = appendTraces(attrs, x.r.Header)
	attrs = done.appendTo(attrs)
	if x.cause != nil {
		attrs = append(attrs, slog.String("error", x.cause.Error()))
	}
	x.config.Logger.LogAttrs(ctx, level, "request", append(attrs, more...)...)
}

// appendTo appends what only some requests have.
func (r *Request) appendTo(attrs []slog.Attr) []slog.Attr {
	if r.Received > 0 {
		attrs = append(attrs, slog.Int64("received", r.Received))
	}
	if s := &r.Spent; s.Attempts > 0 {
		attrs = append(attrs, slog.Int("attempts", s.Attempts), slog.Int("conflicts", s.Conflicts))
	}
	if s := &r.Spent; len(s.Calls) > 0 {
		attrs = append(attrs, slog.Duration("stores", s.Busy))
		attrs = appendCalls(attrs, s, stream.Table, slog.Float64("readUnits", s.ReadUnits), slog.Float64("writeUnits", s.WriteUnits))
		attrs = appendCalls(attrs, s, stream.Bucket)
	}
	if l := &r.Live; l.Readers > 0 {
		attrs = append(attrs, slog.Int("readers", l.Readers), slog.Duration("waited", l.Waited))
		if l.Delivered > 0 {
			attrs = append(attrs, slog.Int("delivered", l.Delivered), slog.Duration("lag", l.Lag))
		}
	}
	return attrs
}

// appendCalls appends the requests to a store, by kind, with what more is known of them,
// unless there are none.
func appendCalls(attrs []slog.Attr, s *stream.Spent, to stream.Store, more ...slog.Attr) []slog.Attr {
	n := s.Requests(to)
	if n == 0 {
		return attrs
	}
	calls := append(make([]slog.Attr, 0, 8), slog.Int("requests", n))
	calls = append(calls, more...)
	for _, c := range s.Calls {
		if c.Store == to {
			calls = append(calls, slog.Int(c.Operation, c.Requests))
		}
	}
	return append(attrs, slog.Attr{Key: string(to), Value: slog.GroupValue(calls...)})
}
