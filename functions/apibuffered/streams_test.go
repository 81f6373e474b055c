package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The protocol as clients see it, through each front door.
func TestStreams(t *testing.T) {
	text := http.Header{"Content-Type": {"text/plain"}}
	jsonType := http.Header{"Content-Type": {"application/json"}}
	binary := http.Header{"Content-Type": {"image/png"}}
	const at0, at3 = "0000000000000000_0000000000000000", "0000000000000000_0000000000000003"
	through(t, func(t *testing.T, d door) {
		f := onStreams(t)
		for _, s := range []struct {
			sent
			status int
			body   string
			want   map[string]string
		}{
			{sent{do: "PUT /v1/stream/text", header: text}, 201, "", map[string]string{"Stream-Next-Offset": at0}},
			{sent{do: "PUT /v1/stream/text", header: text}, 200, "", nil},
			{sent{do: "POST /v1/stream/text", header: text, body: "a\u03bb"}, 204, "", map[string]string{"Stream-Next-Offset": at3, "Content-Type": ""}},
			{sent{do: "GET /v1/stream/text"}, 200, "a\u03bb", map[string]string{"Content-Type": "text/plain", "Stream-Up-To-Date": "true"}},
			{sent{do: "GET /v1/stream/text?offset=" + at3}, 200, "", map[string]string{"Stream-Next-Offset": at3}},
			{sent{do: "GET /v1/stream/text?offset=%2D1"}, 200, "a\u03bb", nil},
			{sent{do: "GET /v1/stream/text?offset=-1&live=long-poll"}, 200, "a\u03bb", nil},
			{sent{do: "HEAD /v1/stream/text"}, 200, "", map[string]string{"Stream-Next-Offset": at3, "Content-Type": "text/plain"}},

			{sent{do: "PUT /v1/stream/json/caf%C3%A9%20one", header: jsonType}, 201, "", nil},
			{sent{do: "POST /v1/stream/json/caf%C3%A9%20one", header: jsonType, body: `[{"a":"<"}, 2]`}, 204, "", nil},
			{sent{do: "GET /v1/stream/json/caf%C3%A9%20one"}, 200, `[{"a":"<"},2]`, map[string]string{"Content-Type": "application/json"}},

			{sent{do: "PUT /v1/stream/png", header: binary, body: "\x89PNG\x00"}, 201, "", nil},
			{sent{do: "POST /v1/stream/png", header: binary, body: "\xff\xfe"}, 204, "", nil},
			{sent{do: "GET /v1/stream/png"}, 200, "\x89PNG\x00\xff\xfe", map[string]string{"Content-Type": "image/png"}},
			{sent{do: "GET /v1/stream/png?offset=-1&live=sse"}, 200, "", map[string]string{"Content-Type": "text/event-stream", "Stream-SSE-Data-Encoding": "base64"}},

			{sent{do: "POST /v1/stream/text", header: jsonType, body: "1"}, 409, "", map[string]string{"Content-Type": "text/plain; charset=utf-8"}},
			{sent{do: "POST /v1/stream/text", header: text}, 400, "", nil},
			{sent{do: "GET /v1/stream/none"}, 404, "", nil},
			{sent{do: "GET /"}, 404, "", nil},
			{sent{do: "OPTIONS /v1/stream/text"}, 204, "", map[string]string{"Access-Control-Allow-Origin": "*"}},
			{sent{do: "PATCH /v1/stream/text"}, 405, "", nil},
			{sent{do: "DELETE /v1/stream/text"}, 204, "", nil},
			{sent{do: "HEAD /v1/stream/text"}, 404, "", nil},
		} {
			a := d.send(t, f, s.sent)
			if a.status != s.status || s.body != "" && a.body != s.body {
				t.Fatalf("%s: %d %q, want %d %q", s.do, a.status, a.body, s.status, s.body)
			}
			if (s.method() == http.MethodHead || s.status == 204) && a.body != "" {
				t.Errorf("%s: body %q", s.do, a.body)
			}
			for name, want := range s.want {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", s.do, name, got, want)
				}
			}
		}
		// Not modified: nothing but headers.
		tag := d.send(t, f, sent{do: "GET /v1/stream/png"}).header.Get("Etag")
		a := d.send(t, f, sent{do: "GET /v1/stream/png", header: http.Header{"If-None-Match": {`"other", ` + tag}}})
		if a.status != 304 || a.body != "" || a.isBase64 {
			t.Errorf("%s: %d %q", tag, a.status, a.body)
		}
	})
}

