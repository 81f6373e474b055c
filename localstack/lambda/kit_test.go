//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

const (
	// hostVariable has the test program be the host.
	hostVariable = "LAMBDA_HOST_UNDER_TEST"
	// binVariable tells the tests where the bootstraps are.
	binVariable = "LAMBDA_BIN_UNDER_TEST"
)

// functions are those that the tests run, by their folders.
var functions = [...]string{"../../functions/api", "../../functions/apibuffered", "../../functions/compact", "../../functions/sweep", "./testdata/changes"}

// TestMain builds the bootstraps as they are deployed, but for this machine. The host
// is this program itself, with the race detector if the tests have it.
func TestMain(m *testing.M) {
	if os.Getenv(hostVariable) != "" {
		main()
		os.Exit(0)
	}
	// The tests wait for processes, disks and clocks more than they compute.
	flag.Parse()
	_ = flag.Set("test.parallel", "6")
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "lambda")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		for _, folder := range functions {
			name := filepath.Base(folder)
			cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-tags", "lambda.norpc",
				"-o", filepath.Join(dir, name, "bootstrap"), folder)
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "build %s: %v\n%s", name, err, out)
				return 1
			}
		}
		os.Setenv(binVariable, dir)
		return m.Run()
	}())
}

// bin is the directory of the bootstraps.
func bin() string { return os.Getenv(binVariable) }

// patience is longer than anything takes that happens at all.
const patience = 20 * time.Second

// hostCommand is the host with settings that every test can override.
func hostCommand(t *testing.T, args, env []string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = []string{
		hostVariable + "=1", "PATH=" + os.Getenv("PATH"), "LAMBDA_BIN=" + bin(), "LAMBDA_TEMPLATE=" + defaultTemplate,
		"PORT=0", "LOG_LEVEL=info", "LONG_POLL_WAIT=3s", "POLL_FAST=20ms", "POLL_IDLE=100ms",
		// Tests that are about what runs in the background switch it on.
		"LAMBDA_STREAM_FUNCTION=none", "LAMBDA_SWEEP_EVERY=0",
	}
	if !has(env, "DATA_DIR") {
		cmd.Env = append(cmd.Env, "DATA_DIR="+t.TempDir())
	}
	cmd.Env = append(cmd.Env, env...)
	// The host's own time limits are tested; this is for a host that hangs.
	cmd.WaitDelay = patience
	return cmd
}

func has(env []string, name string) bool {
	for _, kv := range env {
		if strings.HasPrefix(kv, name+"=") {
			return true
		}
	}
	return false
}

// running is a host that serves.
type running struct {
	cmd *exec.Cmd
	// url is where streams are, with a slash at the end.
	url string
	// announced is what it has printed.
	announced string
	log       *log
	ended     chan struct{}
}

// startHost runs the host until it has printed where it is. The test's end kills it.
func startHost(t *testing.T, env ...string) *running {
	t.Helper()
	h := &running{cmd: hostCommand(t, nil, env), log: newLog(), ended: make(chan struct{})}
	h.cmd.Stderr = h.log
	stdout, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = h.cmd.Process.Kill()
		<-h.ended
		if t.Failed() {
			t.Logf("the host's log:\n%s", h.log)
		}
		if strings.Contains(h.log.String(), "DATA RACE") {
			t.Error("the host has a data race")
		}
	})
	var text strings.Builder
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
		if url, ok := strings.CutPrefix(lines.Text(), "Durable Streams server on "); ok {
			h.url = url
		}
		if strings.Contains(lines.Text(), "offset=-1") {
			break
		}
	}
	h.announced = text.String()
	go func() {
		defer close(h.ended)
		_, _ = io.Copy(io.Discard, stdout)
		_ = h.cmd.Wait() // ProcessState has how
	}()
	if h.url == "" {
		<-h.ended
		t.Fatalf("the host ended (%s): %s", h.cmd.ProcessState, h.log)
	}
	return h
}

// runHost runs a host that ends by itself, and returns what it printed.
func runHost(t *testing.T, args []string, env ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := hostCommand(t, args, env)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err = cmd.Wait()
	return out.String(), errs.String(), err
}

// end sends a signal and waits until the host has ended. It returns how.
func (h *running) end(t *testing.T, s syscall.Signal) *os.ProcessState {
	t.Helper()
	if err := h.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	select {
	case <-h.ended:
	case <-time.After(patience):
		t.Fatalf("the host still runs %v after %v", patience, s)
	}
	return h.cmd.ProcessState
}

// log is what a host has written to its standard error.
type log struct {
	mu   sync.Mutex
	text []byte
	// grown is closed by the next write.
	grown chan struct{}
}

func newLog() *log { return &log{grown: make(chan struct{})} }

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	close(l.grown)
	l.grown = make(chan struct{})
	return len(p), nil
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

func (l *log) state() (text string, grown <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text), l.grown
}

// served is a request that a process has answered.
type served struct {
	// Process is the number of the process.
	Process              int
	Method, Stream, Kind string
	Status               int
}

// requests returns the requests to a stream, in the order in which they ended, once
// there are n of them.
func (h *running) requests(t *testing.T, stream string, n int) []served {
	t.Helper()
	deadline := time.After(patience)
	for {
		text, grown := h.log.state()
		var found []served
		for line := range strings.Lines(text) {
			// api[3] {"msg":"request", ...}
			name, document, _ := strings.Cut(line, "] ")
			_, number, ok := strings.Cut(name, "[")
			var r struct {
				Msg string
				served
			}
			if !ok || json.Unmarshal([]byte(document), &r) != nil || r.Msg != "request" || r.Stream != stream {
				continue
			}
			r.Process, _ = strconv.Atoi(number)
			found = append(found, r.served)
		}
		if len(found) >= n {
			return found
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("%d requests of %d to %q are in the log:\n%s", len(found), n, stream, text)
		}
	}
}

// processes counts the processes that answered some requests.
func processes(requests []served) int {
	different := make(map[int]bool)
	for _, r := range requests {
		different[r.Process] = true
	}
	return len(different)
}

// answer is a response that has arrived.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request, headers in pairs, and reads the whole response.
func do(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	response := open(t, method, url, body, headers...)
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return answer{response.StatusCode, response.Header, string(read)}
}

// open sends a request and returns the response as it begins. One that never ends is cut
// off after twice the patience.
func open(t *testing.T, method, url, body string, headers ...string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// must sends a request that must be answered with a status.
func must(t *testing.T, status int, method, url, body string, headers ...string) answer {
	t.Helper()
	a := do(t, method, url, body, headers...)
	if a.status != status {
		t.Fatalf("%s %s: %d %s, want %d", method, url, a.status, a.body, status)
	}
	return a
}

const (
	put, post, get, head, del = http.MethodPut, http.MethodPost, http.MethodGet, http.MethodHead, http.MethodDelete
	contentType               = "Content-Type"
	text                      = "text/plain"
	binary                    = "application/octet-stream"
)

// random returns bytes that do not repeat, always the same.
func random(size int) string {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	return string(b)
}

// defaultTemplate is that of the stack with its default settings.
const defaultTemplate = "../../infra/stack/testdata/default.template.json"

// withEnv is how functions run with some variables set.
func withEnv(t *testing.T, environ map[string]string) deployed {
	t.Helper()
	c, err := config.ReadLambdaHost(environ)
	if err != nil {
		t.Fatal(err)
	}
	c.Template = defaultTemplate
	d, err := loadDeployed(c, environ)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
