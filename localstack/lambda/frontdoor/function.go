//go:build unix

// Package frontdoor puts HTTP in front of functions as AWS does: as a function
// URL, with response streaming or without, and as an HTTP API of API Gateway.
package frontdoor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
)

// Function is what a front door needs of a function; [*host.Function] has it.
type Function interface {
	Invoke(ctx context.Context, payload []byte) (result []byte, functionError error)
	InvokeStream(ctx context.Context, payload []byte) (*host.Response, error)
}

var _ Function = (*host.Function)(nil)

// Options are what front doors have in common. The zero value is usable.
type Options struct {
	// Logger receives why a client got an error. Nil discards it.
	Logger *slog.Logger
	// Now is the clock of events. Nil is time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// maxDrain is how much of a body that is too long is read so that the client,
// who may read only after it has written all, gets to see the answer.
const maxDrain = 64 << 20

// errBody says that a request's body could not be read.
var errBody = errors.New("the body did not arrive")

// readBody returns a request's body, or [host.ErrRequestTooLarge] if it cannot
// fit into an event, or an error that wraps errBody.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, host.MaxRequest+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errBody, err)
	case len(body) > host.MaxRequest:
		_, _ = io.CopyN(io.Discard, r.Body, maxDrain) // it is refused in any case
		return nil, host.ErrRequestTooLarge
	}
	return body, nil
}

// detached is a request's context for the function, which is not told that the
// client has left, on Lambda as here.
func detached(r *http.Request) context.Context { return context.WithoutCancel(r.Context()) }

// functionFailed reports whether an error is the function's own.
func functionFailed(err error) bool {
	var failed *host.FunctionError
	return errors.As(err, &failed)
}

// hasBody reports whether the response to a method has a body.
func hasBody(method string, status int) bool {
	return method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified
}
