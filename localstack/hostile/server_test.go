package hostile

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

var lasts = flag.Duration("for", 3*time.Second, "how long the attack lasts")

const (
	binVariable = "HOSTILE_TEST_BIN" // set by TestMain only
	adminToken  = "hostile-0123456789"
)

// TestMain builds the server as users run it: without the race detector.
func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "hostile")
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

// server is a running one.
type server struct {
	// addr is its address, url where streams are, with a slash at the end.
	addr, url string
	// profiles is where its profiles are.
	profiles string
	process  *os.Process
}

// start runs a server.
func start(t *testing.T, env ...string) *server {
	t.Helper()
	profiles := freeAddress(t)
	cmd := exec.Command(os.Getenv(binVariable))
	cmd.Env = append(os.Environ(), append([]string{
		"PORT=0", "DATA_DIR=" + t.TempDir(), "ADMIN_TOKEN=" + adminToken, "PPROF_ADDR=" + profiles, "LONG_POLL_WAIT=2s",
	}, env...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the server wrote: %.2000s", stderr.String())
		}
	})
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if url, found := strings.CutPrefix(lines.Text(), "Durable Streams server on "); found {
			addr := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/v1/stream/")
			return &server{addr: addr, url: url, profiles: "http://" + profiles + "/debug/pprof/", process: cmd.Process}
		}
	}
	t.Fatalf("the server ended: %s", stderr.String())
	return nil
}

// vitals are what attackers could take.
type vitals struct {
	Goroutines, Files int
	// Heap is what is in use after a collection, Memory is the resident size, in bytes.
	Heap, Memory int
}

// vitals looks at the server, after it has collected its garbage.
func (s *server) vitals(t *testing.T) vitals {
	t.Helper()
	// The profile itself is of no interest.
	get(t, s.profiles+"heap?gc=1")
	metrics := get(t, strings.TrimSuffix(s.url, "stream/")+"admin/metrics")
	gauge := func(name string) int {
		m := regexp.MustCompile(`(?m)^` + name + ` (\d+)$`).FindStringSubmatch(metrics)
		if m == nil {
			t.Fatalf("no %s in %.300s", name, metrics)
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	p, err := procfs.NewProc(s.process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	stat, err := p.Stat()
	if err != nil {
		t.Fatal(err)
	}
	files, err := p.FileDescriptorsLen()
	if err != nil {
		t.Fatal(err)
	}
	return vitals{Goroutines: gauge("go_goroutines"), Files: files, Heap: gauge("go_memstats_heap_alloc_bytes"), Memory: stat.ResidentMemory()}
}

// client is that of the good ones, who keep no connection: what is counted is what
// attackers hold. Its patience is for machines that do much else.
var client = &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+adminToken)
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, answer.Status, err)
	}
	return string(body)
}

// request makes one of a good client, and fails the test unless it is answered with the
// status.
func (s *server) request(t *testing.T, method, target, body string, status int) string {
	t.Helper()
	r, err := http.NewRequest(method, s.url+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" || method == http.MethodPut {
		r.Header.Set("Content-Type", "text/plain")
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatalf("a good client's %s %s: %v", method, target, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status {
		t.Fatalf("a good client's %s %s: %s %.200s, %v", method, target, answer.Status, text, err)
	}
	return string(text)
}

// freeAddress returns an address of loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
