//go:build unix

package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	s3standin "github.com/commoncurriculum/durable-streams-aws/localstack/s3"
	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
)

// outageTime is how long a request may take while a store is out of order: a write gives
// up after ten seconds.
const outageTime = 12 * time.Second

// unavailable makes a request that must be told in time that it can be tried again.
func unavailable(t *testing.T, method, url, body string, headers ...string) {
	t.Helper()
	if a := away(t, method, url, body, headers...); a.header.Get("Retry-After") == "" {
		t.Errorf("%s: %v", method, a.header)
	}
}

// inDoubt makes an append that must be told in time that it may have happened. It must not
// be told when to try again: clients then do, by themselves.
func inDoubt(t *testing.T, url, body string) {
	t.Helper()
	if a := away(t, post, url, body, contentType, text); a.header.Get("Retry-After") != "" || !strings.Contains(a.body, "may have happened") {
		t.Errorf("%v %q", a.header, a.body)
	}
}

// away makes a request that must fail in time, because a store does.
func away(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	began := time.Now()
	a := do(t, method, url, body, headers...)
	took := time.Since(began)
	t.Logf("%s was answered %d after %v", method, a.status, took)
	if a.status != 503 || took > outageTime {
		t.Errorf("%s: %d %v %q after %v", method, a.status, a.header, a.body, took)
	}
	if strings.Contains(a.body, "127.0.0.1") || strings.Contains(a.body, "DynamoDB") {
		t.Errorf("%s: the answer tells what is inside: %s", method, a.body)
	}
	return a
}

// TestOutageOfDynamoDB: the table's server ends, and comes back with its data.
func TestOutageOfDynamoDB(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "tables")
	db := startDynamoDB(t, file)
	g := newGate(t)
	g.forward(t, hostOf(t, db.Endpoint))
	h := startHost(t, append([]string{"DYNAMODB_ENDPOINT=" + g.url()}, spread...)...)
	url := h.url + "a"
	producer := []string{contentType, text, "Producer-Id", "p", "Producer-Epoch", "0", "Producer-Seq", "0"}
	must(t, 201, put, url, "before ", contentType, text)
	live := open(t, get, url+"?offset=-1&live=sse", "")
	defer live.Body.Close()
	in := events{bufio.NewScanner(live.Body)}
	in.nextData(t)
	offset := must(t, 200, get, url, "").header.Get("Stream-Next-Offset")

	g.refuse()
	if err := db.Stop(); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, request := range []func(){
		func() { unavailable(t, post, url, "during ", producer...) },
		func() { unavailable(t, put, h.url+"new", "x", contentType, text) },
		func() { unavailable(t, get, url+"?offset=-1", "") },
		func() { unavailable(t, get, url+"?live=sse&offset=-1", "") },
		func() { unavailable(t, get, url+"?live=long-poll&offset="+offset, "") },
		func() { unavailable(t, del, h.url+"other", "") },
		func() {
			if a := do(t, head, url, ""); a.status != 503 {
				t.Errorf("HEAD: %d", a.status)
			}
		},
	} {
		all.Go(request)
	}
	all.Wait()

	db = startDynamoDB(t, file)
	g.forward(t, hostOf(t, db.Endpoint))
	// The producer repeats what it does not know of: it is there once.
	if a := do(t, post, url, "during ", producer...); a.status != 200 && a.status != 204 {
		t.Errorf("after the outage: %d %s", a.status, a.body)
	}
	must(t, 204, post, url, "after", contentType, text)
	if a := must(t, 200, get, url+"?offset=-1", ""); a.body != "before during after" {
		t.Errorf("after the outage: %q", a.body)
	}
	// The reader of before either got over it or was ended properly.
	var got string
	for !strings.HasSuffix(got, "after") {
		kind, data, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("the live response was cut: %v", err)
		}
		if kind == "data" {
			got += data
		}
	}
	if got != "" && got != "during after" {
		t.Errorf("the live reader got %q", got)
	}
}

