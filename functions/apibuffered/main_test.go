package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain builds the function once, as it is deployed but for this machine.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "apibuffered")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin := filepath.Join(dir, "bootstrap")
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-tags", "lambda.norpc", "-o", bin, ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		os.Setenv(binVariable, bin)
		return m.Run()
	}())
}

// binVariable tells the tests where TestMain has put the function.
const binVariable = "FUNCTION_UNDER_TEST"

// settings is an environment in which the function starts. Nothing listens at its
// endpoints.
func settings(more ...string) []string {
	return append([]string{
		"TABLE_NAME=streams", "BUCKET_NAME=streams", "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s",
		"DYNAMODB_ENDPOINT=http://127.0.0.1:1", "S3_ENDPOINT=http://127.0.0.1:1",
	}, more...)
}

func TestConfigurationMistakesNameTheVariable(t *testing.T) {
	for _, setting := range []string{"TABLE_NAME=", "PAGE_BYTES=many", "LONG_POLL_WAIT=0s", "S3_ENDPOINT=:", "LOG_LEVEL=loud"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Getenv(binVariable))
		cmd.Env = settings(setting)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%s: %v, %s", setting, err, out)
			continue
		}
		var line struct{ Level, Error string }
		name, _, _ := strings.Cut(setting, "=")
		if err := json.Unmarshal(out, &line); err != nil || line.Level != "ERROR" || !strings.Contains(line.Error, name) {
			t.Errorf("%s: logged %s", setting, out)
		}
	}
}

// invoked is what the function made of an event.
type invoked struct {
	failed bool
	body   string
}

// runtimeAPI is Lambda's side of the runtime interface.
type runtimeAPI struct {
	events  chan string
	results chan invoked
}

func (a *runtimeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/invocation/next"):
		select {
		case event := <-a.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "one")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(5*time.Second).UnixMilli(), 10))
			_, _ = io.WriteString(w, event)
		case <-r.Context().Done():
		}
	default:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			body = []byte(err.Error())
		}
		w.WriteHeader(http.StatusAccepted)
		a.results <- invoked{failed: strings.HasSuffix(path, "/error"), body: string(body)}
	}
}

// written is what a process writes.
type written struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// One process serves whatever comes, and makes no request before the first event.
func TestProcessLivesOn(t *testing.T) {
	store, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	asked := make(chan struct{}, 100)
	go func() {
		for {
			c, err := store.Accept()
			if err != nil {
				return
			}
			asked <- struct{}{}
			c.Close()
		}
	}()

	api := &runtimeAPI{events: make(chan string), results: make(chan invoked)}
	server := httptest.NewServer(api)
	defer server.Close()
	var out written
	cmd := exec.CommandContext(t.Context(), os.Getenv(binVariable))
	endpoint := "http://" + store.Addr().String()
	cmd.Env = settings("AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"), "DYNAMODB_ENDPOINT="+endpoint, "S3_ENDPOINT="+endpoint)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	invoke := func(event string) invoked {
		t.Helper()
		limit := time.After(30 * time.Second)
		select {
		case api.events <- event:
		case <-limit:
			t.Fatalf("the function did not ask for an event: %s", &out)
		}
		select {
		case r := <-api.results:
			return r
		case <-limit:
			t.Fatalf("no answer: %s", &out)
		}
		panic("not reached")
	}
	event := func(d door, s sent) string {
		payload, err := json.Marshal(d.event(t, s))
		if err != nil {
			t.Fatal(err)
		}
		return string(payload)
	}
	for _, d := range doors {
		r := invoke(event(d, sent{do: "OPTIONS /v1/stream/a"}))
		if r.failed || d.read(t, []byte(r.body)).status != 204 {
			t.Errorf("%s: %v", d.name, r)
		}
		if !strings.Contains(strings.ToLower(r.body), `"x-request-id":"one"`) && !strings.Contains(strings.ToLower(r.body), `"x-request-id":["one"]`) {
			t.Errorf("%s: the answer is not named after the invocation: %v", d.name, r)
		}
	}
	if r := invoke(`{"Records":[]}`); !r.failed || !strings.Contains(r.body, `"errorType":"UnknownEventError"`) {
		t.Errorf("an unknown event: %v", r)
	}
	if r := invoke(`{"version":"2.0","body":7}`); r.failed || doors[0].read(t, []byte(r.body)).status != 400 {
		t.Errorf("a malformed event: %v", r)
	}
	if len(asked) > 0 {
		t.Error("the store was asked without need")
	}
	// The store is out of order: the answer says so before the invocation ends.
	r := invoke(event(doors[0], sent{do: "HEAD /v1/stream/a"}))
	if r.failed || doors[0].read(t, []byte(r.body)).status != 503 || len(asked) == 0 {
		t.Errorf("no store: %v, asked %d times", r, len(asked))
	}
}
