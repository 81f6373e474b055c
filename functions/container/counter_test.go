package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// counter passes calls on to a DynamoDB stand-in, and counts them.
type counter struct {
	endpoint string

	mu    sync.Mutex
	calls map[string]int
	// polls are the eventually consistent reads of heads.
	polls int
	// hold, if it is not nil, is told of each UpdateItem, and may hold it up.
	hold func()
}

func count(t *testing.T, endpoint string) *counter {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{calls: make(map[string]int)}
	proxy := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the call was given up: nobody waits for this head any more
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		c.note(t, r.Header.Get("X-Amz-Target"), body)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	c.endpoint = server.URL
	return c
}

// note counts a call, which may be held up.
func (c *counter) note(t *testing.T, target string, body []byte) {
	_, call, _ := strings.Cut(target, ".")
	var get struct{ ConsistentRead bool }
	if err := json.Unmarshal(body, &get); err != nil {
		t.Error(err)
	}
	c.mu.Lock()
	c.calls[call]++
	if call == "GetItem" && !get.ConsistentRead {
		c.polls++
	}
	hold := c.hold
	c.mu.Unlock()
	if call == "UpdateItem" && hold != nil {
		hold()
	}
}

// reset forgets what was counted, and has UpdateItem held up from now on.
func (c *counter) reset(hold func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.calls)
	c.polls, c.hold = 0, hold
}

// counted returns how often a call was made, and how often heads were polled.
func (c *counter) counted(call string) (calls, polls int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[call], c.polls
}
