package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// serve runs a server, behind what a test puts in front of it.
func serve(t *testing.T, front func(http.Handler) http.Handler) string {
	t.Helper()
	log, err := stream.New(memory.New(), stream.Options{Limits: stream.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := protocol.New(log, protocol.Config{LongPollWait: 200 * time.Millisecond, SSELifetime: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(front(handler))
	t.Cleanup(func() { handler.Shutdown(); s.Close() })
	return s.URL
}

func itself(h http.Handler) http.Handler { return h }

// soak runs a short test and returns what it printed and saved.
func soak(t *testing.T, url string) (printed string, saved report, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "soak.json")
	var out strings.Builder
	err = run(t.Context(), map[string]string{
		"BASE_URL": url, "SOAKTIME": "1500ms", "SOAK_INTERVAL": "200ms", "RATE": "150", "SOAK_STREAMS": "4",
		"SOAK_READERS": "4", "SOAK_JSON": file,
	}, &out)
	b, readErr := os.ReadFile(file)
	if readErr == nil {
		readErr = json.Unmarshal(b, &saved)
	}
	if readErr != nil {
		t.Fatal(readErr, err)
	}
	return out.String(), saved, err
}

// TestRun: a sound server passes, and everything was done to it.
func TestRun(t *testing.T) {
	printed, saved, err := soak(t, serve(t, itself))
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	for _, part := range []string{"150 requests a second", "memory", "No request failed"} {
		if !strings.Contains(printed, part) {
			t.Errorf("it does not print %q:\n%s", part, printed)
		}
	}
	found := map[string]bool{}
	for _, l := range saved.Latencies {
		found[l.Kind] = l.Count > 0 && l.Max > 0
	}
	for _, kind := range []string{create, appendPlain, appendProducer, appendSequenced, catchUp, head, longPoll, sse, everyRequest} {
		if !found[kind] {
			t.Errorf("no %s:\n%s", kind, printed)
		}
	}
}

// TestRunNoticesFailures: requests that fail are told and fail the run, but do not make
// data wrong.
func TestRunNoticesFailures(t *testing.T) {
	var n atomic.Int64
	printed, saved, err := soak(t, serve(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && n.Add(1)%10 == 0 {
				http.Error(w, "storage is unavailable", http.StatusServiceUnavailable)
				return
			}
			h.ServeHTTP(w, r)
		})
	}))
	if !errors.Is(err, errFailed) || len(saved.Wrong) > 0 || !strings.Contains(printed, "status 503") {
		t.Errorf("it ended with %v:\n%s", err, printed)
	}
}

// TestRunNoticesWrongData: a server that acknowledges what it does not keep, or keeps it
// twice, is found out.
func TestRunNoticesWrongData(t *testing.T) {
	for name, front := range map[string]func(http.Handler) http.Handler{
		"lost": func(h http.Handler) http.Handler {
			var n atomic.Int64
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost && r.Header.Get("Producer-Id") == "" && n.Add(1)%10 == 0 {
					w.WriteHeader(http.StatusNoContent)
					return
				}
				h.ServeHTTP(w, r)
			})
		},
		"twice": func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, "offset=0", "offset=-1&was=0")
				}
				h.ServeHTTP(w, r)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			printed, _, err := soak(t, serve(t, front))
			if !errors.Is(err, errWrong) || !strings.Contains(printed, "WRONG") {
				t.Errorf("it ended with %v:\n%s", err, printed)
			}
		})
	}
}

func TestRunNeedsAServer(t *testing.T) {
	if err := run(t.Context(), map[string]string{"BASE_URL": "http://127.0.0.1:1"}, new(strings.Builder)); err == nil {
		t.Error("it ran without a server")
	}
	if err := run(t.Context(), map[string]string{}, new(strings.Builder)); err == nil || !strings.Contains(err.Error(), "BASE_URL") {
		t.Errorf("without BASE_URL: %v", err)
	}
}
