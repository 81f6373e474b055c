//go:build unix

package host_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
)

func startRaw(t *testing.T) (*host.Function, *log) {
	return startLogged(t, func(c *host.Config) { c.Env = map[string]string{"RUNTIME": "raw"} })
}

func TestNextHeaders(t *testing.T) {
	f, _ := startRaw(t)
	before := time.Now()
	response, err := f.InvokeStream(t.Context(), []byte(`{"do":"headers"}`))
	if err != nil {
		t.Fatal(err)
	}
	var h http.Header
	if err := json.NewDecoder(response.Body).Decode(&h); err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if id := h.Get("Lambda-Runtime-Aws-Request-Id"); id != response.RequestID || len(id) != 36 {
		t.Errorf("id %q, response has %q", id, response.RequestID)
	}
	if arn := h.Get("Lambda-Runtime-Invoked-Function-Arn"); arn != "arn:aws:lambda:us-east-1:000000000000:function:test" {
		t.Errorf("arn %q", arn)
	}
	if trace := h.Get("Lambda-Runtime-Trace-Id"); !strings.HasPrefix(trace, "Root=1-") {
		t.Errorf("trace %q", trace)
	}
	var deadline int64
	if _, err := fmt.Sscan(h.Get("Lambda-Runtime-Deadline-Ms"), &deadline); err != nil {
		t.Fatal(err)
	}
	if left := time.UnixMilli(deadline).Sub(before); left < 19*time.Second || left > 30*time.Second {
		t.Errorf("deadline in %v, the timeout is 20s", left)
	}
}

func TestRules(t *testing.T) {
	f, out := startRaw(t)
	invoke(t, f, `{}`)
	var got []string
	if err := json.Unmarshal([]byte(invoke(t, f, `{"do":"rules"}`)), &got); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"wrong id: 400 InvalidRequestID",
		"old id: 400 InvalidRequestID",
		"next too early: 403 InvalidStateTransition",
		"init error too late: 403 InvalidStateTransition",
		"bad mode: 400 InvalidFunctionResponseMode",
		"unknown path: 404",
	}
	for i, answer := range got {
		if head, body, ok := strings.Cut(answer, "{"); ok {
			var document struct{ ErrorType, ErrorMessage string }
			if err := json.Unmarshal([]byte("{"+body), &document); err != nil || document.ErrorMessage == "" {
				t.Errorf("%s: %v", answer, err)
			}
			got[i] = head + document.ErrorType
		} else {
			got[i], _, _ = strings.Cut(answer, " 404 page")
			got[i] = strings.TrimSuffix(got[i], " page not found\n")
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for _, line := range []string{"answer: 202 {\"status\":\"OK\"}", "twice: 403 ", "error after: 403 "} {
		eventually(t, "printed "+line, func() bool { return strings.Contains(out.String(), line) })
	}
	invoke(t, f, `{}`)
	if s := f.Stats(); s.ColdStarts != 1 {
		t.Errorf("stats: %+v", s)
	}
}

func TestReportedErrors(t *testing.T) {
	f, _ := startRaw(t)
	_, err := f.Invoke(t.Context(), []byte(`{"do":"untyped"}`))
	wantError(t, err, "My.Type", "not json")
	response, err := f.InvokeStream(t.Context(), []byte(`{"do":"trailers"}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if string(body) != "begun" {
		t.Errorf("body %q", body)
	}
	wantError(t, err, "My.Type", "")
	invoke(t, f, `{}`)
	if s := f.Stats(); s.ColdStarts != 1 || s.Errors != 2 {
		t.Errorf("stats: %+v", s)
	}
}

// A runtime that breaks its response off and hangs does not get another
// invocation.
func TestBrokenResponse(t *testing.T) {
	f, _ := startRaw(t)
	_, err := f.Invoke(t.Context(), []byte(`{"do":"break off"}`))
	wantError(t, err, host.TypeExit, "broke the response off")
	invoke(t, f, `{}`)
	if s := f.Stats(); s.ColdStarts != 2 || s.Crashes != 1 {
		t.Errorf("stats: %+v", s)
	}
}

// A process is busy until it asks for the next invocation, even if the caller has
// its answer.
func TestBusyUntilNext(t *testing.T) {
	f, _ := startRaw(t)
	g := newGate(t)
	if got, err := f.Invoke(t.Context(), fmt.Appendf(nil, `{"do":"late","url":%q}`, g.URL)); string(got) != `"answered"` {
		t.Errorf("got %s, %v", got, err)
	}
	g.wait(t)
	if s := f.Stats(); s.Processes[0].State != host.Busy {
		t.Errorf("stats: %+v", s)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if s := f.Stats(); s.ColdStarts != 2 {
		t.Errorf("stats: %+v", s)
	}
	close(g.open)
	rest(t, f)
}

func TestExtensionForSIGTERM(t *testing.T) {
	f, out := startLogged(t, func(c *host.Config) { c.Env = map[string]string{"RUNTIME": "sigterm"} })
	invoke(t, f, `{}`)
	f.Close()
	if s := out.String(); strings.Contains(s, "WARNING! Failed") || !strings.Contains(s, "got SIGTERM") {
		t.Errorf("output:\n%s", s)
	}
}
