package protocol

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Tests of what only shows with a real server and a real connection. They run in
// a bubble, over pipes: pipes buffer nothing, so they are as strict as a network
// can be.

// pipes is a listener whose connections are pipes.
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

func (p *pipes) dial(t *testing.T) net.Conn {
	client, server := net.Pipe()
	p.accept <- server
	t.Cleanup(func() { client.Close() })
	return client
}

// serve starts a server for a kit. It must run in a bubble.
func serve(t *testing.T, k *kit) (*pipes, *http.Server) {
	p := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: k.Handler, WriteTimeout: 2 * time.Second}
	go s.Serve(p)
	t.Cleanup(func() { k.Shutdown(); s.Close() })
	return p, s
}

// answerOn reads a response; the method is that of its request.
func answerOn(t *testing.T, c io.Reader, method string) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// A client that sends all of a body before it reads gets the answer.
func TestServerRefusesLargeBody(t *testing.T) {
	for _, r := range []struct {
		name, head string
		status     int
	}{
		{"too large", "POST /v1/stream/s HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", 413},
		{"bad header", "POST /v1/stream/s HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nStream-Seq:\r\nContent-Length: %d\r\n\r\n", 400},
		{"bad id", "PUT /v1/stream/a//b HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", 400},
	} {
		bubble(t, r.name, func(t *testing.T) {
			k := newKit(t, inBubble)
			p, _ := serve(t, k)
			k.run(t, createText)
			c := p.dial(t)
			const size = 12 << 20
			fmt.Fprintf(c, r.head, size)
			if _, err := io.CopyN(c, readerFunc(func(p []byte) (int, error) { return len(p), nil }), size); err != nil {
				t.Fatalf("the body could not be sent: %v", err)
			}
			if resp := answerOn(t, c, "POST"); resp.StatusCode != r.status {
				t.Errorf("status %d, want %d", resp.StatusCode, r.status)
			}
		})
	}
	bubble(t, "expect", func(t *testing.T) {
		k := newKit(t, inBubble)
		p, _ := serve(t, k)
		c := p.dial(t)
		fmt.Fprintf(c, "POST /v1/stream/s HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", 12<<20)
		if resp := answerOn(t, c, "POST"); resp.StatusCode != 413 {
			t.Errorf("status %d, want 413 and no request for the body", resp.StatusCode)
		}
	})
}

// The whole answer has left before the flush begins, for 204 and for 200.
func TestServerAnswersBeforeFlush(t *testing.T) {
	for _, producer := range []string{"", "Producer-Id: p\r\nProducer-Epoch: 0\r\nProducer-Seq: 0\r\n"} {
		bubble(t, "flush", func(t *testing.T) {
			k := newKit(t, inBubble, func(s *setup) { s.FlushCount = 1 })
			p, _ := serve(t, k)
			k.run(t, createText)
			release := make(chan struct{})
			k.store.onHead.set(func() error { <-release; return nil })
			c := p.dial(t)
			go fmt.Fprintf(c, "POST /v1/stream/s HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n%sContent-Length: 1\r\n\r\nx", producer)
			resp := answerOn(t, c, "POST")
			if body, err := io.ReadAll(resp.Body); err != nil || len(body) != 0 || resp.StatusCode/100 != 2 {
				t.Errorf("status %d, body %q, %v", resp.StatusCode, body, err)
			}
			close(release)
			synctest.Wait()
		})
	}
}

// A reader that takes nothing is given up.
func TestServerGivesUpStalledReader(t *testing.T) {
	for _, query := range []string{"?offset=-1&live=sse", "?offset=-1&live=long-poll", ""} {
		bubble(t, "stall"+query, func(t *testing.T) {
			var out lines
			k := newKit(t, inBubble, func(s *setup) { s.Logger = out.logger(); s.WriteStall = 3 * time.Second })
			p, _ := serve(t, k)
			k.run(t, createText)
			k.run(t, appendText(strings.Repeat("x", 100_000)))
			c := p.dial(t)
			fmt.Fprintf(c, "GET /v1/stream/s%s HTTP/1.1\r\nHost: h\r\n\r\n", query)
			time.Sleep(4 * time.Second)
			synctest.Wait()
			if !contains(out.String(), "method=GET", "timeout") {
				t.Errorf("the reader is still served; logged %s", out.String())
			}
		})
	}
}

