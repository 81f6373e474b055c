package lambdahttp

import (
	"errors"
	"fmt"
)

// UnknownEventError is how an invocation fails whose event is not a function URL's.
// The runtime reports it under this name.
type UnknownEventError struct{}

// Error says which events are taken.
func (UnknownEventError) Error() string {
	return "unknown event: this function takes the events of a Lambda function URL only (payload format 2.0, invoke mode RESPONSE_STREAM)"
}

// AbortedError ends a body that is not whole. The runtime reports it under this
// name, and so it tells nothing of what happened inside.
type AbortedError struct{ reason string }

// Error says in which way the response is not whole.
func (e AbortedError) Error() string { return "the response is not whole: " + e.reason }

var (
	errFailed  = AbortedError{"the handler failed"}
	errShort   = AbortedError{"it is shorter than its Content-Length"}
	errNotRead = AbortedError{"it was not read in time"}
)

// errMalformed says that an event is of the right kind, and broken. What wraps it is
// told to the client.
var errMalformed = errors.New("the event is malformed")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errMalformed, fmt.Sprintf(format, args...))
}

// errNoAnswer says that the invocation's time was over before the handler answered.
var errNoAnswer = errors.New("there was no answer in time: try again")

// errInternal is all that a client learns of a panic.
var errInternal = errors.New("internal error")
