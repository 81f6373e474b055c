package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// serve runs a handler and counts the connections made to it.
func serve(t *testing.T, h http.HandlerFunc) (*conn, *atomic.Int64) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	var conns atomic.Int64
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return connect(t, t.Context(), s.Listener.Addr().String()), &conns
}

// script answers every connection's requests with the given bytes in turn,
// and hangs up after the last.
func script(t *testing.T, answers ...string) *conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			br := bufio.NewReader(nc)
			for _, a := range answers {
				req, err := http.ReadRequest(br)
				if err != nil {
					break
				}
				io.Copy(io.Discard, req.Body)
				io.WriteString(nc, a)
			}
			nc.Close()
		}
	}()
	return connect(t, t.Context(), l.Addr().String())
}

func connect(t *testing.T, ctx context.Context, addr string) *conn {
	t.Helper()
	c, err := dial(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

func request(method string) []byte { return render(method, "test", "/x", nil) }

// get expects an answer and compares its status and body.
func get(t *testing.T, c *conn, method string, status int, body string) *response {
	t.Helper()
	r, err := c.do(request(method))
	if err != nil {
		t.Fatal(err)
	}
	if r.status != status || string(r.body) != body || r.size != int64(len(body)) {
		t.Fatalf("got %d %.40q (%d bytes), want %d %.40q", r.status, r.body, r.size, status, body)
	}
	return r
}

func TestContentLengthChunkedAnd204ShareAConnection(t *testing.T) {
	big := strings.Repeat("0123456789", 50_000)
	n := 0
	c, conns := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("Stream-Next-Offset", fmt.Sprint("offset-", n))
		w.Header().Set("stream-up-to-date", "true")
		w.Header().Set("Stream-Cursor", "c")
		switch n {
		case 1:
			w.Header().Set("Content-Length", fmt.Sprint(len(big)))
			io.WriteString(w, big)
		case 2:
			for i := 0; i < len(big); i += 100_000 {
				io.WriteString(w, big[i:i+100_000])
				w.(http.Flusher).Flush()
			}
		case 3:
			w.WriteHeader(204)
		case 4: // HEAD: a length and no body
			w.Header().Set("Content-Length", "77")
		case 5: // an empty body
		}
	})
	for i, step := range []struct {
		method string
		status int
		body   string
	}{{"GET", 200, big}, {"GET", 200, big}, {"POST", 204, ""}, {"HEAD", 200, ""}, {"GET", 200, ""}} {
		r := get(t, c, step.method, step.status, step.body)
		if string(r.nextOffset) != fmt.Sprint("offset-", i+1) || !r.upToDate || string(r.cursor) != "c" || r.closing {
			t.Errorf("answer %d: headers %+v", i+1, r)
		}
	}
	if conns.Load() != 1 {
		t.Errorf("%d connections for 5 requests", conns.Load())
	}
}

func TestHeadersDoNotOutliveTheirAnswer(t *testing.T) {
	c := script(t,
		"HTTP/1.1 200 OK\r\nStream-Up-To-Date: true\r\nStream-Next-Offset: 1\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 204 No Content\r\n\r\n")
	get(t, c, "GET", 200, "hi")
	if r := get(t, c, "GET", 204, ""); r.upToDate || len(r.nextOffset) > 0 {
		t.Errorf("left over: %+v", r)
	}
}

func TestRequestBodyArrives(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.Host, r.URL, r.Header.Get("Content-Type"), b)
	})
	r, err := c.do(render("POST", "h", "/a?b=c", []byte("body"), "Content-Type: t/t"))
	if err != nil || string(r.body) != "POST h /a?b=c t/t body" {
		t.Errorf("%v %s", err, r.body)
	}
}

func TestAnnouncedCloseDialsAgain(t *testing.T) {
	c, conns := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, "x")
	})
	for range 3 {
		get(t, c, "GET", 200, "x")
	}
	if conns.Load() != 3 {
		t.Errorf("%d connections for 3 requests", conns.Load())
	}
}

func TestWireForms(t *testing.T) {
	for name, answer := range map[string]string{
		"chunk extensions and trailers": "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nhe\r\n03\r\nllo\r\n0\r\nT: v\r\n\r\n",
		"bare line feeds":               "HTTP/1.1 200 OK\nCONTENT-LENGTH: 5\n\nhello",
		"interim answer":                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"end of connection":             "HTTP/1.1 200 OK\r\n\r\nhello",
		"HTTP/1.0":                      "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"no reason phrase":              "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
	} {
		t.Run(name, func(t *testing.T) {
			c := script(t, answer)
			get(t, c, "GET", 200, "hello")
		})
	}
}

func TestBrokenAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":               "",
		"not HTTP":              "SSH-2.0-OpenSSH\r\n",
		"bad status":            "HTTP/1.1 abc\r\n\r\n",
		"head cut off":          "HTTP/1.1 200 OK\r\nContent-Le",
		"body cut off":          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"chunk cut off":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
		"no last chunk":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"chunk too long":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
		"bad chunk size":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"negative length":       "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"unknown encoding":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"header without a name": "HTTP/1.1 200 OK\r\n: v\r\n\r\n",
		"endless header":        "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*readBuffer) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r, err := script(t, answer).do(request("GET"))
			if err == nil {
				t.Fatalf("no error, but %+v", r)
			}
			if !strings.HasPrefix(err.Error(), "GET /x: ") {
				t.Errorf("error does not name the request: %v", err)
			}
		})
	}
}

func TestNoServer(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t.Context(), fmt.Sprint("127.0.0.1:", port)); err == nil {
		t.Error("dialled a port without a server")
	}
}

func TestContextEndsRequest(t *testing.T) {
	reason := errors.New("the reason")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cancel(reason)
		<-r.Context().Done() // until the client has hung up
	}))
	defer s.Close()
	c := connect(t, ctx, s.Listener.Addr().String())
	if _, err := c.do(request("GET")); !errors.Is(err, reason) {
		t.Errorf("got %v, want the context's cause", err)
	}
}

func TestSinkTakesOnlyGoodBodies(t *testing.T) {
	status := 200
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, "hello")
	})
	var got bytes.Buffer
	c.sink = func(p []byte) { got.Write(p) }
	r, err := c.do(request("GET"))
	if err != nil || got.String() != "hello" || len(r.body) != 0 || r.size != 5 {
		t.Errorf("%v, sink %q, %+v", err, got.String(), r)
	}
	status = 500
	get(t, c, "GET", 500, "hello")
	if got.String() != "hello" {
		t.Errorf("the sink got an error's body: %q", got.String())
	}
}

func TestUnexpectedStatusShowsBody(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "out of disk", http.StatusInsufficientStorage)
	})
	_, err := c.request(request("PUT"), 201)
	if err == nil || !strings.Contains(err.Error(), "507") || !strings.Contains(err.Error(), "out of disk") {
		t.Errorf("got %v", err)
	}
}

func TestRequestsDoNotAllocate(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	req := request("GET")
	answer := []byte("HTTP/1.1 200 OK\r\nStream-Next-Offset: 1\r\nContent-Length: 5\r\n\r\nhello")
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		got := make([]byte, len(req))
		for err == nil {
			if _, err = io.ReadFull(nc, got); err == nil {
				_, err = nc.Write(answer)
			}
		}
	}()
	c := connect(t, t.Context(), l.Addr().String())
	if n := testing.AllocsPerRun(100, func() {
		if _, err := c.do(req); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations per request", n)
	}
}
