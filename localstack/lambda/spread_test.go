//go:build unix

package main

import (
	"fmt"
	"strconv"
	"testing"
	"time"
)

// spread has each request meet another process, and processes be replaced all the time.
var spread = []string{"LAMBDA_SPREAD=4", "LAMBDA_MAX_REQUESTS=5"}

// TestProcessesShareOnlyTheStores: what one process did, every other one knows, because
// it is in DynamoDB and in the bucket and nowhere else.
func TestProcessesShareOnlyTheStores(t *testing.T) {
	t.Parallel()
	h := startHost(t, spread...)
	for _, life := range []struct {
		name string
		// live makes requests to a stream, one after another, and returns how many.
		live func(t *testing.T, url string) int
	}{
		{"appends", func(t *testing.T, url string) int {
			must(t, 201, put, url, "", contentType, text)
			want := ""
			for n := range 12 {
				line := fmt.Sprintf("line %d\n", n)
				must(t, 204, post, url, line, contentType, text)
				want += line
				if a := must(t, 200, get, url+"?offset=-1", ""); a.body != want {
					t.Fatalf("after append %d: %q", n, a.body)
				}
			}
			return 25
		}},
		{"two lives of a name", func(t *testing.T, url string) int {
			must(t, 201, put, url, `["first"]`, contentType, "application/json")
			must(t, 409, put, url, "", contentType, text)
			must(t, 204, del, url, "")
			must(t, 404, get, url, "")
			must(t, 404, post, url, `"late"`, contentType, "application/json")
			must(t, 201, put, url, "second", contentType, text)
			must(t, 409, post, url, `"late"`, contentType, "application/json")
			if a := must(t, 200, get, url+"?offset=-1", ""); a.body != "second" {
				t.Errorf("the second life holds %q", a.body)
			}
			return 8
		}},
		{"producer", func(t *testing.T, url string) int {
			must(t, 201, put, url, "", contentType, text)
			send := func(status, epoch, seq int) answer {
				return must(t, status, post, url, strconv.Itoa(seq), contentType, text,
					"Producer-Id", "p", "Producer-Epoch", strconv.Itoa(epoch), "Producer-Seq", strconv.Itoa(seq))
			}
			for seq := range 6 {
				send(200, 0, seq)
				send(204, 0, seq)
			}
			if a := send(409, 0, 8); a.header.Get("Producer-Expected-Seq") != "6" {
				t.Errorf("gap: %v", a.header)
			}
			send(200, 1, 0)
			send(403, 0, 6)
			if a := must(t, 200, get, url+"?offset=-1", ""); a.body != "0123450" {
				t.Errorf("the stream holds %q", a.body)
			}
			return 17
		}},
		{"closing", func(t *testing.T, url string) int {
			must(t, 201, put, url, "", contentType, text)
			must(t, 204, post, url, "last", contentType, text, "Stream-Closed", "true")
			if a := must(t, 409, post, url, "more", contentType, text); a.header.Get("Stream-Closed") != "true" {
				t.Errorf("append to a closed stream: %v", a.header)
			}
			for range 3 {
				a := must(t, 200, get, url+"?offset=-1", "")
				if a.body != "last" || a.header.Get("Stream-Closed") != "true" {
					t.Errorf("%q, %v", a.body, a.header)
				}
			}
			return 6
		}},
	} {
		t.Run(life.name, func(t *testing.T) {
			n := life.live(t, h.url+life.name)
			made := h.requests(t, life.name, n)
			if len(made) != n {
				t.Errorf("%d requests were made, the log has %d", n, len(made))
			}
			if processes(made) < 3 {
				t.Errorf("only %d processes took part: %v", processes(made), made)
			}
			for i := 1; i < len(made); i++ {
				if made[i].Process == made[i-1].Process {
					t.Errorf("process %d served two requests in a row", made[i].Process)
				}
			}
		})
	}
}

// TestExpiryIsSeenByAllProcesses: a stream ends for all of them at once, and an append
// by any of them renews it for all.
func TestExpiryIsSeenByAllProcesses(t *testing.T) {
	t.Parallel()
	h := startHost(t, spread...)
	const tries = 5
	for try := range tries {
		if name := fmt.Sprintf("short%d", try); expiry(t, h, name) {
			return
		}
		t.Log("a request took longer than the TTL: once more")
	}
	t.Errorf("this machine was too slow to renew a TTL of a second, %d times", tries)
}

// expiry reports false if the stream ended before the test could renew it.
func expiry(t *testing.T, h *running, name string) bool {
	t.Helper()
	const ttl = time.Second
	url := h.url + name
	created := time.Now()
	must(t, 201, put, url, "x", contentType, text, "Stream-TTL", "1")
	n := 1
	// It lives for longer than its TTL, as each append renews it.
	renewed := created
	for renewed.Sub(created) < ttl*5/4 {
		sent := time.Now()
		a := do(t, post, url, "y", contentType, text)
		if n++; a.status == 404 && time.Since(renewed) > ttl {
			return false
		}
		if a.status != 204 {
			t.Fatalf("an append %v after another one: %d %s", time.Since(renewed), a.status, a.body)
		}
		renewed = sent
	}
	// HEAD does not renew it.
	for n++; do(t, head, url, "").status != 404; n++ {
		if age := time.Since(renewed); age > 10*ttl {
			t.Fatalf("it lives %v after it was renewed", age)
		}
	}
	if age := time.Since(renewed); age < ttl {
		t.Errorf("it ended %v after it was renewed", age)
	}
	for range 4 {
		must(t, 404, get, url, "")
	}
	must(t, 404, post, url, "late", contentType, text)
	must(t, 201, put, url, "new", contentType, text)
	if a := must(t, 200, get, url+"?offset=-1", ""); a.body != "new" {
		t.Errorf("the new stream holds %q", a.body)
	}
	if made := h.requests(t, name, n+7); processes(made) < 3 {
		t.Errorf("only %d processes took part", processes(made))
	}
	return true
}

// TestConcurrentWritersOfOneStream: each request in flight is a process of its own, so
// nothing but the conditional write of the head puts them in order.
func TestConcurrentWritersOfOneStream(t *testing.T) {
	t.Parallel()
	h := startHost(t, spread...)
	url := h.url + "hot"
	must(t, 201, put, url, "", contentType, text)
	const writers, each = 5, 8
	done := make(chan answer)
	for w := range writers {
		go func() {
			for n := range each {
				done <- do(t, post, url, fmt.Sprintf("%d.%d\n", w, n), contentType, text)
			}
		}()
	}
	for range writers * each {
		if a := <-done; a.status != 204 {
			t.Errorf("an append was answered %d %s", a.status, a.body)
		}
	}
	next := make([]int, writers)
	body := must(t, 200, get, url+"?offset=-1", "").body
	for len(body) > 0 {
		var w, n int
		if _, err := fmt.Sscanf(body, "%d.%d\n", &w, &n); err != nil || next[w] != n {
			t.Fatalf("writer %d: record %d where %d is due (%v)", w, n, next[w], err)
		}
		next[w]++
		body = body[len("0.0\n"):]
	}
	for w, n := range next {
		if n != each {
			t.Errorf("of writer %d there are %d records of %d", w, n, each)
		}
	}
	if made := h.requests(t, "hot", writers*each+2); processes(made) < writers {
		t.Errorf("only %d processes took part", processes(made))
	}
}
