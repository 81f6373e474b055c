package protocol

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// What is wrong with a request, before any stream is asked.
var (
	errNoRoute      = errors.New("there is nothing here: streams are at " + pathPrefix + "<id>")
	errReserved     = errors.New(`ids whose first part is "` + reservedSegment + `" are reserved for subscriptions, which this server does not offer`)
	errMethod       = errors.New("this method is not offered: use " + allowedMethods)
	errBadName      = errors.New("bad stream id")
	errBadHeader    = errors.New("bad header")
	errBadQuery     = errors.New("bad query")
	errBadJSON      = errors.New("bad JSON")
	errEmptyBody    = errors.New("the body is empty: send what is to be appended, or Stream-Closed: true to close the stream")
	errEmptyArray   = errors.New("the array is empty: send at least one message")
	errNoType       = errors.New("Content-Type is missing: send that of the stream")
	errBodyTooLarge = errors.New("the body is too large")
	errCoding       = errors.New("content coding that is not understood")
	errPrecondition = errors.New("precondition failed")
	errForkPoint    = errors.New("no place to fork from")
	errForkType     = errors.New("not the content type of the source")
	errInDoubt      = errors.New("storage failed during the append, which may have happened: read the stream before you send it again; with producer headers it could just be repeated")
	errBodyBroken   = errors.New("the body could not be read to its end")
	errBodyStalled  = errors.New("the body did not arrive in time; send it again")
	errTaken        = errors.New("a stream that was deleted has this id, as long as its forks need its data: use another one")
	errClientGone   = errors.New("the client gave the request up")
	errPanic        = errors.New("panic")
)

// problem returns an error of a kind, with a text of its own for the client.
func problem(kind error, format string, args ...any) error {
	return &problemError{kind: kind, text: fmt.Sprintf(format, args...)}
}

type problemError struct {
	kind error
	text string
}

func (e *problemError) Error() string { return e.text }
func (e *problemError) Unwrap() error { return e.kind }

// statusClientGone is never seen by a client: it is for the log.
const statusClientGone = 499

// answer says how an error is told to the client.
type answer struct {
	matches func(error) bool
	status  int
	// text makes the body.
	text func(error) string
	// headers sets what the protocol wants with the error.
	headers func(error, http.Header)
}

