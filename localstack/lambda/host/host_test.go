//go:build unix

package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
)

// TestMain builds the function that the tests run.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		if held := os.Getenv(holdVariable); held != "" {
			return hold(held)
		}
		dir, err := os.MkdirTemp("", "lambda-host")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin := filepath.Join(dir, "bootstrap")
		if out, err := exec.Command("go", "build", "-o", bin, "./testdata/bootstrap").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		os.Setenv(binVariable, bin)
		return m.Run()
	}())
}

const binVariable = "BOOTSTRAP_UNDER_TEST"

// log collects output, and may be read meanwhile.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start makes a function of the test bootstrap that is closed with the test. A
// test that fails shows what it printed.
func start(t *testing.T, change func(*host.Config)) *host.Function {
	t.Helper()
	f, _ := startLogged(t, change)
	return f
}

func startLogged(t *testing.T, change func(*host.Config)) (*host.Function, *log) {
	t.Helper()
	out := &log{}
	c := host.Config{Name: "test", Bootstrap: os.Getenv(binVariable), Timeout: 20 * time.Second, Output: out}
	if change != nil {
		change(&c)
	}
	f, err := host.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close()
		if t.Failed() {
			t.Logf("output:\n%s", out)
		}
	})
	return f, out
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// invoke invokes a function that does nothing else at the time, and waits until
// the process is free again, which on a busy machine may take a while.
func invoke(t *testing.T, f *host.Function, event string) string {
	t.Helper()
	result, err := f.Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	rest(t, f)
	return string(result)
}

// rest waits until no process has anything to do.
func rest(t *testing.T, f *host.Function) {
	t.Helper()
	eventually(t, "all processes are idle", func() bool {
		return !slices.ContainsFunc(f.Stats().Processes, func(p host.ProcessStats) bool {
			return p.State != host.Frozen && p.State != host.Idle
		})
	})
}

// pid invokes the function and returns its process and how many invocations that had.
func pid(t *testing.T, f *host.Function) (pid, invocations int) {
	t.Helper()
	var r struct{ PID, Invocations int }
	if err := json.Unmarshal([]byte(invoke(t, f, `{"do":"pid"}`)), &r); err != nil {
		t.Fatal(err)
	}
	return r.PID, r.Invocations
}

// gate is a server that holds whoever calls it until it is opened.
type gate struct {
	*httptest.Server
	arrived chan string
	open    chan struct{}
}

func newGate(t *testing.T) *gate {
	g := &gate{arrived: make(chan string, 100), open: make(chan struct{})}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.arrived <- r.URL.RawQuery
		select {
		case <-g.open:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() {
		g.CloseClientConnections()
		g.Close()
	})
	return g
}

func (g *gate) wait(t *testing.T) string {
	t.Helper()
	select {
	case q := <-g.arrived:
		return q
	case <-time.After(10 * time.Second):
		t.Fatal("nobody came to the gate")
		return ""
	}
}

// gone reports whether a process has ended. One whose parent was killed may wait
// for whoever is to reap it; it is gone all the same.
func gone(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err != nil || strings.Contains(string(status), "State:\tZ")
}

func needsProc(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc here")
	}
}

// wantError checks that a function failed, and of what.
func wantError(t *testing.T, err error, kind, message string) {
	t.Helper()
	var failed *host.FunctionError
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want a FunctionError %s", err, kind)
	}
	if failed.Type != kind || !strings.Contains(failed.Message, message) {
		t.Errorf("got %s: %q, want %s: %q", failed.Type, failed.Message, kind, message)
	}
	var document map[string]any
	if json.Unmarshal(failed.Payload, &document) != nil || document["errorMessage"] == nil {
		t.Errorf("payload is %s", failed.Payload)
	}
}

func TestProcessIsReused(t *testing.T) {
	f, out := startLogged(t, nil)
	first, _ := pid(t, f)
	again, n := pid(t, f)
	if first != again || n != 2 {
		t.Errorf("second invocation: process %d (was %d), its %d.", again, first, n)
	}
	if s := f.Stats(); s.ColdStarts != 1 || s.Invocations != 2 || len(s.Processes) != 1 || s.Processes[0].PID != first || s.Processes[0].Requests != 2 {
		t.Errorf("stats: %+v", s)
	}
	invoke(t, f, `{"do":"print"}`)
	f.Close()
	for _, line := range []string{"test[1] started\n", "test[1] one\n", "test[1] two\n", "test[1] no end\n"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is not in the output:\n%s", line, out)
		}
	}
}

