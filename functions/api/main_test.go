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
	"strings"
	"testing"
	"time"
)

// bootstrapVariable tells the tests where TestMain has put the function.
const bootstrapVariable = "BOOTSTRAP_UNDER_TEST"

// TestMain builds the function as it is deployed, but for this machine.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "api")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "bootstrap")
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-tags", "lambda.norpc", "-o", path, ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		os.Setenv(bootstrapVariable, path)
		return m.Run()
	}())
}

// initTime is how long Lambda gives a process before its first invocation.
const initTime = 10 * time.Second

// function is the process of the function, with a complete environment in which some
// variables are changed. An empty value removes one.
func function(t *testing.T, api string, change map[string]string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	vars := map[string]string{
		"AWS_LAMBDA_RUNTIME_API": api, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
		"TABLE_NAME": "t", "BUCKET_NAME": "b", "DYNAMODB_ENDPOINT": "http://127.0.0.1:1", "S3_ENDPOINT": "http://127.0.0.1:1",
	}
	for name, value := range change {
		vars[name] = value
	}
	ctx, cancel := context.WithTimeout(t.Context(), initTime)
	t.Cleanup(cancel)
	cmd = exec.CommandContext(ctx, os.Getenv(bootstrapVariable))
	cmd.Env = []string{}
	for name, value := range vars {
		if value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

// TestMistakesEndTheProcess: with one line that names the variable, before the function
// takes a request.
func TestMistakesEndTheProcess(t *testing.T) {
	polled := make(chan struct{}, 1)
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { polled <- struct{}{} }))
	defer api.Close()
	for _, c := range []struct{ name, value string }{
		{"TABLE_NAME", ""}, {"BUCKET_NAME", ""}, {"AWS_REGION", ""}, {"AWS_ACCESS_KEY_ID", ""}, {"AWS_SECRET_ACCESS_KEY", ""},
		{"DYNAMODB_ENDPOINT", "nonsense"}, {"S3_ENDPOINT", "nonsense"}, {"S3_ACCESS_KEY_ID", "half"}, {"LOG_LEVEL", "loud"}, {"METRICS", "prometheus"},
		{"LINK_BYTES", "0"}, {"OBJECT_BYTES", "1000000"}, {"PRODUCERS_PER_HEAD", "many"}, {"FLUSH_BEFORE_ANSWER", "perhaps"},
		{"POLL_FAST", "0s"}, {"POLL_IDLE", "1ms"}, {"SSE_LIFETIME", "55"}, {"LONG_POLL_WAIT", "-1s"}, {"PAGE_BYTES", "0"},
		{"SEGMENT_MAX_BYTES", "0"}, {"MAX_BODY_BYTES", "-1"}, {"RETIRE_AFTER", "1s"}, {"SWEEP_ITEMS", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd, stdout, stderr := function(t, strings.TrimPrefix(api.URL, "http://"), map[string]string{c.name: c.value})
			err := cmd.Run()
			if code := cmd.ProcessState.ExitCode(); err == nil || code != 1 {
				t.Errorf("it ended with %v", err)
			}
			var line struct{ Level, Msg, Error string }
			if err := json.Unmarshal(stderr.Bytes(), &line); err != nil || strings.Count(stderr.String(), "\n") != 1 || stdout.Len() > 0 {
				t.Fatalf("it printed %q and %q, not one line of JSON: %v", stderr, stdout, err)
			}
			if line.Level != "ERROR" || line.Msg != "start failed" || !strings.Contains(line.Error, c.name) {
				t.Errorf("the line is %+v", line)
			}
		})
	}
	select {
	case <-polled:
		t.Error("one of them asked for an invocation")
	default:
	}
}

// TestStartAsksNoStore: a process takes its first request although nothing listens where
// its stores should be, and answers what needs none.
func TestStartAsksNoStore(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	stored := make(chan struct{}, 100)
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			stored <- struct{}{}
			c.Close()
		}
	}()
	const event = `{"version":"2.0","rawPath":"/v1/stream/a","requestContext":{"http":{"method":"OPTIONS"}}}`
	answered := make(chan string, 1)
	events := make(chan string, 1)
	events <- event
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case e := <-events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			_, _ = io.WriteString(w, e)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/1/response", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
		answered <- string(body)
	})
	api := httptest.NewServer(mux)
	defer api.Close()
	endpoint := "http://" + silent.Addr().String()
	cmd, _, stderr := function(t, strings.TrimPrefix(api.URL, "http://"), map[string]string{"DYNAMODB_ENDPOINT": endpoint, "S3_ENDPOINT": endpoint})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}()
	select {
	case response := <-answered:
		if !strings.Contains(response, `"statusCode":204`) || !strings.Contains(response, `"X-Request-Id":"1"`) {
			t.Errorf("the response is %q", response)
		}
	case <-time.After(initTime):
		t.Fatalf("there was no answer: %s", stderr)
	}
	if len(stored) > 0 {
		t.Error("a store was asked")
	}
}
