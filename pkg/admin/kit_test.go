package admin_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/admin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

const token = "canary-0123456789abcdef"

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// kit is the API over a store in memory, in which everything is known beforehand.
type kit struct {
	*admin.Handler
	log   *stream.Log
	lists *lists
	lines *bytes.Buffer
	now   time.Time
}

func newKit(t *testing.T, change func(*admin.Config)) *kit {
	t.Helper()
	k := &kit{lists: &lists{Driver: memory.New()}, lines: &bytes.Buffer{}, now: noon}
	limits := stream.DefaultLimits()
	limits.SegmentCount = 2
	log, err := stream.New(k.lists, stream.Options{
		Limits: limits, Objects: new(memory.Objects), Random: new(counter),
		Now: func() time.Time { return k.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	k.log = log
	c := admin.Config{Token: token, Logger: slog.New(slog.NewJSONHandler(k.lines, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&c)
	}
	k.Handler = admin.New(log, c)
	return k
}

// create makes a stream with records, of which those in full segments are in objects.
func (k *kit) create(t *testing.T, name string, c stream.Config, records ...string) {
	t.Helper()
	if _, _, err := k.log.Create(t.Context(), name, &stream.Create{Config: c}); err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		a := &stream.Append{ContentType: c.ContentType}
		a.Records.Add([]byte(r))
		if _, err := k.log.Append(t.Context(), name, a); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.log.Compact(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

// get asks with the token.
func (k *kit) get(t *testing.T, target string) *http.Response {
	t.Helper()
	return k.do(t, "GET", target, "Authorization", "Bearer "+token)
}

func (k *kit) do(t *testing.T, method, target string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	k.ServeHTTP(w, r)
	return w.Result()
}

// wantAnswer compares an answer with a literal.
func wantAnswer(t *testing.T, what string, r *http.Response, status int, body string) {
	t.Helper()
	got, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != status || string(got) != body {
		t.Errorf("%s: got %d\n%s\nwant %d\n%s", what, r.StatusCode, got, status, body)
	}
	if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: headers are %v", what, r.Header)
	}
}

// lists is a driver whose lists can be made to fail.
type lists struct {
	stream.Driver
	mu  sync.Mutex
	err error
}

var errDriver = errors.New("dial tcp 10.1.2.3:8000: secret detail")

func (l *lists) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *lists) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *lists) Streams(ctx context.Context, prefix, after string, max int) ([]string, error) {
	if err := l.failure(); err != nil {
		return nil, err
	}
	return l.Driver.Streams(ctx, prefix, after, max)
}

func (l *lists) Segments(ctx context.Context, prefix string, after stream.Life, n uint64, max int) ([]stream.StoredSegment, error) {
	if err := l.failure(); err != nil {
		return nil, err
	}
	return l.Driver.Segments(ctx, prefix, after, n, max)
}

// counter is a source of "random" bytes: each read gets those of the next number, and
// reads of each length have numbers of their own, so that incarnations do not depend on
// how many other random numbers are drawn.
type counter struct {
	mu sync.Mutex
	n  map[int]byte
}

func (c *counter) Read(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = make(map[int]byte)
	}
	c.n[len(b)]++
	for i := range b {
		b[i] = c.n[len(b)]
	}
	return len(b), nil
}
