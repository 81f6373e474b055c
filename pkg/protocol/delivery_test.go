package protocol

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// BenchmarkDelivery is what it takes to deliver a message of 100 bytes to a hundred readers
// over loopback, what the readers do included. Allocations are the server's, for all of them.
func BenchmarkDelivery(b *testing.B) {
	const readers = 100
	for _, live := range []string{liveSSE, liveLongPoll} {
		b.Run(live, func(b *testing.B) {
			k := newKit(b)
			server := httptest.NewServer(k.Handler)
			b.Cleanup(server.Close)
			b.Cleanup(k.Shutdown)
			message := `"` + strings.Repeat("x", 98) + `"`
			with := header{"Content-Type": "application/json"}
			k.ServeHTTP(httptest.NewRecorder(), step{do: "PUT /v1/stream/s", with: with}.request(b))
			var ready, got sync.WaitGroup
			ready.Add(readers)
			for range readers {
				conn, err := net.Dial("tcp", server.Listener.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { conn.Close() })
				r := &deliveryReader{conn: conn, live: live, got: &got}
				go r.run(&ready)
			}
			ready.Wait()
			b.ReportAllocs()
			for b.Loop() {
				got.Add(readers)
				w := httptest.NewRecorder()
				if k.ServeHTTP(w, step{do: "POST /v1/stream/s", with: with, body: message}.request(b)); w.Code != http.StatusNoContent {
					b.Fatal(w.Code)
				}
				got.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*readers), "ns/delivery")
		})
	}
}

// deliveryReader follows a stream and allocates nothing for what it gets.
type deliveryReader struct {
	conn net.Conn
	live string
	got  *sync.WaitGroup
}

// run reads until the connection is closed. It is ready once it has asked, and where events
// are sent once it has the first.
func (r *deliveryReader) run(ready *sync.WaitGroup) {
	request := func(offset string) []byte {
		return fmt.Appendf(nil, "GET /v1/stream/s?offset=%s&live=%s HTTP/1.1\r\nHost: h\r\n\r\n", url.QueryEscape(offset), r.live)
	}
	next := request("-1")
	buf := make([]byte, 4<<10)
	_, err := r.conn.Write(next)
	if r.live == liveSSE {
		_, err = r.until(buf, eventsEnd)
	}
	ready.Done()
	for err == nil {
		if r.live == liveSSE {
			_, err = r.until(buf, eventsEnd)
		} else if n, failed := r.until(buf, "\"]"); failed == nil {
			_, offset, _ := bytes.Cut(buf[:n], []byte("Stream-Next-Offset: "))
			at := bytes.Index(next, []byte("offset="))
			if bytes.HasPrefix(next[at:], []byte("offset=-1")) {
				next = request(string(offset[:33]))
			}
			copy(next[at+len("offset="):], offset[:33])
			_, err = r.conn.Write(next)
		} else {
			err = failed
		}
		if err == nil {
			r.got.Done()
		}
	}
}

// eventsEnd ends a chunk with the events of a page.
const eventsEnd = "\"upToDate\":true}\n\n\r\n"

// until reads what ends with end.
func (r *deliveryReader) until(buf []byte, end string) (n int, err error) {
	for err == nil && !bytes.HasSuffix(buf[:n], []byte(end)) {
		var more int
		more, err = r.conn.Read(buf[n:])
		n += more
	}
	return n, err
}