func TestConcurrencyAndLimit(t *testing.T) {
	const n = 3
	f := start(t, func(c *host.Config) { c.Concurrency = n })
	g := newGate(t)
	pids := make(chan string, n)
	for range n {
		go func() {
			result, err := f.Invoke(context.Background(), fmt.Appendf(nil, `{"do":"get","url":%q}`, g.URL))
			if err != nil {
				result = []byte(err.Error())
			}
			pids <- string(result)
		}()
	}
	for range n {
		g.wait(t)
	}
	if s := f.Stats(); len(s.Processes) != n || s.Processes[0].State != host.Busy {
		t.Errorf("stats: %+v", s)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, host.ErrThrottled) {
		t.Errorf("above the limit: %v", err)
	}
	close(g.open)
	var seen []string
	for range n {
		seen = append(seen, <-pids)
	}
	rest(t, f)
	slices.Sort(seen)
	if len(slices.Compact(seen)) != n {
		t.Errorf("processes: %v", seen)
	}
	invoke(t, f, `{}`)
	if s := f.Stats(); s.ColdStarts != n || s.Throttles != 1 {
		t.Errorf("stats: %+v", s)
	}
}

func TestQueueWait(t *testing.T) {
	f := start(t, func(c *host.Config) { c.Concurrency, c.QueueWait = 1, 10*time.Second })
	g := newGate(t)
	first := make(chan error, 1)
	go func() {
		_, err := f.Invoke(context.Background(), fmt.Appendf(nil, `{"do":"get","url":%q}`, g.URL))
		first <- err
	}()
	g.wait(t)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := f.Invoke(ctx, []byte(`{}`))
		left <- err
	}()
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that leaves the queue: %v", err)
	}
	second := make(chan error, 1)
	go func() {
		_, err := f.Invoke(context.Background(), []byte(`{}`))
		second <- err
	}()
	close(g.open)
	if err := errors.Join(<-first, <-second); err != nil {
		t.Error(err)
	}
	if s := f.Stats(); s.ColdStarts != 1 || s.Throttles != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func TestRecycling(t *testing.T) {
	needsProc(t)
	f := start(t, func(c *host.Config) { c.MaxRequests, c.Concurrency, c.QueueWait = 2, 1, 10*time.Second })
	var pids []int
	for range 6 {
		p, _ := pid(t, f)
		pids = append(pids, p)
	}
	if pids[0] != pids[1] || pids[1] == pids[2] || pids[2] != pids[3] || pids[3] == pids[4] {
		t.Errorf("processes: %v", pids)
	}
	if s := f.Stats(); s.ColdStarts != 3 || s.Crashes != 0 {
		t.Errorf("stats: %+v", s)
	}
	eventually(t, "worn processes are gone", func() bool { return gone(pids[0]) && gone(pids[2]) && gone(pids[4]) })
}

func TestIdleProcessesEnd(t *testing.T) {
	f := start(t, func(c *host.Config) { c.MaxIdle = 20 * time.Millisecond })
	first, _ := pid(t, f)
	eventually(t, "the idle process is gone", func() bool { return len(f.Stats().Processes) == 0 })
	if second, n := pid(t, f); second == first || n != 1 {
		t.Errorf("after idling: process %d again", second)
	}
	if s := f.Stats(); s.ColdStarts != 2 || s.Crashes != 0 {
		t.Errorf("stats: %+v", s)
	}
}

// What a burst has started ends, although requests go on.
func TestSpareProcessesEnd(t *testing.T) {
	const burst, spread = 5, 2
	f := start(t, func(c *host.Config) {
		c.Concurrency, c.Spread, c.Reuse, c.MaxIdle = burst, spread, host.LeastRecent, 500*time.Millisecond
	})
	g := newGate(t)
	var all sync.WaitGroup
	for range burst {
		all.Go(func() {
			if _, err := f.Invoke(t.Context(), fmt.Appendf(nil, `{"do":"get","url":%q}`, g.URL)); err != nil {
				t.Error(err)
			}
		})
	}
	for range burst {
		g.wait(t)
	}
	close(g.open)
	all.Wait()
	if n := f.Stats().ColdStarts; n != burst {
		t.Fatalf("the burst has started %d processes", n)
	}
	eventually(t, "the spare processes are gone", func() bool {
		invoke(t, f, `{}`)
		return len(f.Stats().Processes) <= spread
	})
}

