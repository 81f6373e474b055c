//go:build unix

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestInvokeRunsTheEvents runs the event files one after another, each in a process of
// its own, as `make invoke EVENT=...` does.
func TestInvokeRunsTheEvents(t *testing.T) {
	t.Parallel()
	const events = "../../events/"
	// What makes a stream comes first, and what ends it last.
	order := func(a, b string) int { return rank(a) - rank(b) }
	for _, c := range []struct {
		function string
		files    []string
	}{
		{"api", files(t, events+"functionurl/*.json")},
		{"apibuffered", append(files(t, events+"httpapi/*.json"), files(t, events+"alb/*.json")...)},
	} {
		t.Run(c.function, func(t *testing.T) {
			t.Parallel()
			env := []string{"DATA_DIR=" + t.TempDir(), "SSE_LIFETIME=500ms", "LONG_POLL_WAIT=500ms"}
			if c.function != "api" {
				// Its events are about the same streams.
				_, stderr, err := runHost(t, []string{"invoke", events + "functionurl/create.json"}, env...)
				if err != nil {
					t.Fatalf("%v: %s", err, stderr)
				}
			}
			env = append(env, "LAMBDA_FUNCTION="+c.function)
			slices.SortStableFunc(c.files, order)
			for _, file := range c.files {
				stdout, stderr, err := runHost(t, []string{"invoke", file}, env...)
				if err != nil || !strings.HasPrefix(stdout, "HTTP 2") {
					t.Errorf("%s: %v\n%s%s", file, err, stdout, stderr)
				}
			}
		})
	}
}

// TestInvokeRunsTheBackground: so do functions that are not asked over HTTP, and print
// what they return.
func TestInvokeRunsTheBackground(t *testing.T) {
	t.Parallel()
	env := []string{"DATA_DIR=" + t.TempDir()}
	for _, c := range []struct{ function, file, want string }{
		{"compact", "dynamodb/segment-ended.json", `{"batchItemFailures":[]}`},
		{"compact", "dynamodb/batch.json", `{"batchItemFailures":[]}`},
		{"sweep", "eventbridge/schedule.json", `"itemsEnd":true,"objects":0,"objectsEnd":true`},
	} {
		stdout, stderr, err := runHost(t, []string{"invoke", "../../events/" + c.file}, append(env, "LAMBDA_FUNCTION="+c.function)...)
		plain := strings.NewReplacer(" ", "", "\n", "").Replace(stdout)
		if err != nil || !strings.Contains(plain, c.want) || strings.Contains(stderr, `"level":"ERROR"`) {
			t.Errorf("%s: %v\n%s%s", c.file, err, stdout, stderr)
		}
	}
}

// rank says when an event has its turn.
func rank(file string) int {
	name := filepath.Base(file)
	for i, prefix := range []string{"create", "append-and-close", "delete"} {
		if strings.HasPrefix(name, prefix) {
			return []int{0, 2, 3}[i]
		}
	}
	return 1
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	return found
}

// TestInvokeFailures: what the function reports as a failure is one here too.
func TestInvokeFailures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, event string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(event), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct{ file, want string }{
		{filepath.Join(dir, "missing"), "missing"},
		{write("text", "hello"), "not JSON"},
		{write("empty", ""), "not JSON"},
		{write("queue", `{"Records":[]}`), "UnknownEventError"},
	} {
		stdout, stderr, err := runHost(t, []string{"invoke", c.file})
		if err == nil || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: %v, %q, %q", c.file, err, stdout, stderr)
		}
	}
	stdout, _, err := runHost(t, []string{"invoke", write("get", urlEvent(get, "/v1/stream/none", "", ""))})
	if err != nil || !strings.HasPrefix(stdout, "HTTP 404 Not Found\n") {
		t.Errorf("a response that is an error: %v, %q", err, stdout)
	}
}
