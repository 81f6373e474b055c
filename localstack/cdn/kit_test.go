package cdn

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// origin is a server that counts what it is asked.
type origin struct {
	server *httptest.Server
	mu     sync.Mutex
	asked  map[string]int // by query
}

// startOrigin runs a server with pages of so many bytes. Its cursors go by a clock that is
// twenty times as fast as ours, so that a test of seconds sees many intervals.
func startOrigin(t *testing.T, page int, change func(*protocol.Config)) *origin {
	t.Helper()
	limits := stream.DefaultLimits()
	limits.PageSize = page
	log, err := stream.New(memory.New(), stream.Options{Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	config := protocol.Config{
		LongPollWait: 2 * time.Second,
		Now:          func() time.Time { return started.Add(20 * time.Since(started)) },
	}
	if change != nil {
		change(&config)
	}
	handler, err := protocol.New(log, config)
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{asked: map[string]int{}}
	o.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			o.mu.Lock()
			o.asked[r.URL.RawQuery]++
			o.mu.Unlock()
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { handler.Shutdown(); o.server.Close() })
	return o
}

func (o *origin) addr() net.Addr { return o.server.Listener.Addr() }

// count returns how many GETs with a part in their query there were.
func (o *origin) count(part string) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for query, times := range o.asked {
		if strings.Contains(query, part) {
			n += times
		}
	}
	return n
}

// most returns what was asked most often, and how often.
func (o *origin) most() (query string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for q, times := range o.asked {
		if times > n {
			query, n = q, times
		}
	}
	return query, n
}

// send makes a request and wants a status in return.
func send(t *testing.T, method, url, body string, want int, headers ...string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != want {
		t.Fatalf("%s: %s: %s", method, resp.Status, text)
	}
}

// reader reads a stream as clients do: what is there, and then by long-poll.
type reader struct {
	client         *http.Client
	stream         string
	offset, cursor string
	live           bool
	// answers and empty count what it got.
	answers, empty int
}

func newReader(client *http.Client, stream string) *reader {
	return &reader{client: client, stream: stream, offset: "-1"}
}

// next returns the body of the next answer that has one; closed says that it was the last.
func (r *reader) next() (body []byte, closed bool, err error) {
	for {
		query := url.Values{"offset": {r.offset}}
		if r.live {
			query.Set("live", "long-poll")
			if r.cursor != "" {
				query.Set("cursor", r.cursor)
			}
		}
		resp, err := r.client.Get(r.stream + "?" + query.Encode())
		if err != nil {
			return nil, false, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return nil, false, err
		}
		r.answers++
		if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
			return nil, false, fmt.Errorf("%s: %s", resp.Status, body)
		}
		h := resp.Header
		if cursor := h.Get("Stream-Cursor"); r.live && cursor != "" {
			if cursor == r.cursor {
				return nil, false, fmt.Errorf("the cursor stays %s", cursor)
			}
			r.cursor = cursor
		}
		r.offset = h.Get("Stream-Next-Offset")
		r.live = r.live || h.Get("Stream-Up-To-Date") == "true"
		closed = h.Get("Stream-Closed") == "true"
		if resp.StatusCode == http.StatusOK && string(body) != "[]" || closed {
			return body, closed, nil
		}
		r.empty++
	}
}
