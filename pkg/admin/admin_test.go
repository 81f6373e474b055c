package admin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/admin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func TestNothingIsOfferedWithoutAToken(t *testing.T) {
	k := newKit(t, func(c *admin.Config) { c.Token = "" })
	for _, header := range []string{"Bearer " + token, "Bearer ", "Bearer"} {
		r := k.do(t, "GET", "/v1/admin/streams", "Authorization", header)
		wantAnswer(t, header, r, 404, `{"error":"the admin API is not offered: set ADMIN_TOKEN on the server, and send it as Authorization: Bearer <token>"}`+"\n")
	}
}

func TestTheTokenIsNeeded(t *testing.T) {
	k := newKit(t, nil)
	missing := `{"error":"the server's ADMIN_TOKEN is needed: send it as Authorization: Bearer <token>"}` + "\n"
	wrong := `{"error":"this is not the server's ADMIN_TOKEN"}` + "\n"
	for _, path := range []string{"/v1/admin/streams", "/v1/admin/segments", "/v1/admin/metrics", "/v1/admin/", "/v1/admin/x", "/v1/admin/streams?limit=x"} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			for _, c := range []struct {
				headers []string
				body    string
			}{
				{nil, missing},
				{[]string{"Authorization", ""}, missing},
				{[]string{"Authorization", token}, missing},
				{[]string{"Authorization", "Basic " + token}, missing},
				{[]string{"Authorization", "Bearer " + token, "Authorization", "Bearer " + token}, missing},
				{[]string{"Authorization", "Bearer"}, wrong},
				{[]string{"Authorization", "Bearer " + token + "x"}, wrong},
				{[]string{"Authorization", "Bearer " + token[1:]}, wrong},
				{[]string{"Authorization", "Bearer " + strings.ToUpper(token)}, wrong},
			} {
				r := k.do(t, method, path, c.headers...)
				if method == "HEAD" {
					c.body = ""
				}
				wantAnswer(t, fmt.Sprint(method, path, c.headers), r, 401, c.body)
				if !strings.HasPrefix(r.Header.Get("WWW-Authenticate"), "Bearer realm=") {
					t.Errorf("WWW-Authenticate is %q", r.Header.Get("WWW-Authenticate"))
				}
			}
		}
	}
	for _, header := range []string{"Bearer " + token, "bearer  " + token} {
		if r := k.do(t, "GET", "/v1/admin/streams", "Authorization", header); r.StatusCode != 200 {
			t.Errorf("%q: %s", header, r.Status)
		}
	}
}

// An administrator may be known by other means than the token of the server.
func TestOtherAdministrators(t *testing.T) {
	admits := func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer other" }
	for _, own := range []string{token, ""} {
		k := newKit(t, func(c *admin.Config) { c.Token, c.Admits = own, admits })
		for shown, want := range map[string]int{"Bearer other": 200, "Bearer others": 401, "Bearer ": 401, "Bearer " + token: map[bool]int{true: 200, false: 401}[own != ""]} {
			if r := k.do(t, "GET", "/v1/admin/streams", "Authorization", shown); r.StatusCode != want {
				t.Errorf("with the token %q, %q: %s", own, shown, r.Status)
			}
		}
	}
}

func TestOnlyReads(t *testing.T) {
	k := newKit(t, func(c *admin.Config) { c.Metrics = strings.NewReader("m 1\n") })
	for _, kind := range []string{"streams", "segments", "metrics"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			r := k.do(t, method, "/v1/admin/"+kind, "Authorization", "Bearer "+token)
			wantAnswer(t, method+" "+kind, r, 405, `{"error":"the admin API only reads: use GET or HEAD"}`+"\n")
			if r.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("Allow is %q", r.Header.Get("Allow"))
			}
		}
		get := k.get(t, "/v1/admin/"+kind)
		head := k.do(t, "HEAD", "/v1/admin/"+kind, "Authorization", "Bearer "+token)
		if head.StatusCode != 200 || head.Header.Get("Content-Length") != get.Header.Get("Content-Length") && kind != "metrics" {
			t.Errorf("HEAD of %s: %s, %v; GET has %v", kind, head.Status, head.Header, get.Header)
		}
		if body, err := io.ReadAll(head.Body); err != nil || len(body) > 0 {
			t.Errorf("HEAD of %s has a body: %q, %v", kind, body, err)
		}
	}
}

func TestOtherPaths(t *testing.T) {
	k := newKit(t, nil)
	for _, path := range []string{"/v1/admin", "/v1/admin/", "/v1/admin/x", "/v1/admin/streams/", "/v1/admin//streams", "/v1/admin/%73treams"} {
		wantAnswer(t, path, k.get(t, path), 404, `{"error":"there is nothing here: use /v1/admin/streams, /v1/admin/segments or /v1/admin/metrics"}`+"\n")
	}
}

func TestMetrics(t *testing.T) {
	k := newKit(t, func(c *admin.Config) { c.Metrics = strings.NewReader("durable_streams_sweeps_total 3\n") })
	r := k.get(t, "/v1/admin/metrics")
	wantAnswer(t, "metrics", r, 200, "durable_streams_sweeps_total 3\n")
	if got := r.Header.Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("Content-Type is %q", got)
	}
	wantAnswer(t, "query", k.get(t, "/v1/admin/metrics?x=1"), 400, `{"error":"metrics take no parameters: leave the query out"}`+"\n")
	wantAnswer(t, "none", newKit(t, nil).get(t, "/v1/admin/metrics"), 404, `{"error":"this server has no metrics here: on AWS they are in CloudWatch"}`+"\n")
}

