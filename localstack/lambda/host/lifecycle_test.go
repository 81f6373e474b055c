//go:build unix

package host_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
)

// ticker counts what a background goroutine of the function does.
func ticker(t *testing.T) (*httptest.Server, chan struct{}) {
	ticks := make(chan struct{}, 1000)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case ticks <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s, ticks
}

func TestFreeze(t *testing.T) {
	needsProc(t)
	f := start(t, nil)
	s, ticks := ticker(t)
	invoke(t, f, fmt.Sprintf(`{"do":"background","url":%q}`, s.URL))
	p := f.Stats().Processes[0]
	if p.State != host.Frozen {
		t.Fatalf("state %s", p.State)
	}
	eventually(t, "the system shows it as stopped", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
		return err == nil && strings.Contains(string(status), "State:\tT")
	})
	// A call that was under way may arrive; then nothing does.
	quiet := func() bool {
		select {
		case <-ticks:
			return false
		case <-time.After(100 * time.Millisecond):
			return true
		}
	}
	eventually(t, "no more ticks", quiet)
	// During the next invocation the goroutine runs on, and then no more.
	g := newGate(t)
	done := make(chan error, 1)
	go func() {
		_, err := f.Invoke(context.Background(), fmt.Appendf(nil, `{"do":"get","url":%q}`, g.URL))
		done <- err
	}()
	g.wait(t)
	for range 3 {
		<-ticks
	}
	close(g.open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	eventually(t, "no more ticks", quiet)
	if s := f.Stats(); s.ColdStarts != 1 {
		t.Errorf("stats: %+v", s)
	}
}

func TestNoFreeze(t *testing.T) {
	f := start(t, func(c *host.Config) { c.NoFreeze = true })
	s, ticks := ticker(t)
	invoke(t, f, fmt.Sprintf(`{"do":"background","url":%q}`, s.URL))
	if p := f.Stats().Processes[0]; p.State != host.Idle {
		t.Fatalf("state %s", p.State)
	}
	for range 10 {
		<-ticks
	}
}

// A caller that leaves gets its context's error; the function goes on.
func TestCallerLeaves(t *testing.T) {
	f := start(t, nil)
	g := newGate(t)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := f.Invoke(ctx, fmt.Appendf(nil, `{"do":"get","url":%q}`, g.URL))
		left <- err
	}()
	g.wait(t)
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(g.open)
	eventually(t, "the process is idle again", func() bool { return f.Stats().Processes[0].State == host.Frozen })
	if _, n := pid(t, f); n != 2 {
		t.Errorf("the process had %d invocations", n)
	}
}

// listeners counts the listening sockets of this process.
func listeners(t *testing.T, of []string) (open []string) {
	for _, address := range of {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			open = append(open, address)
		}
	}
	return open
}

func TestClose(t *testing.T) {
	needsProc(t)
	f := start(t, func(c *host.Config) { c.Concurrency = 4 })
	g := newGate(t)
	failed := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := f.Invoke(context.Background(), fmt.Appendf(nil, `{"do":"get","url":%q}`, g.URL))
			failed <- err
		}()
	}
	g.wait(t)
	g.wait(t)
	streaming, err := f.InvokeStream(t.Context(), fmt.Appendf(nil, `{"rawPath":"/hang","queryStringParameters":{"url":%q}}`, g.URL))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{}`)); err != nil { // the fourth is frozen
		t.Fatal(err)
	}
	var pids []int
	var addresses []string
	for _, p := range f.Stats().Processes {
		pids = append(pids, p.PID)
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.PID))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(environ), "AWS_LAMBDA_RUNTIME_API=")
		address, _, _ := strings.Cut(rest, "\x00")
		addresses = append(addresses, address)
	}
	if len(pids) != 4 || len(listeners(t, addresses)) != 4 {
		t.Fatalf("processes %v at %v", pids, addresses)
	}
	began := time.Now()
	f.Close()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("Close took %v", took)
	}
	for range 2 {
		if err := <-failed; !errors.Is(err, host.ErrClosed) {
			t.Errorf("an invocation ended with %v", err)
		}
	}
	if _, err := io.ReadAll(streaming.Body); !errors.Is(err, host.ErrClosed) {
		t.Errorf("a stream ended with %v", err)
	}
	for _, pid := range pids {
		if !gone(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if open := listeners(t, addresses); len(open) > 0 {
		t.Errorf("still listening: %v", open)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, host.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	f.Close() // once more
}

func TestCloseDuringInit(t *testing.T) {
	f := start(t, func(c *host.Config) { c.Env = map[string]string{"INIT": "hang"} })
	failed := make(chan error, 1)
	go func() {
		_, err := f.Invoke(context.Background(), []byte(`{}`))
		failed <- err
	}()
	eventually(t, "a process starts", func() bool {
		s := f.Stats()
		return len(s.Processes) == 1 && s.Processes[0].PID != 0
	})
	f.Close()
	if err := <-failed; !errors.Is(err, host.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

const holdVariable = "HOLD_BOOTSTRAP"

// hold is a host in a process of its own, to be killed: it prints the pid of a
// frozen process and of a busy one.
func hold(bootstrap string) int {
	f, err := host.New(host.Config{Name: "held", Bootstrap: bootstrap, Timeout: time.Minute})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go f.Invoke(context.Background(), []byte(`{"do":"sleep"}`))
	for f.Stats().Invocations == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, err := f.Invoke(context.Background(), []byte(`{}`)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, p := range f.Stats().Processes {
		fmt.Println(p.PID)
	}
	time.Sleep(time.Hour)
	return 0
}

func TestProcessesDieWithTheHost(t *testing.T) {
	needsProc(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdVariable+"="+os.Getenv(binVariable))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(stdout); len(pids) < 2 && lines.Scan(); {
		var pid int
		if _, err := fmt.Sscan(lines.Text(), &pid); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if len(pids) != 2 {
		t.Fatalf("processes: %v", pids)
	}
	eventually(t, "the processes are gone", func() bool { return gone(pids[0]) && gone(pids[1]) })
}