// Live reads end in time, and with what comes.
func TestLiveReads(t *testing.T) {
	text := http.Header{"Content-Type": {"text/plain"}}
	for _, c := range []struct {
		name, live, body string
		append           bool
		status           int
		want             time.Duration
	}{
		{"nothing comes to a long-poll", "long-poll", "", false, 204, 20 * time.Second},
		{"something does", "long-poll", "x", true, 200, 3 * time.Second},
		{"nothing comes to SSE", "sse", "event: control\n", false, 200, 20 * time.Second},
		{"something does", "sse", "event: data\ndata:x\n\n", true, 200, 3 * time.Second},
	} {
		through(t, func(t *testing.T, d door) {
			synctest.Test(t, func(t *testing.T) {
				f := onStreams(t)
				d.send(t, f, sent{do: "PUT /v1/stream/s", header: text})
				if c.append {
					go func() {
						time.Sleep(3 * time.Second)
						d.send(t, f, sent{do: "POST /v1/stream/s", header: text, body: "x"})
					}()
				}
				start := time.Now()
				a := d.send(t, f, sent{do: "GET /v1/stream/s?offset=now&live=" + c.live})
				if took := time.Since(start); took != c.want || a.status != c.status || !strings.Contains(a.body, c.body) {
					t.Errorf("%s: %d %q after %v, want %d after %v", c.name, a.status, a.body, took, c.status, c.want)
				}
			})
		})
	}
}

// The invocation's end comes first.
func TestLiveReadsEndBeforeTheInvocation(t *testing.T) {
	through(t, func(t *testing.T, d door) {
		synctest.Test(t, func(t *testing.T) {
			f := onStreams(t)
			d.send(t, f, sent{do: "PUT /v1/stream/s"})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			start := time.Now()
			a := d.invoke(t, ctx, f, d.event(t, sent{do: "GET /v1/stream/s?offset=now&live=long-poll"}))
			if took := time.Since(start); a.status != 204 || took >= 10*time.Second-killTime || took < 8*time.Second {
				t.Errorf("%d after %v", a.status, took)
			}
		})
	})
}

// The sample events that `make invoke` runs.
func TestSampleEvents(t *testing.T) {
	f := onStreams(t)
	doors[0].send(t, f, sent{do: "PUT /v1/stream/demo", header: http.Header{"Content-Type": {"application/json"}}})
	for _, s := range []struct {
		door   door
		file   string
		status int
		body   string
	}{
		{doors[0], "httpapi/append.json", 204, ""},
		{doors[1], "alb/append.json", 204, ""},
		{doors[2], "alb/read-multivalue.json", 200, `[{"from":"ann","text":"hello"},{"from":"ann","text":"hello"}]`},
	} {
		payload, err := os.ReadFile(filepath.Join("..", "..", "events", s.file))
		if err != nil {
			t.Fatal(err)
		}
		if a := s.door.invoke(t, t.Context(), f, json.RawMessage(payload)); a.status != s.status || a.body != s.body {
			t.Errorf("%s: %d %q, want %d %q", s.file, a.status, a.body, s.status, s.body)
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "events", "dynamodb", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		payload, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := f.Invoke(t.Context(), payload); err != (UnknownEventError{}) {
			t.Errorf("%s: %s, %v", file, out, err)
		}
	}
}
