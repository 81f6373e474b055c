package lambdahttp_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/commoncurriculum/durable-streams-aws/pkg/lambdahttp"
)

// request returns what a handler gets for an event.
func request(t testing.TB, payload string) (got *http.Request, body string) {
	t.Helper()
	a := call(t, handle(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got, body = r, string(b)
	}), payload)
	if got == nil {
		t.Fatalf("the handler was not called: %d %s", a.StatusCode, a.body)
	}
	return got, body
}

// The first column is what a client sends. A function URL passes it on as it is, except
// where an HTTP API would have decoded it already.
func TestPaths(t *testing.T) {
	for _, c := range []struct{ raw, escaped, path string }{
		{"/", "/", "/"},
		{"", "/", "/"},
		{"/a/b", "/a/b", "/a/b"},
		{"/a%2Fb", "/a%2Fb", "/a/b"},
		{"/a%2fb", "/a%2fb", "/a/b"},
		{"/a%20b", "/a%20b", "/a b"},
		{"/a%61", "/a%61", "/aa"},
		{"/%CE%BB-%E4%B8%96", "/%CE%BB-%E4%B8%96", "/λ-世"},
		{"/a%3Fb%23c%25", "/a%3Fb%23c%25", "/a?b#c%"},
		{"/literal%252Fvalue", "/literal%252Fvalue", "/literal%2Fvalue"},
		{"//a//", "//a//", "//a//"},
		{"/a/../b/.", "/a/../b/.", "/a/../b/."},
		{"/:@!$&'()*+,;=~-_.", "/:@!$&'()*+,;=~-_.", "/:@!$&'()*+,;=~-_."},
		{"/a+b", "/a+b", "/a+b"},
		// Decoded on the way:
		{"/a b", "/a%20b", "/a b"},
		{"/λ", "/%CE%BB", "/λ"},
		{"/a#b?c", "/a%23b%3Fc", "/a#b?c"},
	} {
		r, _ := request(t, payload(map[string]any{"rawPath": c.raw, "rawQueryString": "q=%2F&r=a+b"}, nil))
		if r.URL.EscapedPath() != c.escaped || r.URL.Path != c.path || r.URL.RawQuery != "q=%2F&r=a+b" || r.RequestURI != c.escaped+"?q=%2F&r=a+b" {
			t.Errorf("%s: path %q, escaped %q, target %q", c.raw, r.URL.Path, r.URL.EscapedPath(), r.RequestURI)
		}
	}
	if r, _ := request(t, plain("GET", "/a")); r.RequestURI != "/a" {
		t.Errorf("target %q", r.RequestURI)
	}
}

func TestRequestHeaders(t *testing.T) {
	r, body := request(t, payload(map[string]any{
		"headers": map[string]string{"host": "custom.example.com", "x-many": "a,b", "if-none-match": `"x", "y"`, "cookie": "old=1"},
		"cookies": []string{"a=1", "b=2,3"},
	}, map[string]any{"protocol": "HTTP/2.0", "sourceIp": "2001:db8::1"}))
	h := r.Header
	if fmt.Sprint(h["X-Many"]) != "[a,b]" || h.Get("If-None-Match") != `"x", "y"` || fmt.Sprint(h["Cookie"]) != "[a=1; b=2,3]" {
		t.Errorf("header %v", h)
	}
	if _, there := h["Host"]; there || r.Host != "custom.example.com" {
		t.Errorf("host %q, header %v", r.Host, h)
	}
	if r.RemoteAddr != "[2001:db8::1]:0" || r.Proto != "HTTP/2.0" || !r.ProtoAtLeast(2, 0) {
		t.Errorf("from %s by %s", r.RemoteAddr, r.Proto)
	}
	if r.Body != http.NoBody || r.ContentLength != 0 || body != "" {
		t.Errorf("body %v of %d bytes", r.Body, r.ContentLength)
	}
	// Less than a function URL sends is enough.
	r, _ = request(t, payload(map[string]any{"headers": nil, "rawQueryString": nil, "isBase64Encoded": nil, "body": nil, "cookies": []string{}}, map[string]any{"protocol": nil}))
	if r.Host != "id.lambda-url.us-east-1.on.aws" || r.Proto != "HTTP/1.1" || len(r.Header) != 0 {
		t.Errorf("host %q, %s, header %v", r.Host, r.Proto, r.Header)
	}
}

func TestRequestBodies(t *testing.T) {
	binary := "\x00\xff\xfe" + strings.Repeat("b", 1000)
	encoded := base64.StdEncoding.EncodeToString([]byte(binary))
	for name, c := range map[string]struct{ members, want string }{
		"none":            {``, ""},
		"null":            {`,"body":null`, ""},
		"empty":           {`,"body":""`, ""},
		"empty, encoded":  {`,"body":"","isBase64Encoded":true`, ""},
		"text":            {`,"body":"a\"b\\\n\u00e9ö\ud83d\ude00"`, "a\"b\\\né" + "ö😀"},
		"text, no base64": {`,"body":"AAAA","isBase64Encoded":false`, "AAAA"},
		"binary":          {`,"body":"` + encoded + `","isBase64Encoded":true`, binary},
		"encoded first":   {`,"isBase64Encoded":true,"body":"` + encoded + `"`, binary},
		"escaped":         {`,"body":"` + strings.ReplaceAll(encoded, "/", `\/`) + `","isBase64Encoded":true`, binary},
		"spaces":          {", \"body\" \t:\n \"a\"", "a"},
		"ends in escapes": {`,"body":"a\\\\","isBase64Encoded":false`, `a\\`},
		"elsewhere":       {`,"other":{"body":"wrong"},"list":["body","x"],"name":"body","body":"right"`, "right"},
		"looks like it":   {`,"other":"\"body\":\"wrong\"","body":"\"body\":"`, `"body":`},
	} {
		t.Run(name, func(t *testing.T) {
			e := `{"version":"2.0","rawPath":"/","requestContext":{"body":"wrong","http":{"method":"POST"}}` + c.members + `}`
			r, body := request(t, e)
			if body != c.want || r.ContentLength != int64(len(c.want)) || (r.Body == http.NoBody) != (c.want == "") {
				t.Errorf("%q of %d bytes, want %q", body, r.ContentLength, c.want)
			}
		})
	}
}

