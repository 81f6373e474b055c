package implementation

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A stream on the server under test, with a name that nobody else uses.
type testStream struct {
	url, contentType string
}

func (s *server) name(name string) *testStream {
	return &testStream{url: s.url + "/v1/stream/implementation-" + name + "-" + rand.Text()}
}

// create makes a stream.
func (s *server) create(t *testing.T, name, contentType string, headers ...string) *testStream {
	t.Helper()
	st := s.name(name)
	st.contentType = contentType
	st.do(t, "PUT", "", "", headers...).want(t, 201)
	return st
}

// answer is a response that was read whole.
type answer struct {
	*http.Response
	body string
}

// next is where a reader goes on.
func (a answer) next() string { return a.Header.Get("Stream-Next-Offset") }

// want fails the test unless the answer has one of the statuses.
func (a answer) want(t *testing.T, statuses ...int) answer {
	t.Helper()
	if !slices.Contains(statuses, a.StatusCode) {
		t.Fatalf("%s %s: %s: %.200s, want %v", a.Request.Method, a.Request.URL, a.Status, a.body, statuses)
	}
	return a
}

// try makes a request; target is a query, or empty.
func (st *testStream) try(ctx context.Context, method, target, body string, headers ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, st.url+target, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if st.contentType != "" && method != "GET" {
		r.Header.Set("Content-Type", st.contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp, string(text)}, err
}

func (st *testStream) do(t *testing.T, method, target, body string, headers ...string) answer {
	t.Helper()
	a, err := st.try(t.Context(), method, target, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// put appends, and returns the answer.
func (st *testStream) put(t *testing.T, body string, headers ...string) answer {
	t.Helper()
	return st.do(t, "POST", "", body, headers...).want(t, 200, 204)
}

// read returns all that follows an offset, page after page.
func (st *testStream) read(t *testing.T, offset string) string {
	t.Helper()
	var all strings.Builder
	for {
		a := st.do(t, "GET", "?offset="+offset, "").want(t, 200)
		all.WriteString(a.body)
		if a.Header.Get("Stream-Up-To-Date") == "true" {
			return all.String()
		}
		offset = a.next()
	}
}

// messages returns all messages of a JSON stream that follow an offset.
func (st *testStream) messages(t *testing.T, offset string) (all []int) {
	t.Helper()
	for d := json.NewDecoder(strings.NewReader(st.read(t, offset))); ; {
		var page []int
		if err := d.Decode(&page); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
	}
}

// tail is where a stream ends.
func (st *testStream) tail(t *testing.T) string {
	t.Helper()
	return st.do(t, "HEAD", "", "").want(t, 200).next()
}

// events opens a stream by SSE and returns its lines, as they come. The channel is closed when
// the response ends.
func (st *testStream) events(t *testing.T, offset string) <-chan string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", st.url+"?live=sse&offset="+offset, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		t.Fatalf("SSE: %s", resp.Status)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		defer resp.Body.Close()
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

// patience is how long anything may take that happens at once.
const patience = 20 * time.Second

// waitFor reads lines until one has a part, and returns it and those before it.
func waitFor(t *testing.T, lines <-chan string, part string) (seen []string) {
	t.Helper()
	for late := time.After(patience); ; {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("the response ended without %q: %q", part, seen)
			}
			seen = append(seen, line)
			if strings.Contains(line, part) {
				return seen
			}
		case <-late:
			t.Fatalf("no %q came: %q", part, seen)
		}
	}
}

// waitForEnd reads lines until the response ends.
func waitForEnd(t *testing.T, lines <-chan string) {
	t.Helper()
	for late := time.After(patience); ; {
		select {
		case _, ok := <-lines:
			if !ok {
				return
			}
		case <-late:
			t.Fatal("the response does not end")
		}
	}
}

// producer returns the headers of an idempotent producer's request.
func producer(id, epoch, seq string) []string {
	return []string{"Producer-Id", id, "Producer-Epoch", epoch, "Producer-Seq", seq}
}

// ints returns the numbers from first to last.
func ints(first, last int) (all []int) {
	for n := first; n <= last; n++ {
		all = append(all, n)
	}
	return all
}
