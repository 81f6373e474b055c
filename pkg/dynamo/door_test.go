package dynamo_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// door is a server between the SDK and a stand-in, which breaks requests on the wire:
// what the SDK makes of it is part of what is tested.
type door struct {
	*httptest.Server
	behind *httputil.ReverseProxy

	mu sync.Mutex
	// breaks are the operations that are broken, and how.
	breaks map[string]breakage
	// came are the operations of all requests.
	came []string
}

// breakage is what becomes of a request instead of an answer.
type breakage func(d *door, w http.ResponseWriter, r *http.Request)

// newDoor opens a door before Dynoxide.
func newDoor(t *testing.T) *door {
	t.Helper()
	p, err := processes.dynoxide()
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(p.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	d := &door{behind: httputil.NewSingleHostReverseProxy(target)}
	d.Server = httptest.NewServer(d)
	// Requests that are never answered do not end by themselves.
	t.Cleanup(func() { d.CloseClientConnections(); d.Close() })
	return d
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	d.mu.Lock()
	d.came = append(d.came, op)
	b := d.breaks[op]
	d.mu.Unlock()
	if b == nil {
		d.behind.ServeHTTP(w, r)
		return
	}
	b(d, w, r)
}

// breaking sets which operations are broken from now on, and forgets what came.
func (d *door) breaking(b breakage, ops ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.came, d.breaks = nil, make(map[string]breakage)
	for _, op := range ops {
		d.breaks[op] = b
	}
}

// count returns how many requests of an operation came.
func (d *door) count(op string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, o := range d.came {
		if o == op {
			n++
		}
	}
	return n
}

// client returns a client whose requests go through the door.
func (d *door) client(timeout time.Duration) *dynamodb.Client {
	return dynamo.NewClientWithin("us-east-1", d.URL, credentials.NewStaticCredentialsProvider("local", "local", ""), timeout)
}

func (d *door) store(t *testing.T, table string) *dynamo.Store {
	t.Helper()
	return newStore(t, d.client(dynamo.AttemptTimeout), table)
}

// answers is an answer in the store's place.
func answers(status int, code string) breakage {
	return func(_ *door, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"injected"}`, code)
	}
}

// page is the answer of something between, which does not speak the store's language.
func page(status int) breakage {
	return func(_ *door, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		io.WriteString(w, "<html>no</html>")
	}
}

// reset breaks the connection once the request has arrived.
func reset(_ *door, w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}

// silent never answers.
func silent(_ *door, _ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// torn breaks the connection in the middle of a good answer.
func torn(_ *door, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("Content-Length", "1000")
	io.WriteString(w, `{"Attributes":{"f":{"N"`)
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// lost lets the request take effect, and its answer get lost.
func lost(d *door, w http.ResponseWriter, r *http.Request) {
	d.behind.ServeHTTP(httptest.NewRecorder(), r)
	reset(d, w, r)
}

// refusedConnection is the client of a server that is not there.
func refusedConnection(t *testing.T, table string) *dynamo.Store {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c := dynamo.NewClientWithin("us-east-1", endpoint, credentials.NewStaticCredentialsProvider("local", "local", ""), dynamo.AttemptTimeout)
	s, err := dynamo.New(c, dynamo.Options{Table: table})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// within bounds a call that is expected to end by itself.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
