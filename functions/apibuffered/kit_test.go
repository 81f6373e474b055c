package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// sent is a request as a client sends it.
type sent struct {
	do     string // method and target
	header http.Header
	body   string
}

func (s sent) method() string { method, _, _ := strings.Cut(s.do, " "); return method }

func (s sent) path() string {
	_, target, _ := strings.Cut(s.do, " ")
	path, _, _ := strings.Cut(target, "?")
	return path
}

func (s sent) query() string { _, query, _ := strings.Cut(s.do, "?"); return query }

// encodedBody is the body as front doors put it into events: text of some types as it is.
func (s sent) encodedBody() (string, bool) {
	switch media, _, _ := strings.Cut(s.header.Get("Content-Type"), ";"); {
	case s.body == "", media == "application/json", strings.HasPrefix(media, "text/"):
		return s.body, false
	}
	return base64.StdEncoding.EncodeToString([]byte(s.body)), true
}

const testHost = "streams.example.com"

// object is JSON.
type object map[string]any

// door is a front door: how it sends a request, and how it answers one.
type door struct {
	name  string
	event func(testing.TB, sent) object
	// multi says that the response's headers are lists.
	multi bool
}

// doors are the three shapes of events.
var doors = []door{
	{name: "HTTP API", event: httpAPIEvent},
	{name: "ALB", event: func(t testing.TB, s sent) object { return albEvent(t, s, false) }},
	{name: "ALB with multi-value headers", event: func(t testing.TB, s sent) object { return albEvent(t, s, true) }, multi: true},
}

func httpAPIEvent(t testing.TB, s sent) object {
	path, err := url.PathUnescape(s.path())
	if err != nil {
		t.Fatal(err)
	}
	headers, cookies := object{"host": testHost}, []string(nil)
	for name, values := range s.header {
		if name == "Cookie" {
			cookies = strings.Split(strings.Join(values, "; "), "; ")
			continue
		}
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	body, isBase64 := s.encodedBody()
	return object{
		"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": s.query(),
		"cookies": cookies, "headers": headers,
		"requestContext": object{
			"domainName": testHost, "stage": "$default", "authorizer": object{"jwt": object{"claims": object{"admin": true}}},
			"http": object{"method": s.method(), "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"},
		},
		"body": body, "isBase64Encoded": isBase64,
	}
}

func albEvent(_ testing.TB, s sent, multi bool) object {
	headers, lists := object{"host": testHost}, object{"host": []string{testHost}}
	for name, values := range s.header {
		headers[strings.ToLower(name)] = values[len(values)-1]
		lists[strings.ToLower(name)] = values
	}
	// Nothing is decoded.
	query, queries := object{}, map[string][]string{}
	for part := range strings.SplitSeq(s.query(), "&") {
		if name, value, _ := strings.Cut(part, "="); name != "" {
			query[name] = value
			queries[name] = append(queries[name], value)
		}
	}
	body, isBase64 := s.encodedBody()
	e := object{
		"requestContext": object{"elb": object{"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/a/0"}},
		"httpMethod":     s.method(), "path": s.path(), "body": body, "isBase64Encoded": isBase64,
	}
	if multi {
		e["multiValueHeaders"], e["multiValueQueryStringParameters"] = lists, queries
	} else {
		e["headers"], e["queryStringParameters"] = headers, query
	}
	return e
}

// answer is a response as a front door sends it on.
type answer struct {
	status   int
	header   http.Header
	body     string
	isBase64 bool
	size     int // of the document
}

// send sends a request through the door.
func (d door) send(t testing.TB, f *function, s sent) answer {
	t.Helper()
	return d.invoke(t, t.Context(), f, d.event(t, s))
}

func (d door) invoke(t testing.TB, ctx context.Context, f *function, event any) answer {
	t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.Invoke(ctx, payload)
	if err != nil {
		t.Fatal(err)
	}
	return d.read(t, out)
}

// read reads a response document, and checks that its headers are where the door
// looks for them.
func (d door) read(t testing.TB, out []byte) answer {
	t.Helper()
	var doc struct {
		StatusCode        int                 `json:"statusCode"`
		StatusDescription string              `json:"statusDescription"`
		Headers           map[string]string   `json:"headers"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
		Cookies           []string            `json:"cookies"`
		Body              string              `json:"body"`
		IsBase64Encoded   bool                `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatalf("%v in %.200s", err, out)
	}
	a := answer{status: doc.StatusCode, header: http.Header(doc.MultiValueHeaders), body: doc.Body, isBase64: doc.IsBase64Encoded, size: len(out)}
	if !d.multi {
		a.header = http.Header{}
		for name, value := range doc.Headers {
			a.header.Add(name, value)
		}
		for _, cookie := range doc.Cookies {
			a.header.Add("Set-Cookie", cookie)
		}
	}
	if d.multi == (doc.MultiValueHeaders == nil) || d.multi == (doc.Headers != nil) {
		t.Errorf("headers are in the wrong place: %.300s", out)
	}
	if want := http.StatusText(a.status); d.name != "HTTP API" && doc.StatusDescription[4:] != want {
		t.Errorf("status description %q, want %q", doc.StatusDescription, want)
	}
	if a.isBase64 {
		body, err := base64.StdEncoding.DecodeString(a.body)
		if err != nil {
			t.Fatal(err)
		}
		a.body = string(body)
	}
	return a
}

// on returns a function that serves a handler at both front doors.
func on(h http.Handler) *function {
	return &function{httpAPI: h, loadBalancer: h, logger: slog.New(slog.DiscardHandler)}
}

// onStreams returns the function on a new store in memory, with pages as in main.
func onStreams(t testing.TB) *function {
	t.Helper()
	store := memory.New()
	open := func(page int) http.Handler {
		limits := stream.DefaultLimits()
		limits.PageSize = page
		log, err := stream.New(store, stream.Options{Limits: limits})
		if err != nil {
			t.Fatal(err)
		}
		// Pages of the shortest messages there are come from batches beyond the usual bound.
		h, err := protocol.New(log, protocol.Config{Bounds: protocol.Bounds{Messages: 1 << 22}, Buffered: true})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	f := on(nil)
	f.httpAPI, f.loadBalancer = open(httpAPIPage), open(loadBalancerPage)
	return f
}

// through runs a test on each door.
func through(t *testing.T, test func(*testing.T, door)) {
	for _, d := range doors {
		t.Run(d.name, func(t *testing.T) { test(t, d) })
	}
}

// seen sends a request to a handler that keeps it.
func seen(t testing.TB, d door, s sent) *http.Request {
	t.Helper()
	var got *http.Request
	d.send(t, on(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r })), s)
	if got == nil {
		t.Fatal("the handler was not called")
	}
	return got
}

func wantHeader(t testing.TB, h http.Header, name string, want ...string) {
	t.Helper()
	if got := h.Values(name); !slices.Equal(got, want) {
		t.Errorf("%s is %q, want %q", name, got, want)
	}
}