// answers is the one place that maps errors to responses. The first match counts.
var answers = []answer{
	{is(stream.ErrNotFound), http.StatusNotFound, says("there is no such stream: it was not created, was deleted, or has expired"), nil},
	{is(stream.ErrGone), http.StatusGone, says("the stream was deleted, or has expired: only its forks can still be read"), nil},
	{is(stream.ErrNoSource), http.StatusNotFound, says("there is no stream at Stream-Forked-From: it was not created, was deleted, or has expired"), nil},
	{as[*stream.ClosedError], http.StatusConflict, says("the stream is closed and takes no more appends"), closedHeaders},
	{as[*stream.GapError], http.StatusConflict, says("the producer skipped a sequence number: send Producer-Expected-Seq first"), gapHeaders},
	{as[*stream.FencedError], http.StatusForbidden, says("the producer's epoch is over: stop, or claim a higher epoch with sequence 0"), fencedHeaders},
	{is(stream.ErrManyProducers), http.StatusBadRequest, says(stream.ErrManyProducers.Error()), nil},
	{is(stream.ErrEpochStart), http.StatusBadRequest, says("a new producer epoch must start with Producer-Seq 0"), nil},
	{as[*stream.SeqError], http.StatusConflict, seqText, nil},
	{as[*stream.ContentTypeError], http.StatusConflict, contentTypeText, nil},
	{as[*stream.ConfigError], http.StatusConflict, configText, nil},
	{is(stream.ErrSourceGone), http.StatusConflict, says("the stream at Stream-Forked-From was deleted: only its forks can still be read"), nil},
	{is(stream.ErrReadOnly), http.StatusMethodNotAllowed, says("this stream is the registry, which the server writes by itself: use GET or HEAD"), readOnlyHeaders},
	{is(stream.ErrRegistryFork), http.StatusForbidden, says("the registry cannot be forked: read it, and fork the streams that it names"), nil},
	{is(stream.ErrTooDeep), http.StatusBadRequest, own, nil},
	{is(stream.ErrBadOffset), http.StatusBadRequest, says("the stream has no such offset: send a Stream-Next-Offset that it gave out"), nil},

	{is(errBadHeader), http.StatusBadRequest, own, nil},
	{is(errBadQuery), http.StatusBadRequest, own, nil},
	{is(errBadName), http.StatusBadRequest, own, nil},
	{is(errBadJSON), http.StatusBadRequest, own, nil},
	{is(errEmptyBody), http.StatusBadRequest, own, nil},
	{is(errEmptyArray), http.StatusBadRequest, own, nil},
	{is(errNoType), http.StatusBadRequest, own, nil},
	{is(errCoding), http.StatusUnsupportedMediaType, own, identityHeaders},
	{is(errPrecondition), http.StatusPreconditionFailed, own, nil},
	{is(errForkPoint), http.StatusBadRequest, own, nil},
	{is(errForkType), http.StatusConflict, own, nil},
	{is(errBodyTooLarge), http.StatusRequestEntityTooLarge, own, nil},
	{is(errTooManyMessages), http.StatusRequestEntityTooLarge, own, nil},
	{is(errHeaderTooLarge), http.StatusRequestHeaderFieldsTooLarge, own, nil},
	{is(errTooManyReaders), http.StatusServiceUnavailable, own, retryHeaders},
	{is(errBodyBroken), http.StatusBadRequest, says(errBodyBroken.Error()), nil},
	{is(errBodyStalled), http.StatusRequestTimeout, own, nil},
	{is(ErrNoToken), http.StatusUnauthorized, own, challengeHeaders},
	{is(ErrBadToken), http.StatusUnauthorized, own, invalidTokenHeaders},
	{is(ErrManyTokens), http.StatusBadRequest, own, nil},
	{is(ErrNoKeys), http.StatusServiceUnavailable, own, retryHeaders},
	{is(errForbidden), http.StatusForbidden, own, scopeHeaders},
	{as[*RateError], http.StatusTooManyRequests, own, rateHeaders},

	{is(errNoRoute), http.StatusNotFound, own, nil},
	{is(errReserved), http.StatusNotFound, own, nil},
	{is(errMethod), http.StatusMethodNotAllowed, own, allowHeaders},

	{is(errTaken), http.StatusConflict, own, nil},

	{is(errClientGone), statusClientGone, own, nil},
	{is(errInDoubt), http.StatusServiceUnavailable, says(errInDoubt.Error()), nil},
	{is(stream.ErrUnsettled), http.StatusServiceUnavailable, says("storage failed during the write, which may have happened: send the same request again, which has no effect if it did"), retryHeaders},
	{is(stream.ErrUnavailable), http.StatusServiceUnavailable, says("storage is unavailable and nothing was changed: try again"), retryHeaders},
}

