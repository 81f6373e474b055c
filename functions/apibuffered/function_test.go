package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

func TestPath(t *testing.T) {
	for _, path := range []string{
		"/v1/stream/a", "/v1/stream/a%20b", "/v1/stream/%CE%BB-%E4%B8%96", "/v1/stream/a%23b", "/v1/stream/50%25",
		"/v1/stream/a:b@c+d&e=f", "/v1/stream/a%3Fb", "/v1/stream/a;b", "//v1//stream/a/", "/v1/stream/../a",
	} {
		through(t, func(t *testing.T, d door) {
			r := seen(t, d, sent{do: "GET " + path + "?offset=-1"})
			if got := r.URL.EscapedPath(); got != path {
				t.Errorf("path %q, want %q", got, path)
			}
			if r.URL.RawQuery != "offset=-1" || r.RequestURI != r.URL.RequestURI() {
				t.Errorf("query %q, request URI %q", r.URL.RawQuery, r.RequestURI)
			}
		})
	}
	// Another spelling of the same path: only a load balancer tells it.
	for _, d := range doors[1:] {
		for _, path := range []string{"/v1/stream/%61", "/v1/stream/a%2Fb", "/v1/stream/a%2fb"} {
			if got := seen(t, d, sent{do: "GET " + path}).URL.EscapedPath(); got != path {
				t.Errorf("%s: path %q, want %q", d.name, got, path)
			}
		}
	}
}

// HTTP APIs decode paths, some of them twice, and send what they have made of it.
// These were captured on AWS by the authors of github.com/hotsock/voker.
func TestPathOfHTTPAPI(t *testing.T) {
	for raw, want := range map[string]string{
		"/capture/slash/value":           "/capture/slash/value", // slash%2Fvalue
		"/capture/literal?value":         "/capture/literal%3Fvalue",
		"/capture/literal%value":         "/capture/literal%25value",
		"/capture/hash#value":            "/capture/hash%23value",
		"/capture/space value":           "/capture/space%20value",
		"/capture/unicode-\u03bb-\u4e16": "/capture/unicode-%CE%BB-%E4%B8%96",
	} {
		e := httpAPIEvent(t, sent{do: "GET /"})
		e["rawPath"] = raw
		var got *url.URL
		doors[0].invoke(t, t.Context(), on(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL })), e)
		if got == nil || got.EscapedPath() != want {
			t.Errorf("%q became %v, want %q", raw, got, want)
		}
	}
}

func TestQuery(t *testing.T) {
	through(t, func(t *testing.T, d door) {
		r := seen(t, d, sent{do: "GET /a?cursor=a%2Bb%26c&empty=&offset=%2D1&plus=a+b"})
		if want := "cursor=a%2Bb%26c&empty=&offset=%2D1&plus=a+b"; r.URL.RawQuery != want {
			t.Errorf("query %q, want %q", r.URL.RawQuery, want)
		}
		if q := r.URL.Query(); q.Get("offset") != "-1" || q.Get("cursor") != "a+b&c" || q.Get("plus") != "a b" {
			t.Errorf("read as %v", q)
		}
		if q := seen(t, d, sent{do: "GET /a"}).URL.RawQuery; q != "" {
			t.Errorf("no query became %q", q)
		}
	})
	for _, d := range []door{doors[0], doors[2]} {
		if q := seen(t, d, sent{do: "GET /a?live=a&live=b"}).URL.RawQuery; q != "live=a&live=b" {
			t.Errorf("%s: several values became %q", d.name, q)
		}
	}
}

func TestHeaders(t *testing.T) {
	through(t, func(t *testing.T, d door) {
		r := seen(t, d, sent{do: "GET /a", header: http.Header{
			"If-None-Match": {`"a", "b"`}, "Producer-Id": {"a,b"}, "Cookie": {"one=1; two=2"}, "Content-Type": {"text/plain"},
		}})
		wantHeader(t, r.Header, "If-None-Match", `"a", "b"`)
		wantHeader(t, r.Header, "Producer-Id", "a,b")
		wantHeader(t, r.Header, "Cookie", "one=1; two=2")
		wantHeader(t, r.Header, "Host")
		if r.Host != testHost {
			t.Errorf("host %q", r.Host)
		}
		if c, err := r.Cookie("two"); err != nil || c.Value != "2" {
			t.Errorf("cookie %v, %v", c, err)
		}
		for name := range r.Header {
			if strings.HasPrefix(strings.ToLower(name), "x-") {
				t.Errorf("the client did not send %s", name)
			}
		}
	})
	several := sent{do: "GET /a", header: http.Header{"Stream-Seq": {"1", "2"}}}
	wantHeader(t, seen(t, doors[2], several).Header, "Stream-Seq", "1", "2")
	wantHeader(t, seen(t, doors[0], several).Header, "Stream-Seq", "1,2") // nobody can tell
}

