package implementation

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"
)

// A client that leaves in the middle of its request has appended nothing, and the stream takes
// the next append.
func TestAbortedAppends(t *testing.T) {
	s := start(t)
	st := s.create(t, "abort", "text/plain")
	st.put(t, "A")
	where, err := url.Parse(st.url)
	if err != nil {
		t.Fatal(err)
	}
	for name, head := range map[string]string{
		"by length": "Content-Length: 1000\r\n\r\npartial",
		"in chunks": "Transfer-Encoding: chunked\r\n\r\n7\r\npartial\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", where.Host)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\n%s", where.Path, where.Host, head)
			// All is sent that will be; the server's answer, if any, is a refusal.
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
				resp.Body.Close()
				if resp.StatusCode < 400 {
					t.Errorf("the server answers %s", resp.Status)
				}
			}
			if got := st.read(t, "-1"); got != "A" {
				t.Errorf("read %q, want A", got)
			}
		})
	}
	st.put(t, "B")
	if got := st.read(t, "-1"); got != "AB" {
		t.Errorf("read %q, want AB", got)
	}
}
