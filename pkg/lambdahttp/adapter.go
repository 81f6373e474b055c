package lambdahttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Options are how a handler is carried. The zero value works.
type Options struct {
	// Logger gets panics, refused events and misuse of the response, each with the
	// invocation's request id. Default: no logging.
	Logger *slog.Logger
	// Margin is how long before the invocation's deadline the request's context
	// ends, so that the handler can still answer: at the deadline itself Lambda
	// kills the process. Default: none.
	Margin time.Duration
}

// Handler returns a function for [lambda.StartWithOptions] that serves each event as
// a request to h. It may be called concurrently.
//
// What is no request gets an answer all the same, as text:
//
//   - 400: a payload of format 2.0 that is broken, such as a body that is not
//     base64, or a missing method.
//   - 500: any other event, such as one of a load balancer or a queue. The
//     invocation fails too, with [UnknownEventError], so that a queue or a stream does
//     not take its records for processed.
//   - 500: the handler panicked before anything was sent.
//   - 504: the invocation's context ended before the handler answered.
//
// A response that breaks off later ends in [AbortedError], which the runtime reports
// in its trailers. In no case does the process end.
//
// An HTTP API sends payloads of format 2.0 too. They are served, with the path
// decoded as it comes, but an HTTP API does not understand a streamed response.
//
// [lambda.StartWithOptions]: https://pkg.go.dev/github.com/aws/aws-lambda-go/lambda#StartWithOptions
func Handler(h http.Handler, o Options) func(context.Context, Event) (*events.LambdaFunctionURLStreamingResponse, error) {
	a := &adapter{handler: h, logger: o.Logger, margin: o.Margin}
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	return a.invoke
}

type adapter struct {
	handler http.Handler
	logger  *slog.Logger
	margin  time.Duration
}

// invoke returns when the response's status and headers are known. Its body goes on
// until the handler has returned.
func (a *adapter) invoke(invocation context.Context, e Event) (*events.LambdaFunctionURLStreamingResponse, error) {
	log := a.logger
	if lc, ok := lambdacontext.FromContext(invocation); ok {
		log = log.With(slog.String("request", lc.AwsRequestID))
	}
	ctx, cancel := a.requestContext(invocation)
	r, err := e.httpRequest(ctx)
	if err != nil {
		cancel()
		return refuse(log, err), nil
	}
	body, writer := newBody(cancel)
	w := newResponse(r, writer, log)
	go a.serve(w, r, cancel)
	select {
	case h := <-w.head:
		return h.streaming(body), nil
	case <-invocation.Done():
		// Where Lambda kills the process at the deadline, nobody gets here.
		_ = body.Close()
		return refuse(log, errNoAnswer), nil
	}
}

func (a *adapter) requestContext(invocation context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := invocation.Deadline(); ok && a.margin > 0 {
		return context.WithDeadline(invocation, deadline.Add(-a.margin))
	}
	return context.WithCancel(invocation)
}

// serve runs the handler, and ends the response whatever becomes of it.
func (a *adapter) serve(w *response, r *http.Request, cancel context.CancelFunc) {
	defer cancel()
	returned := false
	defer func() {
		p := recover()
		if returned {
			w.end()
			return
		}
		if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			w.log.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelError, "panic",
				slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		}
		w.abort()
	}()
	a.handler.ServeHTTP(w, r)
	returned = true
}
