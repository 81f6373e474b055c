package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/embedded"
	"github.com/commoncurriculum/durable-streams-aws/pkg/spool"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// TestMain builds the commands once, as users run them: without the race detector.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "fsck")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if out, err := exec.Command("go", "build", "-o", dir, ".", "../server").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		os.Setenv(binVariable, dir)
		return m.Run()
	}())
}

// binVariable tells the tests where TestMain has put the commands.
const binVariable = "FSCK_UNDER_TEST"

func binary(name string) string { return filepath.Join(os.Getenv(binVariable), name) }

// result is how a run of the command ended.
type result struct {
	status         int
	stdout, stderr string
}

// check runs the command with variables that are set for it, and arguments.
func check(t *testing.T, env []string, args ...string) result {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := exec.Command(binary("fsck"), args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// expect fails the test unless the run ended with a status, and its output has the texts.
func (r result) expect(t *testing.T, status int, texts ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("it ended with %d, want %d: %s%s", r.status, status, r.stdout, r.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(r.stdout+r.stderr, text) {
			t.Errorf("%q is not in\n%s%s", text, r.stdout, r.stderr)
		}
	}
}

// local is a store of the local server, open.
type local struct {
	t   *testing.T
	dir string
	*embedded.Store
	objects *embedded.Objects
	log     *stream.Log
	closed  bool
}

func openLocal(t *testing.T, dir string) *local {
	t.Helper()
	o := embedded.DefaultOptions()
	o.CacheBytes, o.MemTableBytes = 1<<20, 1<<20
	store, err := embedded.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	l := &local{t: t, dir: dir, Store: store}
	t.Cleanup(l.close)
	if l.objects, err = embedded.OpenObjects(dir, vfs.Default); err != nil {
		t.Fatal(err)
	}
	l.log = newLog(t, store, l.objects)
	return l
}

// newLog returns a log whose segments have four records.
func newLog(t *testing.T, d stream.Driver, objects stream.Objects) *stream.Log {
	t.Helper()
	limits := stream.DefaultLimits()
	limits.SegmentCount = 4
	log, err := stream.New(d, stream.Options{Limits: limits, Objects: objects, Spool: spool.In(t.TempDir())})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// fill makes a stream of ten records, eight of which are in objects.
func fill(t *testing.T, log *stream.Log, name string) {
	t.Helper()
	if _, _, err := log.Create(t.Context(), name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}}); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		var r stream.Records
		r.Add(fmt.Appendf(nil, "record %d\n", i))
		if _, err := log.Append(t.Context(), name, &stream.Append{ContentType: "text/plain", Records: r}); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := log.Compact(t.Context(), name); err != nil || done.Segments != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
}

func (l *local) life(name string) stream.Life {
	l.t.Helper()
	h, err := l.Head(l.t.Context(), name, stream.Strong)
	if err != nil {
		l.t.Fatal(err)
	}
	return h.Life(name)
}

// file returns the file of an object of a segment. How the folders above it are called is
// the driver's business.
func (l *local) file(key string) string {
	l.t.Helper()
	end := filepath.FromSlash(path.Join(path.Base(path.Dir(key)), path.Base(key)))
	var found string
	err := filepath.WalkDir(l.dir, func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, end) {
			found = name
		}
		return err
	})
	if err != nil || found == "" {
		l.t.Fatalf("there is no file of object %s: %v", key, err)
	}
	return found
}

// close lets go of the store, so that the command can open it.
func (l *local) close() {
	l.t.Helper()
	if l.closed {
		return
	}
	l.closed = true
	if err := l.Store.Close(); err != nil {
		l.t.Fatal(err)
	}
}

// serve runs the local server, calls use with the URL of its streams, and stops it.
func serve(t *testing.T, env []string, use func(url string)) {
	t.Helper()
	cmd := exec.Command(binary("server"))
	cmd.Env = append(os.Environ(), append([]string{"PORT=0"}, env...)...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "Durable Streams server on "); ok {
			use(url)
			break
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	killed := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer killed.Stop()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the server: %v", err)
	}
}

// putStream creates a stream with a body.
func putStream(t *testing.T, url, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/plain")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Fatal(answer.Status)
	}
}