// What happened inside is for the log.
func TestFailuresOfTheCore(t *testing.T) {
	k := newKit(t, nil)
	k.lists.fail(errDriver)
	for _, kind := range []string{"streams", "segments"} {
		k.lines.Reset()
		r := k.get(t, "/v1/admin/"+kind)
		wantAnswer(t, kind, r, 503, `{"error":"storage is unavailable: try again"}`+"\n")
		if r.Header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After is %q", r.Header.Get("Retry-After"))
		}
		if log := k.lines.String(); !strings.Contains(log, errDriver.Error()) || !strings.Contains(log, `"level":"ERROR"`) || strings.Count(log, "\n") != 1 {
			t.Errorf("the log is %s", log)
		}
	}
	k.lines.Reset()
	k.lists.fail(fmt.Errorf("%w: the client left", context.Canceled))
	if k.get(t, "/v1/admin/streams"); strings.Contains(k.lines.String(), "ERROR") {
		t.Errorf("a client that left is our error: %s", k.lines)
	}
	broken := newKit(t, func(c *admin.Config) { c.Metrics = brokenMetrics{} })
	wantAnswer(t, "metrics", broken.get(t, "/v1/admin/metrics"), 500, `{"error":"internal error"}`+"\n")
	if !strings.Contains(broken.lines.String(), errDriver.Error()) {
		t.Errorf("the log is %s", broken.lines)
	}
}

type brokenMetrics struct{}

func (brokenMetrics) WriteTo(io.Writer) (int64, error) { return 0, errDriver }

// However the token gets into a request, it is not in the log.
func TestTheTokenIsNeverLogged(t *testing.T) {
	k := newKit(t, nil)
	k.create(t, "a", stream.Config{ContentType: "text/plain"}, "x")
	auth := []string{"Authorization", "Bearer " + token}
	requests := 0
	for _, method := range []string{"GET", "POST", token} {
		for _, target := range []string{
			"/v1/admin/streams", "/v1/admin/streams?prefix=" + token, "/v1/admin/streams?token=" + token, "/v1/admin/streams?" + token + "=1",
			"/v1/admin/segments?cursor=" + token, "/v1/admin/segments?limit=" + token, "/v1/admin/" + token, "/v1/admin/metrics?" + token,
		} {
			for _, headers := range [][]string{auth, {"Authorization", token}, {"Authorization", "Bearer " + token + "x"}, {"X-Token", token}} {
				k.do(t, method, target, headers...)
				requests++
			}
		}
	}
	k.lists.fail(errDriver)
	k.do(t, "GET", "/v1/admin/streams?prefix="+token, auth...)
	requests++
	if bytes.Contains(k.lines.Bytes(), []byte("canary")) {
		t.Errorf("the token is in the log:\n%s", k.lines)
	}
	if lines := bytes.Count(k.lines.Bytes(), []byte("\n")); lines != requests {
		t.Errorf("%d lines for %d requests", lines, requests)
	}
	for _, want := range []string{`"method":"GET","kind":"streams","status":200,"bytes":`, `"method":"other"`, `"status":401`, `"status":400`, `"status":404`, `"status":405`, `"status":503`} {
		if !strings.Contains(k.lines.String(), want) {
			t.Errorf("%s is not in the log:\n%s", want, k.lines)
		}
	}
}

// A stream's path must reach the protocol as it came.
func TestMount(t *testing.T) {
	k := newKit(t, nil)
	mounted := k.Mount(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "rest ", r.URL.EscapedPath())
	}))
	for path, admin := range map[string]bool{
		"/v1/admin": true, "/v1/admin/": true, "/v1/admin/streams": true, "/v1/admin/../stream/a": true,
		"/v1/stream/a//b/../c": false, "/v1/stream/v1/admin/x": false, "/v1/adminx": false, "/": false, "/v1/stream/a%2Fb": false, "//v1/admin/streams": false,
	} {
		w := httptest.NewRecorder()
		mounted.ServeHTTP(w, httptest.NewRequest("GET", "http://host"+path, nil))
		if got := w.Body.String(); admin != (w.Code == 401) || !admin && got != "rest "+path {
			t.Errorf("%s: %d %s", path, w.Code, got)
		}
	}
}

// A client that leaves while it is written to is nobody's mistake, and still a line.
func TestAnAnswerThatCannotBeSent(t *testing.T) {
	k := newKit(t, nil)
	r := httptest.NewRequest("GET", "/v1/admin/streams", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	k.ServeHTTP(&deafWriter{header: http.Header{}}, r)
	if log := k.lines.String(); !strings.Contains(log, `"status":200`) || strings.Contains(log, "ERROR") {
		t.Errorf("the log is %s", log)
	}
}

type deafWriter struct{ header http.Header }

func (w *deafWriter) Header() http.Header       { return w.header }
func (w *deafWriter) WriteHeader(int)           {}
func (w *deafWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
