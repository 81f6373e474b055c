package hostile

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
	"time"
)

// An attack does one thing to the server, again and again or for as long as it can, until
// its context ends. What the server does with it does not matter here, as long as others
// do not suffer.
type attack struct {
	name string
	// times is how many do it at once.
	times int
	run   func(ctx context.Context, addr string)
}

const (
	smallStream = "small"
	bigStream   = "big" // of several pages
	from        = " HTTP/1.1\r\nHost: h\r\n"
	posts       = "POST /v1/stream/small HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"
)

func attacks() []attack {
	return []attack{
		{"idle SSE readers", 100, crowd(30, "GET /v1/stream/small?live=sse&offset=now"+from+"\r\n")},
		{"connections that send nothing", 100, crowd(10, "")},
		{"half a head", 20, crowd(10, "GET /v1/stream/small"+from)},
		{"a body that is never sent", 20, crowd(10, posts+"Content-Length: 10000000\r\n\r\n")},
		{"a body of GET that is never sent", 20, crowd(5, "GET /v1/stream/small"+from+"Content-Length: 5\r\n\r\n")},
		{"a chunk that is never sent", 20, crowd(5, posts+"Transfer-Encoding: chunked\r\n\r\nffff\r\n")},
		{"a head, a byte at a time", 20, drip("GET /v1/stream/small HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 1000))},
		{"a body, a byte at a time", 20, drip(posts + "Content-Length: 10000000\r\n\r\n" + strings.Repeat("x", 10000))},
		{"headers without end", 4, flood("GET /v1/stream/small"+from, "X-Endless: "+strings.Repeat("x", 1000)+"\r\n")},
		{"many headers", 4, again("GET /v1/stream/small" + from + strings.Repeat("X:\r\n", 20_000) + "\r\n")},
		{"a chunked body without end", 2, flood(posts+"Transfer-Encoding: chunked\r\n\r\n", "1000\r\n"+strings.Repeat("x", 0x1000)+"\r\n")},
		{"aborted uploads", 8, again(posts + "Content-Length: 1000000\r\n\r\n" + strings.Repeat("x", 50_000))},
		{"readers that never read a page", 10, crowd(4, "GET /v1/stream/big?offset=-1"+from+"\r\n")},
		{"readers that never read events", 10, crowd(4, "GET /v1/stream/big?offset=-1&live=sse"+from+"\r\n")},
		{"readers that never read a long-poll", 10, crowd(4, "GET /v1/stream/big?offset=-1&live=long-poll"+from+"\r\n")},
		{"clients that leave in the middle of an answer", 4, leave("GET /v1/stream/big?offset=-1" + from + "\r\n")},
		{"pipelined requests without reading", 10, crowd(1, strings.Repeat("GET /v1/stream/small?offset=-1"+from+"\r\n", 2000))},
		{"no HTTP", 4, again("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 500))},
		{"HTTP/2", 4, again("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")},
		{"deep JSON", 2, again(json(strings.Repeat("[", 100_000)))},
		{"millions of messages", 1, again(json("[" + strings.Repeat("0,", 4_000_000) + "0]"))},
	}
}

func json(body string) string {
	return fmt.Sprintf("POST /v1/stream/json HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// dial opens a connection that is small on our side, so that what is not read stays on the
// server's. It is closed when ctx ends, and then it is nil or useless.
func dial(ctx context.Context, addr string) net.Conn {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil
	}
	_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	return c
}

// crowd opens many connections, sends the same on each, and holds them.
func crowd(times int, text string) func(context.Context, string) {
	return func(ctx context.Context, addr string) {
		for range times {
			c := dial(ctx, addr)
			if c == nil {
				return
			}
			defer c.Close()
			// A server that does not read must not hold us up.
			_ = c.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = io.WriteString(c, text)
		}
		<-ctx.Done()
	}
}

// drip sends a text a byte at a time, and again from the start when the server has enough.
func drip(text string) func(context.Context, string) {
	return func(ctx context.Context, addr string) {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for c := dial(ctx, addr); c != nil; c = dial(ctx, addr) {
			for i := 0; i < len(text); i++ {
				select {
				case <-ctx.Done():
					c.Close()
					return
				case <-tick.C:
				}
				if _, err := c.Write([]byte{text[i]}); err != nil {
					break
				}
			}
			c.Close()
		}
	}
}

// flood sends a text, and another one without end, until the server has enough.
func flood(text, endless string) func(context.Context, string) {
	return repeat(func(c *net.TCPConn, tick <-chan time.Time) {
		_, err := io.WriteString(c, text)
		for err == nil {
			<-tick
			_, err = io.WriteString(c, endless)
		}
	})
}

// again sends a text that is all, and waits for an answer.
func again(text string) func(context.Context, string) {
	return repeat(func(c *net.TCPConn, _ <-chan time.Time) {
		_, _ = io.WriteString(c, text)
		_ = c.CloseWrite()
		_, _ = c.Read(make([]byte, 1))
	})
}

// leave makes a request, reads some of the answer, and resets the connection.
func leave(text string) func(context.Context, string) {
	return repeat(func(c *net.TCPConn, _ <-chan time.Time) {
		_, _ = io.WriteString(c, text)
		_, _ = io.ReadFull(c, make([]byte, 10_000))
		_ = c.SetLinger(0)
	})
}

// pace is how often a repeated attack does something: attackers want to hold what they get.
// One who merely keeps the processors busy is nothing that a server can tell from a user.
const pace = 20 * time.Millisecond

// repeat attacks by one connection after the other.
func repeat(one func(*net.TCPConn, <-chan time.Time)) func(context.Context, string) {
	return func(ctx context.Context, addr string) {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for c := dial(ctx, addr); c != nil; c = dial(ctx, addr) {
			stop := context.AfterFunc(ctx, func() { c.Close() })
			one(c.(*net.TCPConn), tick.C)
			stop()
			c.Close()
			for range 25 {
				<-tick.C
			}
		}
	}
}

// TestUnderAttack: all at once, and good clients besides.
func TestUnderAttack(t *testing.T) {
	// Each reader that never reads holds a page, and a copy of it.
	s := start(t, fmt.Sprint("PAGE_BYTES=", 1<<20))
	s.request(t, "PUT", smallStream, "", 201)
	s.request(t, "PUT", "json", "", 201)
	s.request(t, "PUT", bigStream, "", 201)
	page := strings.Repeat("x", 3<<20)
	s.request(t, "POST", bigStream, page, 204)
	s.good(t, 0)
	before := s.vitals(t)

	ctx, end := context.WithCancel(t.Context())
	var attackers sync.WaitGroup
	connections := 0
	for _, a := range attacks() {
		connections += a.times
		for range a.times {
			attackers.Go(func() { a.run(ctx, s.addr) })
		}
	}
	rounds, slowest := 1, time.Duration(0)
	for begun := time.Now(); time.Since(begun) < *lasts; rounds++ {
		at := time.Now()
		s.good(t, rounds)
		slowest = max(slowest, time.Since(at))
	}
	during := s.vitals(t)
	end()
	attackers.Wait()
	t.Logf("%d attackers; before the attack %+v, during it %+v; %d rounds of a good client, the slowest took %v", connections, before, during, rounds, slowest)
	if during.Files < before.Files+3000 {
		t.Errorf("only %d files were open: that was no attack", during.Files)
	}
	left := time.Now()
	after := s.eventually(t, func(now vitals) bool {
		return now.Goroutines <= before.Goroutines+5 && now.Files <= before.Files+5 && now.Heap <= before.Heap+(8<<20) && now.Memory <= before.Memory+maxLeft
	})
	t.Logf("%v after it %+v", time.Since(left).Round(time.Second), after)
	s.good(t, rounds)
	if got := s.request(t, "GET", smallStream+"?offset=-1", "", 200); strings.Trim(got, "x") != "" {
		t.Errorf("attackers appended %.100q", got)
	}
}

// good is what a good client does: all kinds of requests.
func (s *server) good(t *testing.T, round int) {
	t.Helper()
	name := fmt.Sprint("good/", round)
	s.request(t, "PUT", name, "", 201)
	s.request(t, "POST", name, "hello", 204)
	if got := s.request(t, "GET", name+"?offset=-1", "", 200); got != "hello" {
		t.Errorf("read %q", got)
	}
	if got := s.request(t, "GET", name+"?offset=-1&live=long-poll", "", 200); got != "hello" {
		t.Errorf("a long-poll got %q", got)
	}
	answer, err := client.Get(s.url + name + "?offset=-1&live=sse")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	events := bufio.NewReader(answer.Body)
	for _, want := range []string{"event: data\n", "data:hello\n"} {
		if line, err := events.ReadString('\n'); line != want || answer.StatusCode != http.StatusOK {
			t.Errorf("an event has the line %q, %v, want %q", line, err, want)
		}
	}
	s.request(t, "DELETE", name, "", 204)
}

// patience is how long the server may take to let go of what attackers held.
const patience = 5 * time.Minute

// maxLeft is by how much the resident memory may be larger after an attack, in bytes. The
// runtime keeps what it lets the heap grow to, and a tenth more: 2.2 times what is live, which
// may be 8 MiB more than before. The rest is for stacks, and for the write buffers of a store
// that has been used. It was 10 MB more on a quiet machine, of 270 that the attack took.
//
// Each look at the server has it collect its garbage, so this takes as long as the runtime
// gives memory back, in the background: seconds. A server that nobody uses does so by itself,
// too, when its next collection is due, two minutes later at most.
const maxLeft = 32 << 20

// eventually returns the server's vitals once they are as they should be.
func (s *server) eventually(t *testing.T, good func(vitals) bool) vitals {
	t.Helper()
	late := time.After(patience)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		now := s.vitals(t)
		if good(now) {
			return now
		}
		select {
		case <-late:
			t.Fatalf("the server still has %+v", now)
		case <-tick.C:
		}
	}
}
