package hostile

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSmuggling: where a request ends is never in doubt. What proxies and servers have been
// found to read differently is refused and the connection closed, or read in the one way
// that RFC 9112 has; a second request hidden in a body is never run.
func TestSmuggling(t *testing.T) {
	s := start(t, "STORE=memory")
	s.request(t, "PUT", smallStream, "", 201)
	const hidden = "DELETE /v1/stream/small HTTP/1.1\r\nHost: h\r\n\r\n"
	for name, c := range map[string]struct {
		send     string
		statuses string
	}{
		"length and chunks":             {posts + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, "400"},
		"two lengths":                   {posts + "Content-Length: 1\r\nContent-Length: 48\r\n\r\nx" + hidden, "400"},
		"a list of lengths":             {posts + "Content-Length: 1, 1\r\n\r\nx" + hidden, "400"},
		"a signed length":               {posts + "Content-Length: +1\r\n\r\nx" + hidden, "400"},
		"a negative length":             {posts + "Content-Length: -1\r\n\r\n" + hidden, "400"},
		"a length that overflows":       {posts + "Content-Length: 18446744073709551617\r\n\r\nx" + hidden, "400"},
		"a blank before the colon":      {posts + "Content-Length : 1\r\n\r\nx" + hidden, "400"},
		"a folded header":               {posts + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + hidden, "400 501"},
		"two encodings":                 {posts + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + hidden, "501"},
		"an unknown encoding":           {posts + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden, "501"},
		"encodings twice":               {posts + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden, "400 501"},
		"a chunk that lies":             {posts + "Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n" + hidden, "400"},
		"a chunk of negative size":      {posts + "Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n" + hidden, "400"},
		"a chunk size that overflows":   {posts + "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n" + hidden, "400"},
		"a chunk with a long extension": {posts + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("e", 100_000) + "\r\nx\r\n0\r\n\r\n" + hidden, "400"},
		"a line feed in a path":         {"GET /v1/stream/small\nX: y HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
		"no host":                       {"GET /v1/stream/small HTTP/1.1\r\n\r\n", "400"},
		"two hosts":                     {"GET /v1/stream/small HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
		"HTTP/9.9":                      {"GET /v1/stream/small HTTP/9.9\r\nHost: h\r\n\r\n", "505"},
		"HTTP/0.9":                      {"GET /v1/stream/small\r\n\r\n", "400"},
		"HTTP/2 without asking":         {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 400 404"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.raw(t, c.send)
			if len(got) == 0 || !strings.Contains(c.statuses, got[0]) || len(got) > 1 {
				t.Errorf("the answers are %v, want one of %s and the end of the connection", got, c.statuses)
			}
			s.request(t, "HEAD", smallStream, "", 200)
		})
	}
	for name, c := range map[string]struct {
		send, statuses string
	}{
		"HTTP/1.0":         {"GET /v1/stream/small?offset=-1 HTTP/1.0\r\n\r\n", "200"},
		"pipelined":        {strings.Repeat("GET /v1/stream/small?offset=-1"+from+"\r\n", 3), "200 200 200"},
		"a body of DELETE": {"DELETE /v1/stream/none HTTP/1.1\r\nHost: h\r\nContent-Length: 48\r\n\r\n" + hidden, "404"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(s.raw(t, c.send), " "); got != c.statuses {
				t.Errorf("the answers are %s, want %s", got, c.statuses)
			}
			s.request(t, "HEAD", smallStream, "", 200)
		})
	}
	if got := s.request(t, "GET", smallStream+"?offset=-1", "", 200); got != "" {
		t.Errorf("%q was appended", got)
	}
}

// raw sends bytes, and returns the statuses of all answers until the server or the quiet
// ends them.
func (s *server) raw(t *testing.T, text string) (statuses []string) {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// The server may close before it has all.
	_, _ = io.WriteString(c, text)
	_ = c.(*net.TCPConn).CloseWrite()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	for r := bufio.NewReader(c); ; {
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			return statuses
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		statuses = append(statuses, fmt.Sprint(answer.StatusCode))
	}
}