// TestSilentDynamoDB: connections are accepted and nothing is answered, the worst that a
// network does. A write may have happened then, and the answer says so.
func TestSilentDynamoDB(t *testing.T) {
	t.Parallel()
	db := startDynamoDB(t, "")
	g := newGate(t)
	g.forward(t, hostOf(t, db.Endpoint))
	h := startHost(t, append([]string{"DYNAMODB_ENDPOINT=" + g.url()}, spread...)...)
	must(t, 201, put, h.url+"a", "x", contentType, text)
	g.silence(t)
	var all sync.WaitGroup
	all.Go(func() { inDoubt(t, h.url+"a", "y") })
	all.Go(func() { unavailable(t, get, h.url+"a", "") })
	all.Go(func() { unavailable(t, put, h.url+"b", "", contentType, text) })
	all.Wait()
	g.forward(t, hostOf(t, db.Endpoint))
	must(t, 204, post, h.url+"a", "z", contentType, text)
	// What the gate swallowed was never passed on.
	if a := must(t, 200, get, h.url+"a?offset=-1", ""); a.body != "xz" {
		t.Errorf("after the outage: %q", a.body)
	}
}

// TestOutageOfTheBucket: what is small goes on, what is large waits for better times.
func TestOutageOfTheBucket(t *testing.T) {
	t.Parallel()
	s3, err := s3standin.Start(t.TempDir(), "durable-streams")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s3.Stop(t.Context()) })
	g := newGate(t)
	g.forward(t, hostOf(t, s3.Endpoint()))
	h := startHost(t, append([]string{"S3_ENDPOINT=" + g.url()}, spread...)...)
	large := random(100 << 10)
	must(t, 201, put, h.url+"large", large, contentType, binary)
	must(t, 201, put, h.url+"small", "x", contentType, text)
	g.refuse()
	var all sync.WaitGroup
	all.Go(func() { unavailable(t, post, h.url+"large", large, contentType, binary) })
	all.Go(func() { unavailable(t, put, h.url+"new", large, contentType, binary) })
	all.Go(func() { unavailable(t, get, h.url+"large?offset=-1", "") })
	all.Wait()
	must(t, 204, post, h.url+"small", "y", contentType, text)
	if a := must(t, 200, get, h.url+"small?offset=-1", ""); a.body != "xy" {
		t.Errorf("small: %q", a.body)
	}
	g.forward(t, hostOf(t, s3.Endpoint()))
	must(t, 204, post, h.url+"large", large, contentType, binary)
	if got := readAll(t, h.url+"large"); got != large+large {
		t.Errorf("large: %d bytes are back, or others", len(got))
	}
}

func startDynamoDB(t *testing.T, file string) *standin.Process {
	t.Helper()
	p, err := standin.Dynoxide(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() }) // it may have been stopped
	return p
}

// gate is an address whose server comes and goes.
type gate struct {
	address string

	mu       sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
}

// newGate reserves an address, which refuses connections.
func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{address: "127.0.0.1:0", open: make(map[net.Conn]bool)}
	g.silence(t)
	g.refuse()
	t.Cleanup(g.refuse)
	return g
}

func (g *gate) url() string { return "http://" + g.address }

// refuse breaks all connections and accepts no new one.
func (g *gate) refuse() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener != nil {
		g.listener.Close()
		g.listener = nil
	}
	for c := range g.open {
		c.Close()
	}
	clear(g.open)
}

// silence breaks all connections, accepts new ones, and swallows what they send.
func (g *gate) silence(t *testing.T) {
	g.serve(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
}

// forward breaks all connections, and passes new ones on to a server.
func (g *gate) forward(t *testing.T, to string) {
	g.serve(t, func(c net.Conn) {
		server, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer server.Close()
		go func() {
			_, _ = io.Copy(server, c)
			server.Close()
		}()
		_, _ = io.Copy(c, server)
	})
}

func (g *gate) serve(t *testing.T, connection func(net.Conn)) {
	t.Helper()
	g.refuse()
	g.mu.Lock()
	defer g.mu.Unlock()
	listener, err := net.Listen("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	g.listener, g.address = listener, listener.Addr().String()
	go func() {
		for {
			c, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			if !g.keep(listener, c) {
				c.Close()
				return
			}
			go func() {
				defer c.Close()
				connection(c)
			}()
		}
	}()
}

// keep notes a connection, unless the gate has changed since it was accepted.
func (g *gate) keep(listener net.Listener, c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener != listener {
		return false
	}
	g.open[c] = true
	return true
}
