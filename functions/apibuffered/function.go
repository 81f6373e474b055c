package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"
)

// function serves the events of both front doors. It may be invoked concurrently.
type function struct {
	httpAPI, loadBalancer http.Handler
	logger                *slog.Logger
}

// A call is an event, as the front door that sent it means it.
type call interface {
	// target is what was requested, encoded as the client did as far as the event
	// tells. What is wrong with it wraps errMalformed.
	target() (*url.URL, error)
	// header returns the request's headers, Host included.
	header() http.Header
	// method is the request's, unchecked.
	method() string
	// content is the body, decoded. What is wrong with it wraps errMalformed.
	content() (string, error)
	// carry has the adapter call a handler, with a request of which method and body
	// are right, but neither target nor headers.
	carry(ctx context.Context, method, body string, h http.Handler) (document, error)
	// limit is the longest document that gets through.
	limit() int
	// patience is how long the front door waits for it; 0 if nobody knows.
	patience() time.Duration
}

// Invoke implements [lambda.Handler]. An event of a front door always gets an answer,
// whatever is in it and whatever the handler does. Any other event fails the
// invocation, so that a queue, say, does not take it for processed. In no case does
// the process end.
//
// [lambda.Handler]: https://pkg.go.dev/github.com/aws/aws-lambda-go/lambda#Handler
func (f *function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, malformed := parse(payload)
	switch {
	case e.RequestContext.ELB != nil:
		return f.answer(ctx, loadBalancerCall{e}, malformed, f.loadBalancer)
	case e.Version == "2.0":
		return f.answer(ctx, httpAPICall{e}, malformed, f.httpAPI)
	default:
		f.logger.LogAttrs(ctx, slog.LevelError, "event refused", slog.String("error", UnknownEventError{}.Error()))
		return nil, UnknownEventError{}
	}
}

// answer returns the response document to a call, or to why it is none.
func (f *function) answer(ctx context.Context, c call, malformed error, h http.Handler) ([]byte, error) {
	ctx, cancel := inTime(ctx, c.patience())
	defer cancel()
	if malformed != nil {
		return f.refuse(ctx, c, malformed)
	}
	d, err := f.serve(ctx, c, h)
	if err != nil {
		return f.refuse(ctx, c, err)
	}
	out, err := d.encode(c.limit())
	if err != nil {
		return f.refuse(ctx, c, err)
	}
	return out, nil
}

// killTime is how long before the invocation's end a request's context ends: a late
// answer is better than none, and at the end itself Lambda kills the process.
const killTime = 500 * time.Millisecond

// inTime returns a context that ends while the answer can still get out: before the
// invocation's own deadline, and before the front door gives up.
func inTime(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	deadline = deadline.Add(-killTime)
	if patience > 0 {
		if given := time.Now().Add(patience); !limited || given.Before(deadline) {
			deadline, limited = given, true
		}
	}
	if !limited {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline)
}

// serve runs the handler. Nothing has been sent before it returns, so a panic takes
// back all that was written.
func (f *function) serve(ctx context.Context, c call, h http.Handler) (d document, err error) {
	if err := checkMethod(c.method()); err != nil {
		return document{}, err
	}
	target, err := c.target()
	if err != nil {
		return document{}, err
	}
	body, err := c.content()
	if err != nil {
		return document{}, err
	}
	header := c.header()
	defer func() {
		if p := recover(); p != nil {
			f.reportPanic(ctx, c.method(), target, p)
			d, err = document{}, errPanic
		}
	}()
	return c.carry(ctx, c.method(), body, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		readdress(r, target, header)
		serveOn(w, r, h)
	}))
}

// reportPanic logs a panic, unless the handler has done so.
func (f *function) reportPanic(ctx context.Context, method string, target *url.URL, p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return
	}
	f.logger.LogAttrs(ctx, slog.LevelError, "panic",
		slog.String("method", method), slog.String("path", target.Path),
		slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
}

// readdress makes the adapter's request what the client sent.
func readdress(r *http.Request, target *url.URL, header http.Header) {
	r.URL, r.RequestURI = target, target.RequestURI()
	r.Host = header.Get("Host")
	header.Del("Host") // as net/http does
	r.Header = header
}
