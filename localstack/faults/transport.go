package faults

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// transport is the layer over a way to a store.
type transport struct {
	layer *Layer
	base  http.RoundTripper
}

// exchange is one request on its way. Its body is held in memory.
type exchange struct {
	*transport
	call    Call
	fault   Fault
	request *http.Request
	body    []byte
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	e := &exchange{transport: t, request: r}
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if e.body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	var due []delivery
	e.call, e.fault, due = t.layer.next(callOf(r, e.body))
	for _, d := range due {
		d.send()
	}
	if e.fault.Kind == None {
		return e.remembered(e.deliver())
	}
	return e.fail()
}

// fail lets the exchange go wrong.
func (e *exchange) fail() (*http.Response, error) {
	switch e.fault.Kind {
	case Stale, StaleList:
		return e.stale()
	case Unprocessed:
		return e.unprocessed()
	}
	e.layer.note(e.call, e.fault)
	switch e.fault.Kind {
	case Latency:
		if err := e.wait(time.Duration(1+e.fault.Draw%30) * time.Millisecond); err != nil {
			return nil, err
		}
		return e.remembered(e.deliver())
	case Unconnected:
		return nil, broken("dial", "connect", syscall.ECONNREFUSED)
	case NotSent:
		return nil, reset()
	case Lost:
		e.discard()
		return nil, reset()
	case Late:
		e.layer.later(e.call, e.fault.Draw, e.discard)
		return nil, reset()
	case Twice:
		response, err := e.remembered(e.deliver())
		if err == nil && response.StatusCode < http.StatusMultipleChoices {
			e.layer.later(e.call, e.fault.Draw, e.discard)
		}
		return response, err
	case Silent:
		<-e.request.Context().Done()
		return nil, e.request.Context().Err()
	case Answered:
		return e.answer(e.fault), nil
	case AnsweredAfter:
		e.discard()
		return e.answer(e.fault), nil
	case SlowBody, TornBody:
		return e.brokenBody()
	case TornAnswer:
		response := e.respond(http.StatusOK, "application/x-amz-json-1.0", make([]byte, 1000))
		response.Body = &pacedBody{exchange: e, rest: []byte(`{"Attributes":{"f":{"N"`), part: 1000, end: reset()}
		return response, nil
	}
	return e.breakObject()
}

// deliver passes the request on.
func (e *exchange) deliver() (*http.Response, error) {
	return e.base.RoundTrip(e.with(e.request.Context(), e.body))
}

// with is the request with another context and body.
func (e *exchange) with(ctx context.Context, body []byte) *http.Request {
	r := e.request.Clone(ctx)
	r.Body, r.ContentLength, r.GetBody = http.NoBody, int64(len(body)), nil
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return r
}

// discard passes the request on, whether or not its client still waits, and throws the
// answer away.
func (e *exchange) discard() {
	response, err := e.base.RoundTrip(e.with(context.WithoutCancel(e.request.Context()), e.body))
	if err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
}

// wait waits, unless the client gives up.
func (e *exchange) wait(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-e.request.Context().Done():
		return e.request.Context().Err()
	}
}

// whole passes the request on, and returns the answer with its whole body.
func (e *exchange) whole(body []byte) (*http.Response, []byte, error) {
	response, err := e.base.RoundTrip(e.with(e.request.Context(), body))
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	return response, got, err
}

// brokenBody lets the answer's body arrive slowly, or in part.
func (e *exchange) brokenBody() (*http.Response, error) {
	response, body, err := e.whole(e.body)
	if err != nil {
		return nil, err
	}
	b := &pacedBody{exchange: e, rest: body, part: len(body)/4 + 1}
	if e.fault.Kind == TornBody {
		b.rest, b.end = body[:int(e.fault.Draw%uint64(len(body)+1))], reset()
	}
	response.Body = b
	return response, nil
}

// pacedBody is a body that arrives in parts, with a pause between them, or breaks off.
type pacedBody struct {
	*exchange
	rest []byte
	part int
	// end is how it breaks off; nil if it does not.
	end error
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		if b.end != nil {
			return 0, b.end
		}
		return 0, io.EOF
	}
	if b.end == nil {
		if err := b.wait(time.Duration(1+b.fault.Draw%5) * time.Millisecond); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.rest[:min(b.part, len(b.rest))])
	b.rest = b.rest[n:]
	return n, nil
}

func (b *pacedBody) Close() error { return nil }

func reset() error { return broken("read", "read", syscall.ECONNRESET) }

func broken(op, call string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError(call, errno)}
}
