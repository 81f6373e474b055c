package lambdahttp_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long anything may take before it is taken for stuck.
const patience = 30 * time.Second

// runtimeAPI is the Lambda runtime API for one process. It reads from the wire by
// itself, because a server of net/http does not tell where chunks end.
type runtimeAPI struct {
	invocations chan invocation
	posts       chan *post
	stderr      *output
}

type invocation struct{ id, payload string }

// post is what the process answers.
type post struct {
	path    string
	header  textproto.MIMEHeader
	chunks  chan []byte
	trailer textproto.MIMEHeader // once chunks is closed
}

// start starts a function in a process of its own.
func start(t testing.TB, environment ...string) *runtimeAPI {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	api := &runtimeAPI{make(chan invocation), make(chan *post), &output{}}
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { api.serve(ctx, conn) })
		}
	})
	process := exec.CommandContext(ctx, os.Args[0])
	process.Env = append(environment, childVariable+"=1", "AWS_LAMBDA_RUNTIME_API="+listener.Addr().String())
	process.Stdout, process.Stderr = api.stderr, api.stderr
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = process.Wait()
		listener.Close()
		serving.Wait()
		if t.Failed() {
			t.Logf("the process printed:\n%s", api.stderr)
		}
	})
	return api
}

// serve serves a connection until the process ends.
func (api *runtimeAPI) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	in := bufio.NewReader(conn)
	text := textproto.NewReader(in)
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		header, err := text.ReadMIMEHeader()
		if err != nil {
			return
		}
		method, path, _ := strings.Cut(strings.TrimSuffix(line, " HTTP/1.1"), " ")
		if method == "GET" && path == "/2018-06-01/runtime/invocation/next" {
			select {
			case i := <-api.invocations:
				fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: %s\r\nLambda-Runtime-Deadline-Ms: %d\r\nContent-Length: %d\r\n\r\n%s",
					i.id, time.Now().Add(patience).UnixMilli(), len(i.payload), i.payload)
			case <-ctx.Done():
				return
			}
			continue
		}
		p := &post{path: path, header: header, chunks: make(chan []byte)}
		select {
		case api.posts <- p:
		case <-ctx.Done():
			return
		}
		err = p.read(ctx, in, text)
		close(p.chunks)
		if err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
	}
}

// read reads a body chunk by chunk.
func (p *post) read(ctx context.Context, in *bufio.Reader, text *textproto.Reader) error {
	if length := p.header.Get("Content-Length"); length != "" {
		n, err := strconv.Atoi(length)
		if err != nil {
			return err
		}
		return p.pass(ctx, in, n)
	}
	for {
		line, err := text.ReadLine()
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(line, 16, 32)
		if err != nil {
			return err
		}
		if n == 0 {
			p.trailer, err = text.ReadMIMEHeader()
			return err
		}
		if err := p.pass(ctx, in, int(n)); err != nil {
			return err
		}
		if _, err := text.ReadLine(); err != nil {
			return err
		}
	}
}

func (p *post) pass(ctx context.Context, in io.Reader, n int) error {
	chunk := make([]byte, n)
	if _, err := io.ReadFull(in, chunk); err != nil {
		return err
	}
	select {
	case p.chunks <- chunk:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// invoke gives the process an event, and returns its answer as it begins.
func (api *runtimeAPI) invoke(t testing.TB, id, payload string) *post {
	t.Helper()
	timeout := time.After(patience)
	select {
	case api.invocations <- invocation{id, payload}:
	case <-timeout:
		t.Fatalf("the process does not ask for the next invocation:\n%s", api.stderr)
	}
	select {
	case p := <-api.posts:
		return p
	case <-timeout:
		t.Fatalf("the process does not answer:\n%s", api.stderr)
	}
	panic("not reached")
}

// next returns the next chunk, or false at the end.
func (p *post) next(t testing.TB) (string, bool) {
	t.Helper()
	select {
	case chunk, ok := <-p.chunks:
		return string(chunk), ok
	case <-time.After(patience):
		t.Fatal("nothing leaves the process")
		return "", false
	}
}

// rest returns what is left of the body.
func (p *post) rest(t testing.TB) string {
	t.Helper()
	var all strings.Builder
	for {
		chunk, ok := p.next(t)
		if !ok {
			return all.String()
		}
		all.WriteString(chunk)
	}
}

// gate holds a handler up that awaits it.
type gate struct {
	url  string
	open chan struct{}
}

func newGate(t testing.TB) *gate {
	g := &gate{open: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-g.open:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

// pass lets the handler go on.
func (g *gate) pass(t testing.TB) {
	t.Helper()
	select {
	case g.open <- struct{}{}:
	case <-time.After(patience):
		t.Fatal("the handler is not waiting")
	}
}

// output collects what a process prints.
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
