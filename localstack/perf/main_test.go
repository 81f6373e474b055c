package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// serve runs a server.
func serve(t *testing.T) string {
	t.Helper()
	log, err := stream.New(memory.New(), stream.Options{Limits: stream.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := protocol.New(log, protocol.Config{LongPollWait: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(handler)
	t.Cleanup(func() { handler.Shutdown(); s.Close() })
	return s.URL
}

func TestRun(t *testing.T) {
	url := serve(t)
	for name, c := range map[string]struct {
		environ map[string]string
		failure string
		printed []string
	}{
		"within the budget": {map[string]string{"PERF_BASE_URL": url, "PERF_BUDGET_MS": "60000", "PERF_LONGPOLL_TIMEOUT": "1"}, "",
			[]string{"25 times", "append ", "read ", "long-poll, hit ", "p50", "p95", "p99", "long-poll, empty", "is kept"}},
		"above it, enforced": {map[string]string{"PERF_BASE_URL": url, "PERF_BUDGET_MS": "0.001", "PERF_ITERATIONS": "3"}, "exceeded by append",
			[]string{"3 times"}},
		"above it, not enforced": {map[string]string{"BASE_URL": url, "PERF_BUDGET_MS": "0.001"}, "", []string{"PERF_ENFORCE=1"}},
		"no server":              {map[string]string{"PERF_BASE_URL": "http://127.0.0.1:1"}, "refused", nil},
		"another kind of server": {map[string]string{"PERF_BASE_URL": notFound(t)}, "404", nil},
		"bad variable":           {map[string]string{"PERF_BASE_URL": url, "PERF_ITERATIONS": "0"}, "PERF_ITERATIONS", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := run(t.Context(), c.environ, &out)
			if (err != nil) != (c.failure != "") || err != nil && !strings.Contains(err.Error(), c.failure) {
				t.Errorf("it ended with %v, want %q", err, c.failure)
			}
			for _, part := range c.printed {
				if !strings.Contains(out.String(), part) {
					t.Errorf("it does not print %q:\n%s", part, &out)
				}
			}
		})
	}
}

func notFound(t *testing.T) string {
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.URL
}

func TestPercentile(t *testing.T) {
	var all []time.Duration
	for n := range 100 {
		all = append(all, time.Duration(n+1))
	}
	for _, c := range []struct {
		of            []time.Duration
		percent, want int
	}{{all, 50, 50}, {all, 95, 95}, {all, 99, 99}, {all[:1], 50, 1}, {all[:25], 95, 24}, {all[:25], 99, 25}} {
		if got := percentile(c.of, c.percent); got != time.Duration(c.want) {
			t.Errorf("p%d of %d is %d, want %d", c.percent, len(c.of), got, c.want)
		}
	}
}