func TestMalformedEvents(t *testing.T) {
	for name, c := range map[string]struct {
		event, say string
	}{
		"not base64":       {payload(map[string]any{"body": "%%%", "isBase64Encoded": true}, nil), "base64"},
		"broken base64":    {payload(map[string]any{"body": "AAA", "isBase64Encoded": true}, nil), "base64"},
		"escaped nonsense": {payload(map[string]any{"body": "\"", "isBase64Encoded": true}, nil), "base64"},
		"no method":        {payload(nil, map[string]any{"method": nil}), "requestContext.http.method"},
		"bad method":       {payload(nil, map[string]any{"method": "GET /"}), "requestContext.http.method"},
		"number as method": {payload(nil, map[string]any{"method": 1}), "requestContext.http.method must not be of the type number"},
		"no context":       {payload(map[string]any{"requestContext": nil}, nil), "requestContext.http.method"},
		"no path":          {payload(map[string]any{"rawPath": nil}, nil), "rawPath"},
		"not a path":       {payload(map[string]any{"rawPath": "a"}, nil), "rawPath"},
		"bad escape":       {payload(map[string]any{"rawPath": "/100%"}, nil), "rawPath"},
		"number as path":   {payload(map[string]any{"rawPath": 7}, nil), "rawPath must not be of the type number"},
		"headers":          {payload(map[string]any{"headers": map[string]any{"a": []string{"b"}}}, nil), "headers"},
		"cookies":          {payload(map[string]any{"cookies": "a=b"}, nil), "cookies must not be of the type string"},
		"body":             {payload(map[string]any{"body": map[string]any{"a": "b"}}, nil), "body must not be of the type object"},
		"body twice":       {`{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"POST"}},"body":"a","body":"b"}`, "body"},
		"other case":       {`{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"POST"}},"Body":"a"}`, "body"},
		"flag":             {payload(map[string]any{"isBase64Encoded": "yes"}, nil), "isBase64Encoded"},
		"context":          {payload(map[string]any{"requestContext": "x"}, nil), "requestContext must not be of the type string"},
	} {
		t.Run(name, func(t *testing.T) {
			a := refused(t, c.event)
			if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.body, c.say) || !strings.HasSuffix(a.body, "\n") || a.err != nil {
				t.Errorf("%d %q, %v", a.StatusCode, a.body, a.err)
			}
			if a.Headers["Content-Type"] != "text/plain; charset=utf-8" || a.Headers["Cache-Control"] != "no-store" {
				t.Errorf("headers %v", a.Headers)
			}
			if strings.Contains(a.body, "json:") || strings.Contains(a.body, "lambdahttp") {
				t.Errorf("it tells of the inside: %s", a.body)
			}
		})
	}
}

// unknown checks the answer to an event that is no function URL's: the invocation
// fails, so that a queue keeps its messages.
func unknown(t *testing.T, name string, a answer) {
	t.Helper()
	if a.StatusCode != http.StatusInternalServerError || !strings.Contains(a.body, "function URL") || !errors.Is(a.err, lambdahttp.UnknownEventError{}) {
		t.Errorf("%s: %d %q, %v", name, a.StatusCode, a.body, a.err)
	}
}

func TestUnknownEvents(t *testing.T) {
	for name, e := range map[string]string{
		"REST API":    `{"version":"1.0","resource":"/","path":"/","httpMethod":"GET","headers":{},"requestContext":{"httpMethod":"GET"},"body":null,"isBase64Encoded":false}`,
		"SQS":         `{"Records":[{"messageId":"1","body":"x","eventSource":"aws:sqs"}]}`,
		"EventBridge": `{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`,
		"empty":       `{}`, "text": `"text"`, "number": `7`, "list": `[{"version":"2.0"}]`, "null": `null`, "true": `true`,
		"version": `{"version":2.0,"rawPath":"/","requestContext":{"http":{"method":"GET"}}}`,
	} {
		unknown(t, name, refused(t, e))
	}
}

// The request's context is the invocation's.
func TestRequestContext(t *testing.T) {
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "id-1"})
	f := handle(func(_ http.ResponseWriter, r *http.Request) {
		if lc, ok := lambdacontext.FromContext(r.Context()); !ok || lc.AwsRequestID != "id-1" {
			t.Errorf("lambda context %v", lc)
		}
	})
	r, err := f(ctx, event(t, plain("GET", "/")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Error(err)
	}
}
