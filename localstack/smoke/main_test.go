package main

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// changed passes an answer on without one of its headers, and with more at its end.
func changed(h http.Handler, w http.ResponseWriter, r *http.Request, without string, more []byte) {
	all := httptest.NewRecorder()
	h.ServeHTTP(all, r)
	all.Header().Del(without)
	maps.Copy(w.Header(), all.Header())
	w.WriteHeader(all.Code)
	_, _ = w.Write(append(all.Body.Bytes(), more...))
}

// serve runs a server, behind what a test puts in front of it, and returns where streams are.
func serve(t *testing.T, front func(http.Handler) http.Handler) string {
	t.Helper()
	log, err := stream.New(memory.New(), stream.Options{Limits: stream.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := protocol.New(log, protocol.Config{LongPollWait: 2 * time.Second, SSELifetime: 30 * time.Second, CompressFrom: 1024})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(front(handler))
	t.Cleanup(func() { handler.Shutdown(); s.Close() })
	return s.URL + "/v1/stream/"
}

// TestSound: a sound server passes each check, and nothing is left on it.
func TestSound(t *testing.T) {
	left := make(map[string]bool)
	address := serve(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer t0ken" {
				t.Error("a request has no token")
			}
			h.ServeHTTP(w, r)
			switch {
			case strings.Contains(r.URL.EscapedPath(), "%2F"): // is refused
			case r.Method == http.MethodPut:
				left[r.URL.EscapedPath()] = true
			case r.Method == http.MethodDelete:
				delete(left, r.URL.EscapedPath())
			}
		})
	})
	var out strings.Builder
	if err := run(t.Context(), address, "t0ken", &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	if got := strings.Count(out.String(), "\nok ") + 1; got != len(checks()) {
		t.Errorf("%d checks passed\n%s", got, out.String())
	}
	if len(left) != 0 {
		t.Errorf("it leaves %v", left)
	}
}

// buffered is an answer whose writes are held back, until the next one or its end.
type buffered struct {
	http.ResponseWriter
	held []byte
}

func (b *buffered) Write(p []byte) (int, error) {
	_, err := b.ResponseWriter.Write(b.held)
	_ = http.NewResponseController(b.ResponseWriter).Flush()
	b.held = append([]byte(nil), p...)
	return len(p), err
}

func (b *buffered) Flush() {}

// TestBroken: what may be between clients and this server is noticed by the check that is for
// it.
func TestBroken(t *testing.T) {
	for name, c := range map[string]struct {
		front func(http.Handler, http.ResponseWriter, *http.Request)
		check string
	}{
		"events one late": {func(h http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("live") == "sse" {
				w = &buffered{ResponseWriter: w}
			}
			h.ServeHTTP(w, r)
		}, "server-sent events"},
		"decoded names": {func(h http.Handler, w http.ResponseWriter, r *http.Request) {
			r.URL.RawPath = ""
			r.RequestURI = r.URL.RequestURI()
			h.ServeHTTP(w, r)
		}, "names arrive"},
		"a byte into what is empty": {func(h http.Handler, w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/empty") || r.Method != http.MethodGet {
				h.ServeHTTP(w, r)
				return
			}
			changed(h, w, r, "Content-Length", []byte("\n"))
		}, "a page without a byte"},
		"another host": {func(h http.Handler, w http.ResponseWriter, r *http.Request) {
			r.Host = "function.example.com"
			h.ServeHTTP(w, r)
		}, "Location"},
		"compressed without a word": {func(h http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") == "" {
				h.ServeHTTP(w, r)
				return
			}
			changed(h, w, r, "Content-Encoding", nil)
		}, "who accepts gzip"},
		"words of others": {func(h http.Handler, w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/nowhere") {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusNotFound)
				return
			}
			h.ServeHTTP(w, r)
		}, "404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			err := run(t.Context(), serve(t, func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.front(h, w, r) })
			}), "", &out)
			if !errors.Is(err, errFailed) || !strings.Contains(out.String(), "FAILED "+c.check) {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}

func TestAddress(t *testing.T) {
	for _, address := range []string{"", "streams.example.com/v1/stream/", "https://streams.example.com/", "http://[::1"} {
		if err := run(t.Context(), address, "", new(strings.Builder)); err == nil || errors.Is(err, errFailed) || !strings.Contains(err.Error(), "/v1/stream/") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