func TestReuse(t *testing.T) {
	picks := []int{2, 0, 1, 0}
	for _, c := range []struct {
		name  string
		reuse host.Reuse
		want  []int
	}{
		{"most recent", host.MostRecent, []int{3, 3, 3, 3}},
		{"least recent", host.LeastRecent, []int{1, 2, 3, 1}},
		// Idle are 1 2 3; then 1 2 3; 2 3 1; 2 1 3.
		{"random", host.Random, []int{3, 1, 3, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			next := 0
			f := start(t, func(config *host.Config) {
				config.Reuse, config.Spread = c.reuse, 3
				config.Pick = func(n int) int {
					next++
					return picks[next-1]
				}
			})
			var got []int
			for i := range 7 {
				response, err := f.InvokeStream(t.Context(), []byte(`{}`))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, response.Body); err != nil {
					t.Fatal(err)
				}
				rest(t, f)
				if i >= 3 { // the first three start a process each
					got = append(got, response.Process)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("processes: %v, want %v", got, c.want)
			}
		})
	}
}

// Many clients, processes that come and go, and nobody notices.
func TestLoadWithRecycling(t *testing.T) {
	needsProc(t)
	const clients, requests = 8, 40
	f := start(t, func(c *host.Config) {
		c.Concurrency, c.QueueWait, c.MaxRequests, c.Reuse = 4, 20*time.Second, 5, host.Random
	})
	failed := make(chan error, clients)
	var mu sync.Mutex
	served := make(map[int]int)
	for range clients {
		go func() {
			failed <- func() error {
				for range requests {
					result, err := f.Invoke(context.Background(), []byte(`{"do":"pid"}`))
					if err != nil {
						return err
					}
					var r struct{ PID int }
					if err := json.Unmarshal(result, &r); err != nil {
						return err
					}
					mu.Lock()
					served[r.PID]++
					mu.Unlock()
					if n := len(f.Stats().Processes); n > 4 {
						return fmt.Errorf("%d processes", n)
					}
				}
				return nil
			}()
		}()
	}
	for range clients {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	for pid, n := range served {
		if n > 5 {
			t.Errorf("process %d served %d requests", pid, n)
		}
	}
	if s := f.Stats(); s.Invocations != clients*requests || s.ColdStarts < clients*requests/5 || s.Crashes != 0 {
		t.Errorf("stats: %+v", s)
	}
	f.Close()
	for pid := range served {
		if !gone(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
}

func TestTimeout(t *testing.T) {
	needsProc(t)
	f := start(t, func(c *host.Config) { c.Timeout = 300 * time.Millisecond })
	first, _ := pid(t, f)
	_, err := f.Invoke(t.Context(), []byte(`{"do":"sleep"}`))
	wantError(t, err, host.TypeTimeout, "Task timed out after 0.30 seconds")
	if !gone(first) {
		t.Error("the process lives")
	}
	if second, n := pid(t, f); second == first || n != 1 {
		t.Errorf("next: process %d, its %d.", second, n)
	}
	if s := f.Stats(); s.Timeouts != 1 || s.Crashes != 0 || s.ColdStarts != 2 {
		t.Errorf("stats: %+v", s)
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct {
		do, kind, message string
		crashes, errors   int
		survives          bool
	}{
		{"exit", host.TypeExit, "exit status 3", 1, 0, false},
		{"panic", "string", "on purpose", 0, 1, false},
		{"error", "errorString", "on purpose", 0, 1, true},
		{"big", host.TypeResponseTooLarge, "6291556", 0, 0, false}, // aws-lambda-go exits on a 413
	} {
		t.Run(c.do, func(t *testing.T) {
			f := start(t, func(c *host.Config) { c.Concurrency = 1 })
			before, _ := pid(t, f)
			_, err := f.Invoke(t.Context(), fmt.Appendf(nil, `{"do":%q,"n":%d}`, c.do, host.MaxResponse))
			wantError(t, err, c.kind, c.message)
			if !c.survives {
				eventually(t, "the process is gone", func() bool { return len(f.Stats().Processes) == 0 })
			}
			rest(t, f)
			after, _ := pid(t, f)
			if (before == after) != c.survives {
				t.Errorf("next: process %d, before %d", after, before)
			}
			if s := f.Stats(); s.Crashes != c.crashes || s.Errors != c.errors {
				t.Errorf("stats: %+v", s)
			}
		})
	}
}

func TestSizeLimits(t *testing.T) {
	f := start(t, nil)
	if got := invoke(t, f, fmt.Sprintf(`{"do":"big","n":%d}`, host.MaxResponse-2)); len(got) != host.MaxResponse {
		t.Errorf("the longest result came with %d bytes", len(got))
	}
	event := []byte(`{"pad":"` + strings.Repeat("x", host.MaxRequest-10) + `"}`)
	invoke(t, f, string(event))
	if _, err := f.Invoke(t.Context(), append(event, ' ')); !errors.Is(err, host.ErrRequestTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
}

// A stream is cut at its limit; also the prelude counts.
func TestStreamLimit(t *testing.T) {
	f := start(t, nil)
	response, err := f.InvokeStream(t.Context(), fmt.Appendf(nil, `{"rawPath":"/long","queryStringParameters":{"n":"%d"}}`, host.MaxStream))
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, response.Body)
	wantError(t, err, host.TypeResponseTooLarge, "209715200")
	if n > host.MaxStream || n < host.MaxStream-(64<<10) {
		t.Errorf("%d bytes came", n)
	}
}

func TestInitFailures(t *testing.T) {
	for _, c := range []struct{ init, kind, message string }{
		{"exit", host.TypeExit, "exit status 4"},
		{"error", "Config.Missing", "no configuration"},
		{"hang", host.TypeTimeout, "Init timed out after 0.30 seconds"},
	} {
		t.Run(c.init, func(t *testing.T) {
			f, out := startLogged(t, func(config *host.Config) {
				config.Env = map[string]string{"INIT": c.init}
				config.Concurrency, config.InitTimeout = 1, 300*time.Millisecond
				if c.init != "hang" {
					config.InitTimeout = 10 * time.Second
				}
			})
			for range 2 { // the second shows that the slot is free again
				_, err := f.Invoke(t.Context(), []byte(`{}`))
				wantError(t, err, c.kind, c.message)
			}
			if s := f.Stats(); s.ColdStarts != 2 || len(s.Processes) != 0 {
				t.Errorf("stats: %+v", s)
			}
			if c.init == "error" && !strings.Contains(out.String(), `test[1] init: 202 {"status":"OK"}`) {
				t.Errorf("output: %s", out)
			}
		})
	}
}

func TestIdleProcessThatDiesIsReplaced(t *testing.T) {
	f := start(t, nil)
	before, _ := pid(t, f)
	process, err := os.FindProcess(before)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the host knows", func() bool { return len(f.Stats().Processes) == 0 })
	if after, _ := pid(t, f); after == before {
		t.Error("a dead process answered")
	}
	if s := f.Stats(); s.Crashes != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_THE_HOST", "x")
	f := start(t, func(c *host.Config) {
		c.Region, c.MemoryMB = "eu-central-1", 512
		c.Env = map[string]string{"MINE": "a=b", "AWS_ACCESS_KEY_ID": "key", "TZ": "Europe/Berlin"}
	})
	var result struct {
		Env []string
		Dir string
	}
	if err := json.Unmarshal([]byte(invoke(t, f, `{"do":"env"}`)), &result); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, kv := range result.Env {
		name, value, _ := strings.Cut(kv, "=")
		got[name] = value
	}
	root := filepath.Dir(os.Getenv(binVariable))
	for name, want := range map[string]string{
		"_HANDLER": "bootstrap", "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1",
		"AWS_LAMBDA_FUNCTION_NAME": "test", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/test", "LAMBDA_TASK_ROOT": root, "LAMBDA_RUNTIME_DIR": root,
		"LANG": "en_US.UTF-8", "TZ": "Europe/Berlin", "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"MINE": "a=b", "AWS_ACCESS_KEY_ID": "key",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
		delete(got, name)
	}
	if s := got["AWS_LAMBDA_LOG_STREAM_NAME"]; !strings.Contains(s, "/[$LATEST]") {
		t.Errorf("log stream %q", s)
	}
	if s := got["AWS_LAMBDA_RUNTIME_API"]; !strings.HasPrefix(s, "127.0.0.1:") {
		t.Errorf("runtime API %q", s)
	}
	delete(got, "AWS_LAMBDA_LOG_STREAM_NAME")
	delete(got, "AWS_LAMBDA_RUNTIME_API")
	delete(got, "_X_AMZN_TRACE_ID") // aws-lambda-go's own
	if len(got) > 0 {
		t.Errorf("also in the environment: %v", got)
	}
	if real, err := filepath.EvalSymlinks(root); err != nil || result.Dir != real {
		t.Errorf("working directory %s", result.Dir)
	}
}

func TestConfig(t *testing.T) {
	bin := os.Getenv(binVariable)
	for _, c := range []struct {
		config host.Config
		want   string
	}{
		{host.Config{Bootstrap: bin}, "Name"},
		{host.Config{Name: "f", Bootstrap: bin + "x"}, "build the function first"},
		{host.Config{Name: "f", Bootstrap: "host_test.go"}, "not an executable"},
		{host.Config{Name: "f", Bootstrap: bin, Env: map[string]string{"AWS_REGION": "x"}}, "AWS_REGION is reserved"},
		{host.Config{Name: "f", Bootstrap: bin, Timeout: -1}, "negative"},
		{host.Config{Name: "f", Bootstrap: bin, Concurrency: 2, Spread: 3}, "Spread is 3"},
	} {
		if _, err := host.New(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.config, err, c.want)
		}
	}
}
