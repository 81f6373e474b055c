package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	s3standin "github.com/commoncurriculum/durable-streams-aws/localstack/s3"
	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// path is that of the stream.
const path = "/v1/stream/live"

// server is a process under measurement.
type server struct {
	cmd       *exec.Cmd
	addr, url string
	// profiles is where its own profiles are; empty if it has none.
	profiles string
	// requests counts what it asks of its table; nil if it has none.
	requests *atomic.Int64
	ends     []func() error
}

// common are the variables of all servers: nobody has to connect again during a row.
var common = []string{"HOST=127.0.0.1", "SSE_LIFETIME=1h", "LONG_POLL_WAIT=1h", "LOG_LEVEL=warn"}

// startLocal starts the local server, on a directory of its own.
func startLocal(ctx context.Context, program string) (*server, error) {
	dir, err := os.MkdirTemp("", "livebench")
	if err != nil {
		return nil, err
	}
	profiles, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &server{profiles: "http://" + profiles, ends: []func() error{func() error { return os.RemoveAll(dir) }}}
	return s, s.launch(ctx, program, "DATA_DIR="+dir, "PPROF_ADDR="+profiles)
}

// startContainer starts the container, on stand-ins for DynamoDB and S3. What it asks of
// the table goes through this process, which counts it.
func startContainer(ctx context.Context, program string) (*server, error) {
	db, err := standin.DynamoDB(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{requests: new(atomic.Int64), ends: []func() error{db.Stop}}
	dir, err := os.MkdirTemp("", "livebench")
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.ends = append(s.ends, func() error { return os.RemoveAll(dir) })
	objects, err := s3standin.Start(dir, "live")
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.ends = append(s.ends, func() error { return objects.Stop(context.Background()) })
	anybody := credentials.NewStaticCredentialsProvider("local", "local", "")
	if _, err := dynamo.EnsureTable(ctx, dynamo.NewClient("us-east-1", db.Endpoint, anybody), "live"); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	to, err := url.Parse(db.Endpoint)
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	pass := httputil.NewSingleHostReverseProxy(to)
	counter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		pass.ServeHTTP(w, r)
	}))
	s.ends = append(s.ends, func() error { counter.Close(); return nil })
	return s, s.launch(ctx, program, "TABLE_NAME=live", "BUCKET_NAME=live", "DYNAMODB_ENDPOINT="+counter.URL, "S3_ENDPOINT="+objects.Endpoint(),
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local")
}

// launch starts the program on a free port, and waits until it answers.
func (s *server) launch(ctx context.Context, program string, env ...string) error {
	addr, err := freeAddress()
	if err != nil {
		return errors.Join(err, s.stop())
	}
	_, port, _ := net.SplitHostPort(addr)
	s.addr, s.url = addr, "http://"+addr+path
	s.cmd = exec.Command(program)
	s.cmd.Env = append(append(os.Environ(), common...), append(env, "PORT="+port)...)
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return errors.Join(err, s.stop())
	}
	for range 200 {
		if _, err = request(ctx, http.MethodHead, s.url, "", http.StatusNotFound); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.Join(fmt.Errorf("%s does not answer: %w", program, err), s.stop())
}

// stop ends the process and what was started for it.
func (s *server) stop() (err error) {
	if s.cmd != nil {
		err = s.cmd.Process.Signal(syscall.SIGTERM)
		err = errors.Join(err, s.cmd.Wait())
	}
	for i := len(s.ends) - 1; i >= 0; i-- {
		err = errors.Join(err, s.ends[i]())
	}
	return err
}

// take returns how many requests there were since it was asked last.
func (s *server) take() int {
	if s.requests == nil {
		return 0
	}
	return int(s.requests.Swap(0))
}

// footprint is what a process has in memory, in bytes. What is not known is 0.
type footprint struct {
	rss, heap, stacks int64
	goroutines        int64
}

// footprint collects garbage first, where it can.
func (s *server) footprint(ctx context.Context) (f footprint, err error) {
	if s.profiles != "" {
		for range 2 { // the second one frees what the first one only finalised
			f.heap, f.stacks, err = s.memory(ctx)
			if err != nil {
				return f, err
			}
		}
		first, err := s.profile(ctx, "goroutine?debug=1", "goroutine profile: total ")
		if err != nil {
			return f, err
		}
		f.goroutines = first[0]
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return f, err
	}
	for line := range strings.Lines(string(status)) {
		if kib, found := strings.CutPrefix(line, "VmRSS:"); found {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kib), "kB")), 10, 64)
			f.rss = n << 10
		}
	}
	return f, nil
}

func (s *server) memory(ctx context.Context) (heap, stacks int64, err error) {
	found, err := s.profile(ctx, "heap?debug=1&gc=1", "# HeapAlloc = ", "# Stack = ")
	if err != nil {
		return 0, 0, err
	}
	return found[0], found[1], nil
}

// profile returns the numbers that follow some words in a profile.
func (s *server) profile(ctx context.Context, name string, words ...string) ([]int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.profiles+"/debug/pprof/"+name, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	found := make([]int64, len(words))
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		for i, word := range words {
			if rest, ok := strings.CutPrefix(lines.Text(), word); ok {
				number, _, _ := strings.Cut(rest, " ")
				if found[i], err = strconv.ParseInt(number, 10, 64); err != nil {
					return nil, err
				}
			}
		}
	}
	return found, lines.Err()
}

// cpu is the processor time that the process has used.
func (s *server) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// The name in parentheses may have blanks.
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * (time.Second / 100)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