// A writer that stops in the middle of a body is told so, and nothing is
// appended. One that is slow but keeps sending is served.
func TestServerGivesUpStalledWriters(t *testing.T) {
	for name, want := range map[string]struct {
		pause  time.Duration
		status int
	}{"slow": {800 * time.Millisecond, 204}, "stalled": {time.Second, 408}} {
		bubble(t, name, func(t *testing.T) {
			k := newKit(t, inBubble, func(s *setup) { s.BodyStall = 900 * time.Millisecond })
			p, _ := serve(t, k)
			k.run(t, createText)
			c := p.dial(t)
			fmt.Fprint(c, "POST /v1/stream/s HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nab")
			time.Sleep(want.pause)
			go fmt.Fprint(c, "cd")
			time.Sleep(want.pause)
			go fmt.Fprint(c, "ef")
			if resp := answerOn(t, c, "POST"); resp.StatusCode != want.status {
				t.Errorf("status %d, want %d", resp.StatusCode, want.status)
			}
			text := ""
			if want.status == 204 {
				text = "abcdef"
			}
			k.run(t, step{do: "GET /v1/stream/s", status: 200, text: text})
		})
	}
}

// A live response that ends after its time ends cleanly, though the time of its
// last write, and of the server's ordinary writes, is long over.
func TestServerEndsLiveResponses(t *testing.T) {
	for mode, want := range map[string]string{"sse": "200 " + open1000(0) + "<nil>", "long-poll": "204 <nil>"} {
		bubble(t, mode, func(t *testing.T) {
			k := newKit(t, inBubble, func(s *setup) { s.WriteStall = time.Second })
			p, _ := serve(t, k)
			k.run(t, createText)
			c := p.dial(t)
			fmt.Fprintf(c, "GET /v1/stream/s?offset=now&live=%s HTTP/1.1\r\nHost: h\r\n\r\n", mode)
			resp := answerOn(t, c, "GET")
			body, err := io.ReadAll(resp.Body)
			if got := fmt.Sprint(resp.StatusCode, " ", string(body), err); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// After Shutdown a server can stop without waiting for live readers.
func TestServerShutdown(t *testing.T) {
	bubble(t, "shutdown", func(t *testing.T) {
		k := newKit(t, inBubble)
		p, s := serve(t, k)
		k.run(t, createText)
		sse, poll := p.dial(t), p.dial(t)
		fmt.Fprint(sse, "GET /v1/stream/s?offset=now&live=sse HTTP/1.1\r\nHost: h\r\n\r\n")
		fmt.Fprint(poll, "GET /v1/stream/s?offset=now&live=long-poll HTTP/1.1\r\nHost: h\r\n\r\n")
		answers := make(chan string, 2)
		for _, c := range []net.Conn{sse, poll} {
			go func() {
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					answers <- err.Error()
					return
				}
				body, err := io.ReadAll(resp.Body)
				answers <- fmt.Sprint(resp.StatusCode, " ", string(body), err)
			}()
		}
		synctest.Wait()
		start := time.Now()
		s.RegisterOnShutdown(k.Shutdown)
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("the shutdown took %v", took)
		}
		got := []string{<-answers, <-answers}
		if strings.HasPrefix(got[0], "200") {
			got[0], got[1] = got[1], got[0]
		}
		if got[0] != "204 <nil>" || got[1] != "200 "+open1000(0)+"<nil>" {
			t.Errorf("the readers got %q", got)
		}
	})
}

// A panic after the answer has begun cuts the connection: the client can tell
// that the response is not whole.
func TestServerAbortsOnPanic(t *testing.T) {
	bubble(t, "panic", func(t *testing.T) {
		k := newKit(t, inBubble)
		p, _ := serve(t, k)
		k.run(t, createUntil(10*time.Second))
		c := p.dial(t)
		go fmt.Fprint(c, "GET /v1/stream/s?offset=now&live=sse HTTP/1.1\r\nHost: h\r\n\r\n")
		resp := answerOn(t, c, "GET")
		k.store.onHead.set(func() error { panic("out of luck") })
		if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the body ended with %v", err)
		}
	})
}
