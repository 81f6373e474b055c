//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// events reads server-sent events as they come.
type events struct{ lines *bufio.Scanner }

// next returns the next event's kind and data, or what ended the stream.
func (e events) next() (kind, data string, err error) {
	for e.lines.Scan() {
		switch line := e.lines.Text(); {
		case strings.HasPrefix(line, "event: "):
			kind = strings.TrimPrefix(line, "event: ")
		case strings.HasPrefix(line, "data:"):
			data += strings.TrimPrefix(line, "data:")
		case line == "" && kind != "":
			return kind, data, nil
		}
	}
	if err := e.lines.Err(); err != nil {
		return "", "", err
	}
	return "", "", io.EOF
}

// nextData skips control events.
func (e events) nextData(t *testing.T) string {
	t.Helper()
	for {
		kind, data, err := e.next()
		if err != nil {
			t.Fatalf("the stream of events ended: %v", err)
		}
		if kind == "data" {
			return data
		}
	}
}

// TestEventsArriveAsTheyAreAppended: an append is made only after the client has seen
// the one before. If anything on the way collected chunks, that would never end.
func TestEventsArriveAsTheyAreAppended(t *testing.T) {
	t.Parallel()
	h := startHost(t, spread...)
	url := h.url + "sse"
	must(t, 201, put, url, "", contentType, text)
	live := open(t, get, url+"?offset=-1&live=sse", "")
	defer live.Body.Close()
	in := events{bufio.NewScanner(live.Body)}
	const n = 8
	for i := range n {
		line := fmt.Sprintf("append %d", i)
		must(t, 204, post, url, line, contentType, text)
		if got := in.nextData(t); got != line {
			t.Fatalf("append %d arrived as %q", i, got)
		}
	}
	must(t, 204, post, url, "", contentType, text, "Stream-Closed", "true")
	var last string
	for {
		_, data, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		last = data
	}
	if !strings.Contains(last, `"streamClosed":true`) {
		t.Errorf("the last event is %q", last)
	}
	reader := -1
	made := h.requests(t, "sse", n+3)
	for _, r := range made {
		if r.Kind == "sse" {
			reader = r.Process
		}
	}
	for _, r := range made {
		if r.Method == post && r.Process == reader {
			t.Errorf("process %d wrote, while it was serving the reader", reader)
		}
	}
	if processes(made) < 3 {
		t.Errorf("only %d processes took part", processes(made))
	}
}

func TestLongPollIsWokenByAnotherProcess(t *testing.T) {
	t.Parallel()
	h := startHost(t, append([]string{"LONG_POLL_WAIT=15s"}, spread...)...)
	url := h.url + "poll"
	offset := must(t, 201, put, url, "", contentType, text).header.Get("Stream-Next-Offset")
	answered := make(chan answer)
	for range 2 {
		go func() { answered <- do(t, get, url+"?live=long-poll&offset="+offset, "") }()
	}
	// Nothing tells from outside that a process has begun to wait. Either it has by
	// now or its first look finds the append: both must answer at once.
	began := time.Now()
	must(t, 204, post, url, "woken", contentType, text)
	for range 2 {
		if a := <-answered; a.status != 200 || a.body != "woken" {
			t.Errorf("%d %q", a.status, a.body)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if made := h.requests(t, "poll", 4); processes(made) != 4 {
		t.Errorf("%d processes took part", processes(made))
	}
}

// TestLiveResponsesEndInTime: by their own lifetime, or a moment before the function's
// timeout, at which Lambda would kill the process. In both cases the response is whole
// and the process lives.
func TestLiveResponsesEndInTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		env         []string
		least, most time.Duration
		path        string
		status      int
	}{
		{"SSE by its lifetime", []string{"SSE_LIFETIME=1s"}, 900 * time.Millisecond, 3 * time.Second, "live=sse", 200},
		{"SSE by the timeout", []string{"LAMBDA_TIMEOUT=3s"}, 1500 * time.Millisecond, 2900 * time.Millisecond, "live=sse", 200},
		{"long-poll by its wait", []string{"LONG_POLL_WAIT=1s"}, 900 * time.Millisecond, 3 * time.Second, "live=long-poll", 204},
		{"long-poll by the timeout", []string{"LONG_POLL_WAIT=20s", "LAMBDA_TIMEOUT=3s"}, 1500 * time.Millisecond, 2900 * time.Millisecond, "live=long-poll", 204},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := startHost(t, append(c.env, "LAMBDA_SPREAD=1", "LAMBDA_CONCURRENCY=1")...)
			url := h.url + "live"
			must(t, 201, put, url, "x", contentType, text)
			began := time.Now()
			a := do(t, get, url+"?offset=now&"+c.path, "") // it fails unless the last chunk arrives
			if took := time.Since(began); a.status != c.status || took < c.least || took > c.most {
				t.Errorf("%d after %v", a.status, took)
			}
			if c.status == 200 && !strings.HasSuffix(a.body, "\n\n") {
				t.Errorf("it ends in the middle of an event: %q", a.body)
			}
			if c.status == 204 && a.header.Get("Stream-Next-Offset") == "" {
				t.Errorf("it has no offset: %v", a.header)
			}
			must(t, 200, get, url, "")
			if made := h.requests(t, "live", 3); processes(made) != 1 {
				t.Errorf("the process was lost: %v", made)
			}
		})
	}
}

// TestReaderThatLeaves: the function is not told, and serves to the end; the host and the
// next request are none the worse for it.
func TestReaderThatLeaves(t *testing.T) {
	t.Parallel()
	h := startHost(t, "SSE_LIFETIME=500ms")
	url := h.url + "left"
	must(t, 201, put, url, "x", contentType, text)
	live := open(t, get, url+"?offset=-1&live=sse", "")
	if _, err := io.ReadFull(live.Body, make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	live.Body.Close()
	must(t, 204, post, url, "y", contentType, text)
	for _, r := range h.requests(t, "left", 3) {
		if r.Kind == "sse" && r.Status != 200 {
			t.Errorf("the function saw its reader leave: %v", r)
		}
	}
}