func TestRequestBody(t *testing.T) {
	echo := on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.ContentLength != int64(len(body)) {
			t.Errorf("read %d bytes of %d, %v", len(body), r.ContentLength, err)
		}
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		w.Write(body)
	}))
	for _, c := range []struct {
		mediaType, body string
		isBase64        bool
	}{
		{"text/plain", "text \u03bb <&>\r\n", false},
		{"application/json", `{"a":"b"}`, false},
		{"application/octet-stream", "\x00\xff\xfe", true},
		{"image/png", "\x89PNG\r\n\x1a\n", true},
		{"application/octet-stream", "", false},
	} {
		through(t, func(t *testing.T, d door) {
			a := d.send(t, echo, sent{do: "POST /a", header: http.Header{"Content-Type": {c.mediaType}}, body: c.body})
			if a.status != 200 || a.body != c.body || a.isBase64 != c.isBase64 {
				t.Errorf("%s %q became %d %q, base64 %v", c.mediaType, c.body, a.status, a.body, a.isBase64)
			}
			wantHeader(t, a.header, "Content-Type", c.mediaType)
		})
	}
}

func TestResponse(t *testing.T) {
	for _, c := range []struct {
		name, method string
		handler      http.HandlerFunc
		status       int
		body         string
	}{
		{"nothing", "GET", func(http.ResponseWriter, *http.Request) {}, 200, ""},
		{"a body alone", "GET", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") }, 200, "x"},
		{"HEAD", "HEAD", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") }, 200, ""},
		{"204", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); io.WriteString(w, "x") }, 204, ""},
		{"304", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304); io.WriteString(w, "x") }, 304, ""},
		{"the first status counts", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(500) }, 201, ""},
		{"early hints", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(404) }, 404, ""},
	} {
		through(t, func(t *testing.T, d door) {
			a := d.send(t, on(c.handler), sent{do: c.method + " /a"})
			if a.status != c.status || a.body != c.body || a.isBase64 {
				t.Errorf("%s: %d %q", c.name, a.status, a.body)
			}
		})
	}
}

func TestResponseHeaders(t *testing.T) {
	f := on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Vary"] = []string{"A", "B"}
		h["Set-Cookie"] = []string{"a=1, 1", "b=2"}
		h["Content-Length"] = []string{"1"}
		h["Content-Type"] = []string{"text/plain"}
		io.WriteString(w, "x")
	}))
	through(t, func(t *testing.T, d door) {
		a := d.send(t, f, sent{do: "GET /a"})
		// The front door sets it, and renames or refuses one that it is given.
		wantHeader(t, a.header, "Content-Length")
		if got := strings.ReplaceAll(strings.Join(a.header.Values("Vary"), ","), " ", ""); got != "A,B" {
			t.Errorf("Vary is %q", got)
		}
		switch cookies := a.header.Values("Set-Cookie"); d.name {
		case "ALB": // has room for one
			wantHeader(t, a.header, "Set-Cookie", "b=2")
		default:
			if len(cookies) != 2 || cookies[0] != "a=1, 1" {
				t.Errorf("cookies %q", cookies)
			}
		}
	})
}

func TestDeadline(t *testing.T) {
	for _, c := range []struct {
		name         string
		door         door
		left         time.Duration
		want         time.Duration
		withoutLimit bool
	}{
		{"the invocation's", doors[0], 10 * time.Second, 10*time.Second - killTime, false},
		{"the HTTP API's", doors[0], time.Minute, httpAPIPatience, false},
		{"the HTTP API's alone", doors[0], 0, httpAPIPatience, false},
		{"a load balancer has none", doors[1], time.Minute, time.Minute - killTime, false},
		{"none", doors[1], 0, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "id"})
				if c.left > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.left)
					defer cancel()
				}
				c.door.invoke(t, ctx, on(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					deadline, limited := r.Context().Deadline()
					if limited == c.withoutLimit || limited && time.Until(deadline) != c.want {
						t.Errorf("deadline in %v, %v, want in %v", time.Until(deadline), limited, c.want)
					}
					if lc, ok := lambdacontext.FromContext(r.Context()); !ok || lc.AwsRequestID != "id" {
						t.Error("the invocation's context is lost")
					}
				})), c.door.event(t, sent{do: "GET /a"}))
			})
		})
	}
}

