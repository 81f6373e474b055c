package lambdahttp_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

const separator = "\x00\x00\x00\x00\x00\x00\x00\x00"

// prelude reads the first chunk of a streamed response: status, headers, cookies,
// and nothing else.
func (p *post) prelude(t testing.TB) (d struct {
	StatusCode int
	Headers    map[string]string
	Cookies    []string
}) {
	t.Helper()
	if !strings.HasSuffix(p.path, "/response") || p.header.Get("Content-Type") != "application/vnd.awslambda.http-integration-response" {
		t.Fatalf("posted to %s: %v", p.path, p.header)
	}
	chunk, _ := p.next(t)
	document, ok := strings.CutSuffix(chunk, separator)
	if !ok {
		t.Fatalf("the first chunk is %q", chunk)
	}
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// failure decodes the trailers that report a broken response.
func (p *post) failure(t testing.TB) (kind, message string) {
	t.Helper()
	var report struct{ ErrorType, ErrorMessage string }
	kind = p.trailer.Get("Lambda-Runtime-Function-Error-Type")
	document, err := base64.StdEncoding.DecodeString(p.trailer.Get("Lambda-Runtime-Function-Error-Body"))
	if err == nil && len(document) > 0 {
		err = json.Unmarshal(document, &report)
	}
	if err != nil || report.ErrorType != kind {
		t.Errorf("trailer %v: %v", p.trailer, err)
	}
	return kind, report.ErrorMessage
}

// works checks that the process serves a request, all of it.
func (api *runtimeAPI) works(t testing.TB) {
	t.Helper()
	p := api.invoke(t, "works", payload(map[string]any{"rawPath": "/echo", "rawQueryString": "a=b", "body": "text"}, map[string]any{"method": "POST"}))
	d := p.prelude(t)
	if d.StatusCode != 200 || d.Headers["X-Many"] != "a, b" || d.Headers["X-Invocation"] != "works" || fmt.Sprint(d.Cookies) != "[c=1 d=2]" {
		t.Errorf("prelude %+v", d)
	}
	if d.Headers["Content-Type"] != "text/plain; charset=utf-8" {
		t.Errorf("sniffed %q", d.Headers["Content-Type"])
	}
	if body := p.rest(t); body != "POST /echo?a=b text" {
		t.Errorf("body %q", body)
	}
	if kind, _ := p.failure(t); kind != "" {
		t.Errorf("failed with %s", kind)
	}
}

// What is flushed leaves the process at once, in one piece, while the handler goes on:
// it does so only when the test has seen each chunk.
func TestWireStreams(t *testing.T) {
	api, g := start(t), newGate(t)
	p := api.invoke(t, "1", payload(map[string]any{"rawPath": "/chunks", "rawQueryString": "await=" + url.QueryEscape(g.url)}, nil))
	if d := p.prelude(t); d.StatusCode != 200 {
		t.Errorf("prelude %+v", d)
	}
	for i := range 3 {
		if chunk, _ := p.next(t); chunk != fmt.Sprint("chunk ", i) {
			t.Errorf("chunk %d is %q", i, chunk)
		}
		g.pass(t)
	}
	if rest := p.rest(t); rest != "end" {
		t.Errorf("the last chunk is %q", rest)
	}
	if kind, message := p.failure(t); kind != "" {
		t.Errorf("failed: %s, %s", kind, message)
	}
	api.works(t)
}

// A response without a body is complete for the client while the handler goes on.
func TestWireHeadersAlone(t *testing.T) {
	api, g := start(t), newGate(t)
	for _, method := range []string{"POST", "HEAD"} {
		p := api.invoke(t, "1", payload(map[string]any{"rawPath": "/nothing", "rawQueryString": "await=" + url.QueryEscape(g.url)}, map[string]any{"method": method}))
		if d := p.prelude(t); d.StatusCode != 204 || d.Headers["Stream-Next-Offset"] != "7" {
			t.Errorf("%s: prelude %+v", method, d)
		}
		g.pass(t)
		if rest := p.rest(t); rest != "" {
			t.Errorf("%s: body %q", method, rest)
		}
	}
	api.works(t)
}

// A full buffer leaves without a flush.
func TestWireFullBuffer(t *testing.T) {
	api, g := start(t), newGate(t)
	p := api.invoke(t, "1", payload(map[string]any{"rawPath": "/large", "rawQueryString": "await=" + url.QueryEscape(g.url)}, nil))
	p.prelude(t)
	if chunk, _ := p.next(t); len(chunk) != 32<<10 {
		t.Errorf("a chunk of %d bytes", len(chunk))
	}
	g.pass(t)
	if rest := p.rest(t); len(rest) != 18<<10 {
		t.Errorf("%d bytes more", len(rest))
	}
}

// A panic costs its request, and nothing else.
func TestWirePanics(t *testing.T) {
	api := start(t)
	p := api.invoke(t, "first", plain("GET", "/panic"))
	if d, body := p.prelude(t), p.rest(t); d.StatusCode != 500 || body != "internal error\n" {
		t.Errorf("prelude %+v, body %q", d, body)
	}
	if kind, _ := p.failure(t); kind != "" {
		t.Errorf("failed with %s", kind)
	}
	api.works(t)
	p = api.invoke(t, "second", plain("GET", "/late-panic"))
	if d, body := p.prelude(t), p.rest(t); d.StatusCode != 200 || body != "begun" {
		t.Errorf("prelude %+v, body %q", d, body)
	}
	if kind, message := p.failure(t); kind != "AbortedError" || message != "the response is not whole: the handler failed" {
		t.Errorf("failed with %s: %s", kind, message)
	}
	api.works(t)
	for _, want := range []string{"secret", "request=first", "request=second", "path=/late-panic", "child_test.go"} {
		if !strings.Contains(api.stderr.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, api.stderr)
		}
	}
}

// What is no request is answered, and the process lives on.
func TestWireRefuses(t *testing.T) {
	api := start(t)
	p := api.invoke(t, "1", payload(map[string]any{"body": "!", "isBase64Encoded": true}, nil))
	if d, body := p.prelude(t), p.rest(t); d.StatusCode != 400 || !strings.Contains(body, "base64") {
		t.Errorf("prelude %+v, body %q", d, body)
	}
	for _, event := range []string{`{"Records":[{"eventSource":"aws:sqs","body":"x"}]}`, `"text"`, `null`, `[]`, `7`} {
		p = api.invoke(t, "2", event)
		if d, body := p.prelude(t), p.rest(t); d.StatusCode != 500 || !strings.Contains(body, "function URL") {
			t.Errorf("%s: prelude %+v, body %q", event, d, body)
		}
		if kind, message := p.failure(t); kind != "UnknownEventError" || !strings.Contains(message, "function URL") {
			t.Errorf("%s: failed with %s: %s", event, kind, message)
		}
	}
	// Lambda accepts no such event. The runtime refuses it before it gets to us.
	if p = api.invoke(t, "3", `{"version":`); !strings.HasSuffix(p.path, "/3/error") {
		t.Errorf("posted to %s", p.path)
	}
	p.rest(t)
	api.works(t)
}
