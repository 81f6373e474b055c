package protocol

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Every row of the table is reached by its error, also when that is wrapped, and
// by no other row before it. A new row fails this test until it has a case here.
func TestAnswers(t *testing.T) {
	secret := errors.New("password=hunter2 at 10.0.0.1")
	cases := []struct {
		err    error
		status int
		want   header
	}{
		{stream.ErrNotFound, 404, nil},
		{&stream.ClosedError{Tail: stream.Offset{Position: 7}}, 409, header{"Stream-Closed": "true", "Stream-Next-Offset": at(7)}},
		{&stream.GapError{Expected: 3, Received: 5}, 409, header{"Producer-Expected-Seq": "3", "Producer-Received-Seq": "5", "Stream-Closed": absent}},
		{&stream.FencedError{Epoch: 9}, 403, header{"Producer-Epoch": "9"}},
		{stream.ErrEpochStart, 400, nil},
		{stream.ErrManyProducers, 400, nil},
		{stream.ErrSeqRegression, 409, nil},
		{stream.ErrContentType, 409, nil},
		{stream.ErrConfigMismatch, 409, nil},
		{stream.ErrBadOffset, 400, nil},
		{problem(errBadHeader, "Stream-TTL is wrong"), 400, nil},
		{problem(errBadQuery, "the offset is wrong"), 400, nil},
		{problem(errBadName, "the stream id is wrong"), 400, nil},
		{problem(errBadJSON, "the JSON is wrong"), 400, nil},
		{errEmptyBody, 400, nil},
		{errEmptyArray, 400, nil},
		{errNoType, 400, nil},
		{errBodyTooLarge, 413, nil},
		{problem(errTooManyMessages, "the batch is too long"), 413, nil},
		{problem(errHeaderTooLarge, "the head is too large"), 431, nil},
		{errTooManyReaders, 503, header{"Retry-After": "1"}},
		{fmt.Errorf("%w: %w", errBodyBroken, secret), 400, nil},
		{errBodyStalled, 408, nil},
		{errNoRoute, 404, nil},
		{errReserved, 404, nil},
		{errMethod, 405, header{"Allow": "GET, HEAD, PUT, POST, DELETE, OPTIONS"}},
		{stream.ErrNoSource, 404, nil},
		{stream.ErrGone, 410, nil},
		{stream.ErrSourceGone, 409, nil},
		{stream.ErrReadOnly, 405, header{"Allow": "GET, HEAD, OPTIONS"}},
		{stream.ErrRegistryFork, 403, header{"Producer-Epoch": absent}},
		{stream.ErrTooDeep, 400, nil},
		{errTaken, 409, nil},
		{errClientGone, 499, nil},
		{ErrNoToken, 401, header{"WWW-Authenticate": `Bearer realm="durable-streams"`}},
		{Refusal(ErrBadToken, "the token has expired"), 401, header{"WWW-Authenticate": `Bearer realm="durable-streams", error="invalid_token"`}},
		{ErrManyTokens, 400, header{"WWW-Authenticate": absent}},
		{ErrNoKeys, 503, header{"Retry-After": "1"}},
		{problem(errForbidden, "the token does not allow it"), 403, header{"WWW-Authenticate": `Bearer realm="durable-streams", error="insufficient_scope"`, "Producer-Epoch": absent}},
		{&RateError{After: 1001 * time.Millisecond}, 429, header{"Retry-After": "2"}},
		{fmt.Errorf("%w: %w", stream.ErrUnsettled, secret), 503, header{"Retry-After": "1"}},
		{fmt.Errorf("%w: %w", stream.ErrUnavailable, secret), 503, header{"Retry-After": "1"}},
	}
	covered := map[int]bool{}
	if a := answerTo(secret); a.status != 500 || strings.Contains(a.text, "hunter2") {
		t.Errorf("an unforeseen error is answered with %d, %q", a.status, a.text)
	}
	for _, c := range cases {
		row := -1
		for i, a := range answers {
			if a.matches(c.err) {
				if row >= 0 {
					t.Errorf("%v matches rows %d and %d", c.err, row, i)
				}
				row = i
			}
		}
		covered[row] = true

		w := httptest.NewRecorder()
		x := &exchange{Handler: newKit(t).Handler, ctx: t.Context(), w: w, r: httptest.NewRequest("GET", "/v1/stream/s", nil)}
		x.common()
		x.fail(c.err)
		step{do: c.err.Error(), status: c.status, want: c.want}.check(t, w.Code, w.Header(), w.Body.String())
		if strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%v: the client is told %q", c.err, w.Body.String())
		}
	}
	for i := range answers {
		if !covered[i] {
			t.Errorf("row %d (status %d) has no case", i, answers[i].status)
		}
	}
	// Errors that carry texts of the store must have a text of their own.
	for i, a := range answers {
		if a.text == "" && (a.matches(stream.ErrUnavailable) || a.matches(stream.ErrUnsettled) || a.matches(errBodyBroken)) {
			t.Errorf("row %d shows its error's text", i)
		}
	}
}

// What storage says stays in the log.
func TestStorageFails(t *testing.T) {
	secret := errors.New("password=hunter2")
	fails := func() error { return secret }
	for _, s := range []step{
		{do: "GET /v1/stream/s"}, {do: "HEAD /v1/stream/s"}, {do: "DELETE /v1/stream/s"},
		{do: "GET /v1/stream/s?offset=now&live=sse"}, {do: "GET /v1/stream/s?offset=now&live=long-poll"},
	} {
		var out lines
		k := newKit(t, func(s *setup) { s.Logger = out.logger() })
		k.run(t, createText)
		k.store.onHead.set(fails)
		s.status, s.want = 503, header{"Retry-After": "1"}
		w := k.run(t, s)
		if strings.Contains(w.Body.String(), "hunter2") || !contains(out.String(), "level=ERROR", "hunter2") {
			t.Errorf("%s: told %q, logged %s", s.do, w.Body.String(), out.String())
		}
	}

	// A write that certainly did nothing, and one of which nobody knows.
	bubble(t, "refused write", func(t *testing.T) {
		k := newKit(t)
		k.run(t, createText)
		k.store.onCommit.set(func() error { return stream.ErrNotApplied })
		s := appendText("x")
		s.status, s.want = 503, header{"Retry-After": "1"}
		if body := k.run(t, s).Body.String(); !contains(body, "nothing was changed") {
			t.Errorf("told %q", body)
		}
	})
	bubble(t, "unknown write", func(t *testing.T) {
		k := newKit(t)
		k.run(t, createText)
		k.store.onCommit.set(fails)
		k.store.onHead.set(fails)
		k.store.onCreate.set(fails)
		for _, s := range []step{appendText("x"), createText} {
			s.status, s.want = 503, header{"Retry-After": "1"}
			if body := k.run(t, s).Body.String(); !contains(body, "may have happened") || contains(body, "hunter2") {
				t.Errorf("told %q", body)
			}
		}
	})
}
