//go:build unix

package frontdoor_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/frontdoor"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
)

// recording is a function that keeps its event and answers as it is told.
type recording struct {
	payload []byte
	result  string
	err     error
	invoke  func(context.Context) ([]byte, error)
	body    io.Reader
}

func (r *recording) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	r.payload = payload
	if r.invoke != nil {
		return r.invoke(ctx)
	}
	return []byte(r.result), r.err
}

func (r *recording) InvokeStream(_ context.Context, payload []byte) (*host.Response, error) {
	r.payload = payload
	if r.err != nil {
		return nil, r.err
	}
	body := r.body
	if body == nil {
		body = strings.NewReader("")
	}
	return &host.Response{Body: io.NopCloser(body)}, nil
}

func TestBuffered(t *testing.T) {
	d := openURL(t, nil, frontdoor.URLOptions{Buffered: true})
	for _, c := range []struct {
		name, result      string
		status            int
		contentType, body string
	}{
		{"whole", `{"statusCode":201,"headers":{"Content-Type":"text/plain"},"body":"text","cookies":["a=1","b=2"]}`, 201, "text/plain", "text"},
		{"base64", `{"statusCode":200,"body":"AP8=","isBase64Encoded":true}`, 200, "application/json", "\x00\xff"},
		{"no body", `{"statusCode":404}`, 404, "application/json", ""},
		{"status as text", `{"statusCode":"202","body":"x"}`, 202, "application/json", "x"},
		{"body is an object", `{"statusCode":200,"body":{"a":1}}`, 200, "application/json", `{"a":1}`},
		{"inferred object", `{"message":"hello"}`, 200, "application/json", `{"message":"hello"}`},
		{"inferred string", `"hello"`, 200, "application/json", "hello"},
		{"inferred number", `7`, 200, "application/json", "7"},
		{"inferred null", `null`, 200, "application/json", "null"},
		{"no content", `{"statusCode":204,"body":"x"}`, 204, "application/json", ""},
		{"bad base64", `{"statusCode":200,"body":"!","isBase64Encoded":true}`, 502, "text/plain", "Internal Server Error"},
		{"bad status", `{"statusCode":"many"}`, 502, "text/plain", "Internal Server Error"},
		{"bad cookies", `{"statusCode":200,"cookies":7}`, 502, "text/plain", "Internal Server Error"},
	} {
		response, body := d.do(t, "POST", "/json", c.result, "Content-Type", "application/json")
		if response.StatusCode != c.status || body != c.body || response.Header.Get("Content-Type") != c.contentType {
			t.Errorf("%s: %d %s %q, want %d %s %q", c.name, response.StatusCode, response.Header.Get("Content-Type"), body, c.status, c.contentType, c.body)
		}
		if c.name == "whole" && len(response.Header["Set-Cookie"]) != 2 {
			t.Errorf("cookies: %v", response.Header)
		}
	}
	// What a streaming function writes is no document.
	if response, _ := d.do(t, "GET", "/event", ""); response.StatusCode != 502 {
		t.Errorf("a stream: %d", response.StatusCode)
	}
	if response, body := d.do(t, "GET", "/error", ""); response.StatusCode != 502 || strings.Contains(body, "secret") {
		t.Errorf("an error: %d %q", response.StatusCode, body)
	}
}

func TestHTTPAPI(t *testing.T) {
	d := open(t, nil, frontdoor.HTTPAPI)
	response, body := d.do(t, "POST", "/json", `{"statusCode":201,"body":"aGVsbG8=","isBase64Encoded":true,"headers":{"X-A":"b"}}`, "Content-Type", "application/json")
	if response.StatusCode != 201 || body != "hello" || response.Header.Get("X-A") != "b" || response.Header.Get("Apigw-Requestid") == "" {
		t.Errorf("%d %q %v", response.StatusCode, body, response.Header)
	}
	if response, body := d.do(t, "GET", "/error", ""); response.StatusCode != 500 || body != `{"message":"Internal Server Error"}` {
		t.Errorf("an error: %d %q", response.StatusCode, body)
	}
	if response, body := d.do(t, "POST", "/json", strings.Repeat("x", 7<<20)); response.StatusCode != 413 {
		t.Errorf("too long: %d %q", response.StatusCode, body)
	}
	seen := &recording{result: `{}`}
	r := httptest.NewRequest("GET", "/a%2Fb", nil)
	r.Header.Set("Cookie", "a=1")
	frontdoor.HTTPAPI(seen, frontdoor.Options{}).ServeHTTP(httptest.NewRecorder(), r)
	var e struct {
		RawPath string
		Cookies []string
		Headers map[string]string
	}
	if err := json.Unmarshal(seen.payload, &e); err != nil {
		t.Fatal(err)
	}
	if _, twice := e.Headers["cookie"]; e.RawPath != "/a/b" || len(e.Cookies) != 1 || twice {
		t.Errorf("event %+v", e)
	}
}

func TestErrorAnswers(t *testing.T) {
	for _, c := range []struct {
		err      error
		url, api int
	}{
		{host.ErrThrottled, 429, 503},
		{host.ErrClosed, 503, 503},
		{host.ErrRequestTooLarge, 413, 413},
		{&host.FunctionError{Type: "secret"}, 502, 500},
		{errors.New("secret"), 500, 500},
	} {
		f := &recording{err: c.err}
		for _, door := range []struct {
			name    string
			handler http.Handler
			want    int
		}{
			{"stream", frontdoor.FunctionURL(f, frontdoor.URLOptions{}), c.url},
			{"buffered", frontdoor.FunctionURL(f, frontdoor.URLOptions{Buffered: true}), c.url},
			{"HTTP API", frontdoor.HTTPAPI(f, frontdoor.Options{}), c.api},
		} {
			w := httptest.NewRecorder()
			door.handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if w.Code != door.want || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%s, %v: %d %q, want %d", door.name, c.err, w.Code, w.Body, door.want)
			}
		}
	}
}

func TestIntegrationTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &recording{invoke: func(ctx context.Context) ([]byte, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}}
		began := time.Now()
		w := httptest.NewRecorder()
		frontdoor.HTTPAPI(f, frontdoor.Options{}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if took := time.Since(began); w.Code != 503 || took != 30*time.Second {
			t.Errorf("%d after %v", w.Code, took)
		}
	})
}

func TestBandwidth(t *testing.T) {
	for _, c := range []struct {
		limit bool
		want  time.Duration
	}{{false, 0}, {true, 2 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			f := &recording{body: io.LimitReader(zeros{}, 10<<20)}
			began := time.Now()
			w := httptest.NewRecorder()
			frontdoor.FunctionURL(f, frontdoor.URLOptions{LimitBandwidth: c.limit}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if took := time.Since(began); took != c.want || w.Body.Len() != 10<<20 {
				t.Errorf("10 MiB, limited %t: %d bytes took %v, want %v", c.limit, w.Body.Len(), took, c.want)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