func TestPanic(t *testing.T) {
	var log bytes.Buffer
	calls := 0
	f := on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls > 1 {
			return
		}
		w.Header().Set("X-Begun", "yes")
		io.WriteString(w, "half of it")
		panic("out of luck")
	}))
	through(t, func(t *testing.T, d door) {
		log.Reset()
		calls = 0
		f.logger = slog.New(slog.NewJSONHandler(&log, nil))
		a := d.send(t, f, sent{do: "GET /v1/stream/a"})
		if a.status != 500 || a.body != "internal error\n" {
			t.Errorf("answered %d %q", a.status, a.body)
		}
		wantHeader(t, a.header, "X-Begun")
		wantHeader(t, a.header, "Cache-Control", "no-store")
		wantHeader(t, a.header, "Content-Type", "text/plain; charset=utf-8")
		wantHeader(t, a.header, "Access-Control-Allow-Origin", "*")
		for _, part := range []string{`"panic":"out of luck"`, "/v1/stream/a", "function_test.go"} {
			if !strings.Contains(log.String(), part) || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("no %s in %s", part, log.String())
			}
		}
		if a := d.send(t, f, sent{do: "GET /v1/stream/a"}); a.status != 200 {
			t.Errorf("the next one is answered %d", a.status)
		}
	})
	log.Reset()
	f.httpAPI = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if a := doors[0].send(t, f, sent{do: "HEAD /a"}); a.status != 500 || a.body != "" || log.Len() > 0 {
		t.Errorf("aborted: %d %q, logged %s", a.status, a.body, &log)
	}
}

func TestMalformedEvents(t *testing.T) {
	set := func(path string, value any) func(object) {
		return func(e object) {
			for {
				first, rest, deeper := strings.Cut(path, ".")
				if !deeper {
					e[first] = value
					return
				}
				e, path = e[first].(object), rest
			}
		}
	}
	const both = "HTTP API ALB ALB with multi-value headers"
	for _, c := range []struct {
		name, doors string
		change      func(object)
		says        string
	}{
		{"not base64", both, func(e object) { e["body"], e["isBase64Encoded"] = "!", true }, "base64"},
		{"wrong type", both, set("body", 7), "body is a number"},
		{"no base64 flag", both, set("isBase64Encoded", "yes"), "isBase64Encoded is a string"},
		{"no method", "HTTP API", set("requestContext.http.method", ""), "not one of HTTP"},
		{"bad method", "HTTP API", set("requestContext.http.method", "GET /"), "not one of HTTP"},
		{"no method", "ALB", set("httpMethod", nil), "not one of HTTP"},
		{"no path", "HTTP API", set("rawPath", "a"), "no path"},
		{"no path", "ALB", set("path", ""), "no path"},
		{"bad encoding", "ALB", set("path", "/v1/stream/%zz"), "percent-encoded"},
		{"wrong headers", "HTTP API", set("headers", []string{"a"}), "headers is a array"},
		{"wrong header", "ALB", set("headers", object{"a": 1}), "headers"},
		{"wrong cookies", "HTTP API", set("cookies", "a=b"), "cookies is a string"},
		{"wrong arn", "ALB", set("requestContext.elb", 7), ""},
	} {
		through(t, func(t *testing.T, d door) {
			if !strings.Contains(c.doors, d.name) || d.multi && c.doors != both {
				return
			}
			f := on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }))
			e := d.event(t, sent{do: "POST /v1/stream/a", header: http.Header{"Content-Type": {"text/plain"}}, body: "x"})
			c.change(e)
			a := d.invoke(t, t.Context(), f, e)
			if c.says == "" {
				if a.status != 204 {
					t.Errorf("%s: %d", c.name, a.status)
				}
				return
			}
			if a.status != 400 || !strings.Contains(a.body, c.says) || !strings.HasSuffix(a.body, "\n") {
				t.Errorf("%s: %d %q, want 400 and %q", c.name, a.status, a.body, c.says)
			}
			if a := d.send(t, f, sent{do: "GET /a"}); a.status != 204 {
				t.Errorf("%s: the next one is answered %d", c.name, a.status)
			}
		})
	}
}

func TestUnknownEvents(t *testing.T) {
	var log bytes.Buffer
	f := on(http.NotFoundHandler())
	f.logger = slog.New(slog.NewJSONHandler(&log, nil))
	for _, payload := range []string{
		``, `{`, `null`, `7`, `"2.0"`, `[]`, `{}`, `{"Records":[{"eventSource":"aws:sqs"}]}`,
		`{"version":"1.0","httpMethod":"GET","path":"/","requestContext":{}}`,
		`{"version":2.0}`, `{"requestContext":{"elb":null}}`, `{"requestContext":7}`, "{\"version\":\"2.0\"",
	} {
		log.Reset()
		out, err := f.Invoke(t.Context(), []byte(payload))
		if !errors.Is(err, UnknownEventError{}) || out != nil {
			t.Errorf("%s: %s, %v", payload, out, err)
		}
		if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "payload format 2.0") {
			t.Errorf("%s: logged %s", payload, &log)
		}
	}
}
