//go:build unix

package frontdoor_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/frontdoor"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
)

// TestMain builds the function that the tests run.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "lambda-frontdoor")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin := filepath.Join(dir, "bootstrap")
		if out, err := exec.Command("go", "build", "-o", bin, "../host/testdata/bootstrap").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		os.Setenv(binVariable, bin)
		return m.Run()
	}())
}

const binVariable = "BOOTSTRAP_UNDER_TEST"

// output collects what functions and handlers log.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// door is a function behind a front door.
type door struct {
	*httptest.Server
	function *host.Function
	out      *output
}

func open(t *testing.T, change func(*host.Config), handler func(frontdoor.Function, frontdoor.Options) http.Handler) *door {
	t.Helper()
	out := &output{}
	logger := slog.New(slog.NewTextHandler(out, nil))
	c := host.Config{Name: "test", Bootstrap: os.Getenv(binVariable), Timeout: 20 * time.Second, Output: out, Logger: logger}
	if change != nil {
		change(&c)
	}
	f, err := host.New(c)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Date(2026, 9, 30, 12, 0, 0, 5e6, time.UTC) }
	d := &door{httptest.NewServer(handler(f, frontdoor.Options{Logger: logger, Now: now})), f, out}
	t.Cleanup(func() {
		d.CloseClientConnections()
		f.Close()
		d.Close()
		if t.Failed() {
			t.Logf("output:\n%s", out)
		}
	})
	return d
}

func openURL(t *testing.T, change func(*host.Config), o frontdoor.URLOptions) *door {
	t.Helper()
	return open(t, change, func(f frontdoor.Function, common frontdoor.Options) http.Handler {
		o.Options = common
		return frontdoor.FunctionURL(f, o)
	})
}

// do sends a request and returns the response with its whole body.
func (d *door) do(t *testing.T, method, path string, body string, header ...string) (*http.Response, string) {
	t.Helper()
	response := d.begin(t, method, path, body, header...)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return response, string(text)
}

// begin sends a request and returns the response when it has begun.
func (d *door) begin(t *testing.T, method, path string, body string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	response, err := d.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// gate is a server that holds whoever calls it until it is opened, once for each.
type gate struct {
	*httptest.Server
	arrived chan string
	open    chan struct{}
}

func newGate(t *testing.T) *gate {
	g := &gate{arrived: make(chan string, 100), open: make(chan struct{}, 100)}
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
