package httpserver_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/httpserver"
)

// pipes is a listener whose connections are pipes, which buffer nothing and have time in a
// bubble.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// inBubble runs a test with a server, and with what dials it.
func inBubble(t *testing.T, name string, h http.HandlerFunc, test func(t *testing.T, dial func() net.Conn)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- httpserver.Serve(ctx, p, h, httpserver.Options{StopTimeout: time.Hour}) }()
			test(t, func() net.Conn {
				client, server := net.Pipe()
				p.accept <- server
				return client
			})
			stop()
			// Nothing that was done to it holds up its end.
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
}

// until returns what a connection brings until the server ends it, and how long that took.
func until(c net.Conn) (string, time.Duration) {
	begun := time.Now()
	got, _ := io.ReadAll(c)
	c.Close()
	return string(got), time.Since(begun)
}

// TestLimits: whatever a client holds back, its connection ends.
func TestLimits(t *testing.T) {
	answers := func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "answer") }
	const request = "GET / HTTP/1.1\r\nHost: h\r\n"
	for name, c := range map[string]struct {
		send, want string
		at         time.Duration
	}{
		"nothing is sent":                      {"", "", 10 * time.Second},
		"half a head":                          {request, "", 10 * time.Second},
		"nothing after an answer":              {request + "\r\n", "200 OK", 2 * time.Minute},
		"a body that nobody reads":             {request + "Content-Length: 3\r\n\r\nab", "200 OK", 30 * time.Second},
		"a request behind chunks and a length": {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + request + "\r\n", "200 OK", 0},
		"a chunk that never comes":             {request + "Transfer-Encoding: chunked\r\n\r\n5\r\n", "200 OK", 30 * time.Second},
	} {
		inBubble(t, name, answers, func(t *testing.T, dial func() net.Conn) {
			conn := dial()
			go io.WriteString(conn, c.send)
			got, took := until(conn)
			if !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("it answered %q, want %q", got, c.want)
			}
			if strings.Count(got, "HTTP/1.1") > 1 {
				t.Errorf("it answered twice: %q", got)
			}
			if took < c.at || took > c.at+time.Second {
				t.Errorf("it ended after %v, want %v", took, c.at)
			}
		})
	}
	inBubble(t, "an answer that nobody takes", answers, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(61 * time.Second)
		if got, took := until(conn); got != "" || took != 0 {
			t.Errorf("after the limit %q still came, for %v", got, took)
		}
	})
}

// TestNoLimits: requests without a body may wait for long, and see that their client has
// left; a body that advances may take long if its handler says so.
func TestNoLimits(t *testing.T) {
	inBubble(t, "a long wait", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			t.Error("the wait was cut short")
		case <-time.After(time.Hour):
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(w, "late")
	}, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		defer conn.Close()
		go fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(answer.Body); string(body) != "late" || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
	})
	left := make(chan time.Time, 1)
	inBubble(t, "the client leaves", func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		left <- time.Now()
	}, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		time.Sleep(time.Minute)
		at := time.Now()
		conn.Close()
		if seen := <-left; seen.Sub(at) > 0 {
			t.Errorf("it was seen %v later", seen.Sub(at))
		}
	})
	inBubble(t, "a slow body", func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		body, err := io.ReadAll(r.Body)
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Second))
		fmt.Fprint(w, string(body), err)
	}, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		defer conn.Close()
		fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na")
		time.Sleep(time.Hour)
		go fmt.Fprint(conn, "b")
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(answer.Body); string(body) != "ab<nil>" || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
	})
}
