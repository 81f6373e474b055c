package protocol

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestOptions(t *testing.T) {
	runScenarios(t, []scenario{{"preflight", []step{
		{do: "OPTIONS /v1/stream/s", with: header{"Origin": "https://a.example", "Access-Control-Request-Method": "PUT"}, status: 204, want: header{
			"Access-Control-Allow-Methods": "GET, HEAD, PUT, POST, DELETE, OPTIONS",
			"Access-Control-Max-Age":       "86400",
			"Allow":                        "GET, HEAD, PUT, POST, DELETE, OPTIONS",
		}},
		{do: "OPTIONS /v1/stream/s", with: header{"Access-Control-Request-Headers": "baggage,x-tenant"}, status: 204, want: header{
			"Access-Control-Allow-Headers": "~^Authorization, .*, baggage,x-tenant$",
		}},
		{do: "OPTIONS /v1/stream/s", with: header{"Access-Control-Request-Headers": "a:b"}, status: 204, want: header{
			"Access-Control-Allow-Headers": "~^Authorization, [-A-Za-z, ]*$",
		}},
		{do: "OPTIONS /elsewhere", status: 404},
	}}})
}

// Scripts may send every header that the handler looks at, and read every header
// that it sends.
func TestOptionsListsHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	newKit(t).ServeHTTP(w, httptest.NewRequest("OPTIONS", "/v1/stream/s", nil))
	accepted := strings.Split(w.Header().Get("Access-Control-Allow-Headers"), ", ")
	for _, h := range []string{
		"Content-Type", "Authorization", "If-Match", "If-None-Match", "Last-Event-ID", "Stream-TTL", "Stream-Expires-At", "Stream-Closed", "Stream-Seq",
		"Stream-Forked-From", "Stream-Fork-Offset", "Stream-Fork-Sub-Offset", "Producer-Id", "Producer-Epoch", "Producer-Seq", "X-Request-Id", "X-Debug-Timing", "Traceparent", "Tracestate",
	} {
		if !slices.Contains(accepted, h) {
			t.Errorf("%s is not among the accepted headers", h)
		}
	}
	exposed := strings.Split(w.Header().Get("Access-Control-Expose-Headers"), ", ")
	for _, h := range []string{
		"Stream-Next-Offset", "Stream-Cursor", "Stream-Up-To-Date", "Stream-Closed", "ETag", "Location", "Producer-Epoch",
		"Producer-Seq", "Producer-Expected-Seq", "Producer-Received-Seq", "Stream-SSE-Data-Encoding", "Stream-TTL",
		"Stream-Expires-At", "Retry-After", "X-Request-Id", "Server-Timing",
	} {
		if !slices.Contains(exposed, h) {
			t.Errorf("%s is not among the exposed headers", h)
		}
	}
}