// unforeseen is the answer to any other error.
var unforeseen = answer{status: http.StatusInternalServerError, text: says("internal error")}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func as[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// says is the text of an error about which there is no more to say.
func says(text string) func(error) string { return func(error) string { return text } }

// own is the error's own text, where this package made it, or it was made for the client
// ([Refusal]).
func own(err error) string { return err.Error() }

func contentTypeText(err error) string {
	e, _ := errors.AsType[*stream.ContentTypeError](err)
	text := fmt.Sprintf("the stream has the Content-Type %s, and the request %s: send that of the stream", e.Stream, e.Given)
	if stream.MediaType(e.Given) == formType {
		text += " (curl sends this one with -d if no other is given by -H)"
	}
	return text
}

func seqText(err error) string {
	e, _ := errors.AsType[*stream.SeqError](err)
	return fmt.Sprintf("Stream-Seq must be greater than the last one of the stream, which is %q", e.Last)
}

func configText(err error) string {
	e, _ := errors.AsType[*stream.ConfigError](err)
	return "the stream exists, and differs in " + strings.Join(e.Differs, " and in ") + ": delete it first, or use another id"
}

func closedHeaders(err error, h http.Header) {
	e, _ := errors.AsType[*stream.ClosedError](err)
	h["Stream-Closed"] = headerTrue
	h["Stream-Next-Offset"] = []string{e.Tail.String()}
}

func gapHeaders(err error, h http.Header) {
	e, _ := errors.AsType[*stream.GapError](err)
	h["Producer-Expected-Seq"] = []string{strconv.FormatUint(e.Expected, 10)}
	h["Producer-Received-Seq"] = []string{strconv.FormatUint(e.Received, 10)}
}

func fencedHeaders(err error, h http.Header) {
	e, _ := errors.AsType[*stream.FencedError](err)
	h["Producer-Epoch"] = []string{strconv.FormatUint(e.Epoch, 10)}
}

func challengeHeaders(_ error, h http.Header)    { h["Www-Authenticate"] = challenge("") }
func invalidTokenHeaders(_ error, h http.Header) { h["Www-Authenticate"] = challenge("invalid_token") }
func scopeHeaders(_ error, h http.Header)        { h["Www-Authenticate"] = challenge("insufficient_scope") }

func rateHeaders(err error, h http.Header) {
	e, _ := errors.AsType[*RateError](err)
	seconds := max(1, (e.After+time.Second-1)/time.Second)
	h["Retry-After"] = []string{strconv.FormatInt(int64(seconds), 10)}
}

func allowHeaders(_ error, h http.Header)    { h["Allow"] = headerAllow }
func readOnlyHeaders(_ error, h http.Header) { h["Allow"] = headerAllowRead }
func retryHeaders(_ error, h http.Header)    { h["Retry-After"] = headerRetryAfter }
func identityHeaders(_ error, h http.Header) { h["Accept-Encoding"] = headerIdentity }

// answerTo finds the answer to an error.
func answerTo(err error) answer {
	for _, a := range answers {
		if a.matches(err) {
			return a
		}
	}
	return unforeseen
}

// fail answers with an error. What caused it is logged and not sent.
func (x *exchange) fail(err error) {
	if gone := x.ctx.Err(); errors.Is(gone, context.Canceled) && errors.Is(err, gone) {
		// Nobody reads the answer, and the log shall not call it our failure.
		err = errClientGone
	}
	x.cause = err
	x.drain()
	a := answerTo(err)
	h := x.w.Header()
	if a.headers != nil {
		a.headers(err, h)
	}
	h["Content-Type"] = headerPlainText
	h["Cache-Control"] = headerNoStore
	x.send(a.status, append([]byte(a.text(err)), '\n'))
}

// maxDrain bounds what is read of a body that was refused, and maxDrainOfStranger what
// is read of somebody who is not granted anything.
const (
	maxDrain           = 64 << 20
	maxDrainOfStranger = 1 << 20
)

// drain reads the rest of a request's body before an error is sent: many clients
// send all of it before they read, and report a broken connection rather than
// our answer if that fails. A client that waits for 100 Continue is spared it.
func (x *exchange) drain() {
	length, most := x.r.ContentLength, int64(maxDrain)
	if x.grant == nil {
		most = maxDrainOfStranger
	}
	if x.r.Body == nil || length == 0 || length > most || len(x.r.Header["Expect"]) > 0 {
		return
	}
	x.limitRead(time.Now().Add(x.config.BodyStall))
	n, err := io.CopyN(io.Discard, x.r.Body, most)
	x.received += n
	if err == nil || errors.Is(err, io.EOF) {
		// Otherwise the limit stays, for net/http: it reads on before it answers.
		x.limitRead(time.Time{})
	}
}
