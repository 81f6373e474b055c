package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	s3standin "github.com/commoncurriculum/durable-streams-aws/localstack/s3"
	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// binaryVariable tells the tests where TestMain has put the program.
const binaryVariable = "CONTAINER_UNDER_TEST"

// TestMain builds the program as the Dockerfile does, but for this machine.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "container")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "container")
		b, err := readBuild()
		if err == nil {
			err = b.run(path)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		os.Setenv(binaryVariable, path)
		return m.Run()
	}())
}

// patience is how long tests wait for what should happen soon, on a machine that is busy.
const patience = time.Minute

// stores are a table and a bucket, and what was asked of the table.
type stores struct {
	*counter
	// env are the variables that say where they are.
	env []string
}

// startStores starts stand-ins with a table and a bucket, for the length of the test.
func startStores(t *testing.T) stores {
	t.Helper()
	database, err := standin.DynamoDB(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := database.Stop(); err != nil {
			t.Error(err)
		}
	})
	own := credentials.NewStaticCredentialsProvider("local", "local", "")
	table := "container-" + strings.ToLower(t.Name())
	if _, err := dynamo.EnsureTable(t.Context(), dynamo.NewClient("us-east-1", database.Endpoint, own), table); err != nil {
		t.Fatal(err)
	}
	objects, err := s3standin.Start(t.TempDir(), "objects")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := objects.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	counter := count(t, database.Endpoint)
	return stores{counter: counter, env: []string{
		"TABLE_NAME=" + table, "BUCKET_NAME=objects", "DYNAMODB_ENDPOINT=" + counter.endpoint, "S3_ENDPOINT=" + objects.Endpoint(),
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local",
	}}
}

// running is the program under test.
type running struct {
	cmd *exec.Cmd
	// url is where it serves, without a slash at the end; streams is where streams are.
	url, streams string
	ended        chan struct{}

	mu  sync.Mutex
	log []string
}

// command is the program with nothing but some variables in its environment. They
// override those before them.
func command(env ...string) *exec.Cmd {
	cmd := exec.Command(os.Getenv(binaryVariable))
	cmd.Env = append([]string{"HOST=127.0.0.1", "PORT=0"}, env...)
	return cmd
}

// start runs the program until it serves.
func start(t *testing.T, cmd *exec.Cmd) *running {
	t.Helper()
	r := &running{cmd: cmd, ended: make(chan struct{})}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-r.ended })
	serving := make(chan string, 1)
	go func() {
		defer close(r.ended)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			r.mu.Lock()
			r.log = append(r.log, lines.Text())
			r.mu.Unlock()
			var line struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
				serving <- line.Address
			}
		}
		_ = cmd.Wait() // ProcessState has how
	}()
	select {
	case address := <-serving:
		r.url = "http://" + address
		r.streams = r.url + "/v1/stream/"
	case <-r.ended:
		t.Fatalf("it ended (%s): %s", cmd.ProcessState, r.lines())
	case <-time.After(patience):
		t.Fatalf("it does not serve: %s", r.lines())
	}
	return r
}

// lines is what it has logged.
func (r *running) lines() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.log, "\n")
}

// terminate asks it to stop, as an orchestrator does. It does not wait.
func (r *running) terminate(t *testing.T) {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// mustEnd waits until it has ended, which it must have done cleanly.
func (r *running) mustEnd(t *testing.T) {
	t.Helper()
	select {
	case <-r.ended:
	case <-time.After(patience):
		t.Fatalf("it still runs: %s", r.lines())
	}
	if !r.cmd.ProcessState.Success() {
		t.Fatalf("it ended with %s: %s", r.cmd.ProcessState, r.lines())
	}
}

// client has a connection for each of many live readers.
func client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// ask sends a request with a text body, and reads the answer.
func ask(t *testing.T, c *http.Client, method, url, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/plain")
	resp, err := c.Do(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(read)
}

// must sends a request that must be answered with a status.
func must(t *testing.T, status int, method, url, body string) string {
	t.Helper()
	got, answer := ask(t, client(t), method, url, body)
	if got != status {
		t.Fatalf("%s %s: %d %s, want %d", method, url, got, answer, status)
	}
	return answer
}
