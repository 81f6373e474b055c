//go:build unix

package host

import (
	"encoding/json"
	"errors"
)

var (
	// ErrThrottled says that as many invocations run as the function may have
	// (Lambda: TooManyRequestsException, 429). Nothing was invoked.
	ErrThrottled = errors.New("lambda host: the function's concurrency limit is reached")
	// ErrRequestTooLarge says that the event is longer than [MaxRequest]. Nothing
	// was invoked.
	ErrRequestTooLarge = errors.New("lambda host: the event is larger than 6 MB")
	// ErrClosed says that the function was closed, perhaps during the invocation.
	ErrClosed = errors.New("lambda host: the function is closed")

	// errUndelivered says that the process ended before it had the invocation.
	errUndelivered = errors.New("lambda host: the process ended before it took the invocation")
	// errDropped ends the relay of a response that nobody wants any more.
	errDropped = errors.New("lambda host: the response was dropped")
)

// The types of a [FunctionError] that the host itself makes.
const (
	// TypeExit: the process ended during the invocation, or before its first.
	TypeExit = "Runtime.ExitError"
	// TypeTimeout: the function's timeout, or that of its init, has passed.
	TypeTimeout = "Sandbox.Timedout"
	// TypeResponseTooLarge: the response is longer than Lambda passes on.
	TypeResponseTooLarge = "Function.ResponseSizeTooLarge"
	// TypeUnknown: the runtime reported an error without a type.
	TypeUnknown = "Runtime.Unknown"
)

// FunctionError says that the function was invoked and failed: it reported an
// error, or its process timed out or ended.
type FunctionError struct {
	// Type and Message are errorType and errorMessage of the payload.
	Type, Message string
	// Payload is the JSON document that Lambda would return.
	Payload []byte
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

func newFunctionError(kind, message string) *FunctionError {
	payload, _ := json.Marshal(errorDocument{Message: message, Type: kind}) // strings always marshal
	return &FunctionError{Type: kind, Message: message, Payload: payload}
}

// errorDocument is the standard form of an error, of runtimes and of the API.
type errorDocument struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

// reportedError is an error that a runtime posted: a document, whose fields may be
// missing, and a type from a header or trailer.
func reportedError(kind string, payload []byte) *FunctionError {
	var d errorDocument
	if err := json.Unmarshal(payload, &d); err != nil || d == (errorDocument{}) {
		if kind == "" {
			kind = TypeUnknown
		}
		return newFunctionError(kind, string(payload))
	}
	if d.Type == "" {
		d.Type = kind
	}
	return &FunctionError{Type: d.Type, Message: d.Message, Payload: payload}
}
