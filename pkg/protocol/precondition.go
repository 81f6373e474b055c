package protocol

import "net/http"

// The preconditions of writes (RFC 9110, section 13.1). The protocol has better ones of its
// own, so only "*" is understood; but a write whose condition cannot be judged must not be
// done.
const anyRepresentation = "*"

// ifMatch refuses a write of a stream that is there whose condition is another than that it
// is there, or that it is not.
func ifMatch(h http.Header) error {
	if match, given, err := one(h, "If-Match"); err != nil || given && match != anyRepresentation {
		return problem(errPrecondition, "If-Match is not offered: append with Stream-Seq, or with producer headers")
	}
	if _, given := h["If-None-Match"]; given {
		return problem(errPrecondition, "If-None-Match is for reads, and with * for PUT")
	}
	return nil
}

// ifNoneMatch reads the condition of a create: whether it is that there is no such stream.
func ifNoneMatch(h http.Header) (mustBeNew bool, err error) {
	if _, given := h["If-Match"]; given {
		return false, problem(errPrecondition, "If-Match is not offered for PUT: a stream that exists is never changed by it")
	}
	match, given, err := one(h, "If-None-Match")
	if err == nil && given && match != anyRepresentation {
		err = problem(errPrecondition, "If-None-Match must be * for PUT: create the stream only if there is none")
	}
	return given, err
}
