package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain builds the command once, as users run it: without the race detector.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "server")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin := filepath.Join(dir, "server")
		if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		os.Setenv(binVariable, bin)
		return m.Run()
	}())
}

// binVariable tells the tests where TestMain has put the server.
const binVariable = "SERVER_UNDER_TEST"

func serverBinary() string { return os.Getenv(binVariable) }

// process is a running server.
type process struct {
	cmd *exec.Cmd
	// url is where streams are, with a slash at the end.
	url    string
	stderr *strings.Builder
}

// start runs the server until it has printed where it is. It fails with what the
// server wrote to stderr if it ends before that.
func start(bin string, env ...string) (*process, error) {
	p := &process{cmd: exec.Command(bin), stderr: &strings.Builder{}}
	p.cmd.Env = append(os.Environ(), append([]string{"PORT=0"}, env...)...)
	p.cmd.Stderr = p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	const prefix = "Durable Streams server on "
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			p.url = url
			return p, nil
		}
	}
	err = p.cmd.Wait()
	return nil, fmt.Errorf("the server ended (%v): %s", err, p.stderr)
}

func mustStart(t *testing.T, bin string, env ...string) *process {
	t.Helper()
	p, err := start(bin, env...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	return p
}

// kill ends the server as a crash does.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// stop ends the server as an operator does, and returns how it ended.
func (p *process) stop(t *testing.T) error {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(30 * time.Second):
		p.kill()
		return fmt.Errorf("it was still running 30 s after SIGTERM")
	}
}

func request(t *testing.T, method, url, contentType, body string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}
