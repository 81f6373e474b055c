package protocol

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func TestRouting(t *testing.T) {
	var steps []step
	for target, status := range map[string]int{
		"/":                              404,
		"/healthz":                       404,
		"/v1/stream":                     404,
		"/v1/streams/a":                  404,
		"//v1/stream/s":                  404,
		"/v1/stream/":                    400,
		"/v1/stream/s/":                  400,
		"/v1/stream//s":                  400,
		"/v1/stream/../stream/s":         400,
		"/v1/stream/a/%2e%2e/s":          400,
		"/v1/stream/a%2Fs":               400,
		"/v1/stream/__ds":                404,
		"/v1/stream/__ds/subscriptions/": 404,
		"/v1/stream/__ds/jwks.json":      404,
		"/v1/stream/s":                   200,
		"http://other.example/v1/stream/s?offset=-1": 200,
	} {
		steps = append(steps, step{do: "GET " + target, status: status, want: header{"Location": absent}})
	}
	for _, method := range []string{"PATCH", "TRACE", "PROPFIND", "get"} {
		steps = append(steps, step{do: method + " /v1/stream/s", status: 405, want: header{"Allow": "~POST"}})
	}
	runScenarios(t, []scenario{{"routes", append([]step{createText}, steps...)}})
}

func TestNew(t *testing.T) {
	log, err := stream.New(memory.New(), stream.Options{Limits: stream.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(log, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if c := h.config; c.MaxBody != 10<<20 || c.LongPollWait != 20*time.Second || c.SSELifetime != 55*time.Second {
		t.Errorf("defaults are %+v", c)
	}
	for name, c := range map[string]Config{
		"MaxBody":      {MaxBody: -1},
		"between":      {MaxBody: 2 << 30},
		"LongPollWait": {LongPollWait: -1},
		"SSELifetime":  {SSELifetime: -1},
		"WriteStall":   {WriteStall: -1},
		"BodyStall":    {BodyStall: -1},
	} {
		if _, err := New(log, c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v gives %v, want an error with %s", c, err, name)
		}
	}
	if _, err := New(nil, Config{}); err == nil {
		t.Error("a handler without a log was made")
	}
}

func TestLogLine(t *testing.T) {
	var out lines
	k := newKit(t, func(s *setup) { s.Logger = out.logger() })
	k.run(t, createText)
	k.run(t, appendText("secret text"))
	k.run(t, step{do: "GET /v1/stream/s?offset=-1&token=secret", status: 200, text: "secret text"})
	k.run(t, closeIt)
	k.run(t, step{do: "GET /v1/stream/t", status: 404})
	for i, want := range []string{
		"level=INFO msg=request method=PUT stream=s kind=create status=201 bytes=0 duration=",
		"level=INFO msg=request method=POST stream=s kind=append status=204 bytes=0 duration=",
		"level=INFO msg=request method=GET stream=s kind=catch-up status=200 bytes=11 duration=",
		"level=INFO msg=request method=POST stream=s kind=close status=204 bytes=0 duration=",
		"level=INFO msg=request method=GET stream=t kind=catch-up status=404",
	} {
		if !strings.Contains(out.all[i], want) {
			t.Errorf("line %d is %s, want %s", i, out.all[i], want)
		}
	}
	if strings.Contains(out.String(), "secret") {
		t.Errorf("content was logged: %s", out.String())
	}
}

// A panic costs its request, and nothing else.
func TestPanic(t *testing.T) {
	var out lines
	k := newKit(t, func(s *setup) { s.Logger = out.logger() })
	k.run(t, createText)
	k.store.onHead.set(func() error { panic("out of luck") })
	w := k.run(t, step{do: "GET /v1/stream/s", status: 500})
	if contains(w.Body.String(), "luck") || !contains(out.String(), "level=ERROR", "out of luck", "handler_test.go") {
		t.Errorf("told %q, logged %s", w.Body.String(), out.String())
	}
	k.store.onHead.clear()
	k.run(t, step{do: "GET /v1/stream/s", status: 200})
}

// What was sent before a panic cannot be taken back: the connection is aborted.
func TestPanicAfterAnswer(t *testing.T) {
	k := newKit(t)
	k.run(t, createText)
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("the handler panicked with %v", p)
		}
	}()
	k.ServeHTTP(explodingWriter{httptest.NewRecorder()}, httptest.NewRequest("GET", "/v1/stream/s?offset=-1&live=sse", nil))
	t.Error("the handler returned")
}

type explodingWriter struct{ *httptest.ResponseRecorder }

func (explodingWriter) Write([]byte) (int, error) { panic("out of luck") }

func BenchmarkAppend(b *testing.B) {
	for name, contentType := range map[string]string{"text": "text/plain", "json": "application/json"} {
		b.Run(name, func(b *testing.B) {
			k := newKit(b, func(s *setup) { s.Now = time.Now })
			body := `{"id":123456,"name":"somebody","text":"some text, and more"}`
			create := httptest.NewRequest("PUT", "/v1/stream/s", nil)
			create.Header.Set("Content-Type", contentType)
			k.ServeHTTP(httptest.NewRecorder(), create)
			r := httptest.NewRequest("POST", "/v1/stream/s", nil)
			r.Header.Set("Content-Type", contentType)
			r.ContentLength = int64(len(body))
			reader := strings.NewReader(body)
			r.Body = io.NopCloser(reader)
			w := &nullWriter{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				reader.Reset(body)
				clear(w.header)
				k.ServeHTTP(w, r)
				if w.status != 204 {
					b.Fatal(w.status)
				}
			}
		})
	}
}

// nullWriter is a response that goes nowhere.
type nullWriter struct {
	header http.Header
	status int
}

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) WriteHeader(status int)      { w.status = status }
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
