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
		{&stream.SeqError{Last: "b"}, 409, nil},
		{&stream.ContentTypeError{Stream: "text/plain", Given: "text/html"}, 409, nil},
		{&stream.ConfigError{Differs: []string{"expiry"}}, 409, nil},
		{stream.ErrBadOffset, 400, nil},
		{problem(errBadHeader, "Stream-TTL is wrong"), 400, nil},
		{problem(errBadQuery, "the offset is wrong"), 400, nil},
		{problem(errBadName, "the stream id is wrong"), 400, nil},
		{problem(errBadJSON, "the JSON is wrong"), 400, nil},
		{errEmptyBody, 400, nil},
		{errEmptyArray, 400, nil},
		{errNoType, 400, nil},
		{tooLarge(7), 413, nil},
		{problem(errCoding, "gzip is not understood"), 415, header{"Accept-Encoding": "identity"}},
		{problem(errPrecondition, "the stream exists"), 412, nil},
		{problem(errForkPoint, "no such place"), 400, nil},
		{problem(errForkType, "another type"), 409, nil},
		{fmt.Errorf("%w: %w", errInDoubt, secret), 503, header{"Retry-After": absent}},
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
	if a := answerTo(secret); a.status != 500 || strings.Contains(a.text(secret), "hunter2") {
		t.Errorf("an unforeseen error is answered with %d, %q", a.status, a.text(secret))
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
}

// The commonest conflicts say what differs, so that it can be mended.
func TestConflictsSayWhatDiffers(t *testing.T) {
	text := header{"Content-Type": "text/plain"}
	const (
		put      = "PUT /v1/stream/s"
		post     = "POST /v1/stream/s"
		another  = "the stream exists, and differs in %s: delete it first, or use another id\n"
		forkedAt = "what it is forked from, and where"
	)
	runScenarios(t, []scenario{
		{"content type", []step{createJSON,
			{do: post, with: header{"Content-Type": "application/x-www-form-urlencoded"}, body: "{}", status: 409,
				text: "the stream has the Content-Type application/json, and the request application/x-www-form-urlencoded: send that of the stream (curl sends this one with -d if no other is given by -H)\n"},
			{do: post, with: text, body: "{}", status: 409, text: "the stream has the Content-Type application/json, and the request text/plain: send that of the stream\n"},
		}},
		{"Stream-Seq", []step{createText,
			{do: post, with: text.and("Stream-Seq", "b\"\u00e9"), body: "x", status: 204},
			{do: post, with: text.and("Stream-Seq", "a"), body: "x", status: 409, text: "Stream-Seq must be greater than the last one of the stream, which is \"b\\\"é\"\n"},
		}},
		{"creates", []step{
			{do: put, with: text, body: "hello", status: 201},
			{do: put, with: header{"Content-Type": "text/html", "Stream-TTL": "60", "Stream-Closed": "true"}, status: 409,
				text: fmt.Sprintf(another, "content type and in expiry and in closure")},
			{do: put, with: text.and("Stream-Expires-At", "2100-01-01T00:00:00Z"), status: 409, text: fmt.Sprintf(another, "expiry")},
			{do: put, with: from(source), status: 409, text: fmt.Sprintf(another, forkedAt)},
			{do: "PUT /v1/stream/f", with: from(source, "Stream-Fork-Offset", at(0)), status: 201},
			{do: "PUT /v1/stream/f", with: from(source, "Stream-Fork-Offset", at(5)), status: 409, text: fmt.Sprintf(another, forkedAt)},
			{do: "PUT /v1/stream/f", with: text, status: 409, text: fmt.Sprintf(another, forkedAt)},
		}},
		{"forks", []step{
			{do: put, with: text, body: "hello", status: 201},
			{do: "PUT /v1/stream/f", with: from(source, "Stream-Fork-Offset", at(0), "Stream-Fork-Sub-Offset", "9"), status: 400,
				text: "the source has no such place: Stream-Fork-Offset must be a Stream-Next-Offset that it gave out, and Stream-Fork-Sub-Offset no more than follows there\n"},
			{do: "PUT /v1/stream/f", with: from(source, "Content-Type", "text/html"), status: 409,
				text: "a fork has the Content-Type of its source, which is text/plain: leave it out, or send that\n"},
		}},
		{"size", []step{createText,
			{do: post, with: text, body: strings.Repeat("x", 65), status: 413, text: "the body is too large: at most 64 bytes are allowed; split it into several appends\n"},
		}},
	}, func(s *setup) { s.MaxBody = 64 })
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
		byProducer := appendText("x")
		byProducer.with = header{"Content-Type": "text/plain", "Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": "0"}
		plain := appendText("x")
		for s, retry := range map[*step]string{&byProducer: "1", &createText: "1", &plain: absent} {
			s := *s
			s.status, s.want = 503, header{"Retry-After": retry}
			if body := k.run(t, s).Body.String(); !contains(body, "may have happened") || contains(body, "hunter2") {
				t.Errorf("told %q", body)
			}
		}
	})
}
