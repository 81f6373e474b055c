package lambdahttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/commoncurriculum/durable-streams-aws/pkg/lambdahttp"
)

// TestMain also is the function whose process the tests on the wire run.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		child()
	}
	os.Exit(m.Run())
}

type function = func(context.Context, lambdahttp.Event) (*events.LambdaFunctionURLStreamingResponse, error)

// event returns what the runtime makes of a payload.
func event(t testing.TB, payload string) lambdahttp.Event {
	t.Helper()
	var e lambdahttp.Event
	if err := json.Unmarshal([]byte(payload), &e); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	return e
}

// plain is an event with a method and a path.
func plain(method, path string) string {
	return payload(map[string]any{"rawPath": path}, map[string]any{"method": method})
}

// payload is an event, with changes to it and to requestContext.http. A nil removes
// a member.
func payload(changes, http map[string]any) string {
	inner := map[string]any{"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "test"}
	apply(inner, http)
	e := map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "", "isBase64Encoded": false,
		"headers":        map[string]string{"host": "id.lambda-url.us-east-1.on.aws"},
		"requestContext": map[string]any{"domainName": "id.lambda-url.us-east-1.on.aws", "http": inner},
	}
	apply(e, changes)
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func apply(to, changes map[string]any) {
	for name, value := range changes {
		if to[name] = value; value == nil {
			delete(to, name)
		}
	}
}

// handle returns the function of a handler.
func handle(h http.HandlerFunc) function { return lambdahttp.Handler(h, lambdahttp.Options{}) }

// answer is a response, read to its end.
type answer struct {
	*events.LambdaFunctionURLStreamingResponse
	body string
	err  error
}

// call invokes a function, and reads what it answers the way the runtime does.
func call(t testing.TB, f function, payload string) answer {
	t.Helper()
	r, err := f(t.Context(), event(t, payload))
	if err != nil {
		t.Fatalf("the invocation failed: %v", err)
	}
	defer r.Close()
	whole, err := io.ReadAll(r)
	prelude, body, ok := strings.Cut(string(whole), strings.Repeat("\x00", 8))
	if !ok || !json.Valid([]byte(prelude)) {
		t.Fatalf("no prelude: %q", whole)
	}
	return answer{r, body, err}
}

// refused calls a function whose handler must not be reached.
func refused(t testing.TB, payload string) answer {
	t.Helper()
	return call(t, handle(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }), payload)
}

// aborted checks that a body ended in an error that tells nothing.
func aborted(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[lambdahttp.AbortedError](err); !ok || strings.Contains(err.Error(), "secret") {
		t.Errorf("the body ended in %v, want AbortedError", err)
	}
}
