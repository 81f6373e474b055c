package implementation

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const (
	urlVariable     = "IMPLEMENTATION_TEST_URL"
	restartVariable = "IMPLEMENTATION_TEST_RESTART"
	binVariable     = "IMPLEMENTATION_TEST_BIN" // set by TestMain only
)

// TestMain builds the local server once, unless another one is tested.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		if os.Getenv(urlVariable) != "" {
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "implementation")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin := filepath.Join(dir, "server")
		if out, err := exec.Command("go", "build", "-o", bin, "../server").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		os.Setenv(binVariable, bin)
		return m.Run()
	}())
}

// server is the one under test.
type server struct {
	// url is where it is, without a slash at the end.
	url string
	// dataDir is its directory, if it is ours.
	dataDir string
	port    string
	process *exec.Cmd
}

// own are the settings of the servers that tests start: segments of five messages, so that
// what is written soon moves to objects.
var own = []string{"STORE=embedded", "SEGMENT_MAX_MESSAGES=5", "LONG_POLL_WAIT=2s", "ADMIN_TOKEN=" + adminToken}

// adminToken is for what only the server's own listings tell.
const adminToken = "implementation-tests"

// start returns the server that is named by IMPLEMENTATION_TEST_URL, or starts one.
func start(t *testing.T) *server {
	t.Helper()
	if url := os.Getenv(urlVariable); url != "" {
		return &server{url: strings.TrimRight(url, "/")}
	}
	return startOwn(t)
}

// startOwn starts a server whose files the test may look into and change.
func startOwn(t *testing.T) *server {
	t.Helper()
	if os.Getenv(urlVariable) != "" {
		t.Skipf("SKIPPED: it needs a server of its own, whose files it can change; %s names another", urlVariable)
	}
	s := &server{dataDir: t.TempDir(), port: "0"}
	s.run(t)
	t.Cleanup(s.kill)
	return s
}

// startRestartable returns a server that [server.restart] can restart.
func startRestartable(t *testing.T) *server {
	t.Helper()
	if os.Getenv(urlVariable) != "" && os.Getenv(restartVariable) == "" {
		t.Skipf("SKIPPED: it restarts the server; set %s to a command that restarts the one at %s", restartVariable, urlVariable)
	}
	return start(t)
}

// run starts our process, on the port that it had before.
func (s *server) run(t *testing.T) {
	t.Helper()
	s.process = exec.Command(os.Getenv(binVariable))
	s.process.Env = append(os.Environ(), append([]string{"PORT=" + s.port, "DATA_DIR=" + s.dataDir}, own...)...)
	stderr := new(strings.Builder)
	s.process.Stderr = stderr
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "Durable Streams server on "); ok {
			s.url = strings.TrimSuffix(url, "/v1/stream/")
			_, s.port, err = net.SplitHostPort(strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("the server ended (%v): %s", s.process.Wait(), stderr)
}

// kill ends our process as a crash does.
func (s *server) kill() {
	s.process.Process.Kill()
	s.process.Wait()
}

// restart stops the server and starts it again: ours as a crash would, or as an operator
// does; another one by its command.
func (s *server) restart(t *testing.T, crash bool) {
	t.Helper()
	if s.process == nil {
		if out, err := exec.Command("sh", "-c", os.Getenv(restartVariable)).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", restartVariable, err, out)
		}
		return
	}
	if crash {
		s.kill()
	} else {
		s.process.Process.Signal(syscall.SIGTERM)
		if err := s.process.Wait(); err != nil {
			t.Fatalf("the server did not stop cleanly: %v", err)
		}
	}
	s.run(t)
}
