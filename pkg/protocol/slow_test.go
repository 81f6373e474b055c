package protocol

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A body that arrives a byte at a time never stalls, and is given up all the same. One that
// is slow as networks are is taken, however long it is.
func TestServerGivesUpSlowBodies(t *testing.T) {
	for name, c := range map[string]struct {
		piece, size int // every second
		status      int
	}{
		"a byte a second": {1, 10_000, 408}, "too slow": {512, 60 << 10, 408}, "slow": {2 << 10, 600 << 10, 204},
	} {
		bubble(t, name, func(t *testing.T) {
			k := newKit(t, inBubble, func(s *setup) { s.BodyStall = 5 * time.Second })
			p, _ := serve(t, k)
			k.run(t, createText)
			conn := p.dial(t)
			begun := time.Now()
			fmt.Fprintf(conn, "POST /v1/stream/s HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", c.size)
			go func() {
				for sent := 0; sent < c.size; sent += c.piece {
					if _, err := io.WriteString(conn, strings.Repeat("x", c.piece)); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
			if resp := answerOn(t, conn, "POST"); resp.StatusCode != c.status {
				t.Errorf("status %d, want %d", resp.StatusCode, c.status)
			}
			// The limit, and what is read of a refused body before it is answered.
			if took := time.Since(begun); c.status == 408 && took > 40*time.Second {
				t.Errorf("it was held for %v", took)
			}
			conn.Close()
			time.Sleep(2 * time.Second) // the sender notices
		})
	}
}

// Announcing a body costs the server nothing: memory grows with what arrives.
func TestAnnouncedBodiesTakeNoMemory(t *testing.T) {
	k := newKit(t)
	most := 0
	body := readerFunc(func(p []byte) (int, error) {
		most = max(most, len(p))
		return 0, io.ErrUnexpectedEOF
	})
	r := httptest.NewRequest("POST", "/v1/stream/s", body)
	r.ContentLength = 10 << 20
	x := &exchange{Handler: k.Handler, r: r}
	b, err := x.readBody(nil)
	if err == nil || most > 2*trustedLength || cap(b) > 2*trustedLength {
		t.Errorf("%d bytes are kept free for a body that does not come, of %d; %v", most, cap(b), err)
	}
}

// A reader that takes a large page slowly advances, and gets all of it, though that takes
// many times the limit of a stalled one.
func TestServerWaitsForSlowReaders(t *testing.T) {
	for _, live := range []string{"", "&live=sse", "&live=long-poll"} {
		bubble(t, "slow"+live, func(t *testing.T) {
			k := newKit(t, inBubble, func(s *setup) { s.WriteStall = 5 * time.Second })
			p, _ := serve(t, k)
			k.run(t, createText)
			page := strings.Repeat("x", 1<<20)
			k.run(t, appendText(page))
			k.run(t, step{do: post, with: header{"Content-Type": "text/plain", "Stream-Closed": "true"}, status: 204})
			conn := p.dial(t)
			begun := time.Now()
			fmt.Fprintf(conn, "GET /v1/stream/s?offset=-1%s HTTP/1.1\r\nHost: h\r\n\r\n", live)
			resp := answerOn(t, readerFunc(func(b []byte) (int, error) {
				time.Sleep(50 * time.Millisecond) // for 4 KiB: 80 KiB a second
				return conn.Read(b[:min(len(b), 4<<10)])
			}), "GET")
			body, err := io.ReadAll(resp.Body)
			if err != nil || strings.Count(string(body), "x") < len(page) || time.Since(begun) < 10*time.Second {
				t.Errorf("got %d bytes of %d after %v, %v", len(body), len(page), time.Since(begun), err)
			}
		})
	}
}

// A client that sends requests and never reads is given up, also where answers have no body.
func TestServerGivesUpDeafClients(t *testing.T) {
	bubble(t, "deaf", func(t *testing.T) {
		k := newKit(t, inBubble, func(s *setup) { s.WriteStall = 3 * time.Second })
		p := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: k.Handler} // without limits of its own
		go server.Serve(p)
		t.Cleanup(func() { server.Close() })
		k.run(t, createText)
		conn := p.dial(t)
		fmt.Fprint(conn, "POST /v1/stream/s HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx")
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if _, err := bufio.NewReader(conn).ReadByte(); err == nil {
			t.Error("the client is still served")
		}
	})
}
