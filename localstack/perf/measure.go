package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// measured is what one run found.
type measured struct {
	rows []row
	// empty is how long a long-poll took that nothing came for.
	empty time.Duration
}

// row has the times of one kind of request.
type row struct {
	name string
	took []time.Duration
}

// probe asks one stream of a server, one request at a time.
type probe struct {
	ctx context.Context
	url string
}

// measure makes a stream, and for each iteration appends to it, reads what was appended, and
// gets it again by long-poll. The stream is deleted in the end.
func measure(ctx context.Context, c config.Perf) (measured, error) {
	p := probe{ctx, strings.TrimRight(c.Target(), "/") + "/v1/stream/perf-" + rand.Text()}
	m := measured{rows: []row{{name: "append"}, {name: "read"}, {name: "long-poll, hit"}}}
	offset, _, err := p.ask("PUT", "", "", http.StatusCreated)
	if err != nil {
		return m, err
	}
	defer p.ask("DELETE", "", "", http.StatusNoContent)
	// One of each first: connections are made, a function is started.
	for i := range c.Iterations + 1 {
		tail := ""
		for n, r := range []struct {
			method, query, body string
			status              int
		}{
			{"POST", "", "x", http.StatusNoContent},
			{"GET", "?offset=" + offset, "", http.StatusOK},
			{"GET", "?live=long-poll&offset=" + offset, "", http.StatusOK},
		} {
			next, took, err := p.ask(r.method, r.query, r.body, r.status)
			if err != nil {
				return m, err
			}
			if i > 0 {
				m.rows[n].took = append(m.rows[n].took, took)
			}
			tail = next
		}
		offset = tail
	}
	if c.PollTimeout {
		if _, m.empty, err = p.ask("GET", "?live=long-poll&offset="+offset, "", http.StatusNoContent); err != nil {
			return m, err
		}
	}
	return m, nil
}

// ask makes a request and returns where the reader goes on, and how long the answer took, to
// its last byte.
func (p probe) ask(method, query, body string, status int) (next string, took time.Duration, err error) {
	r, err := http.NewRequestWithContext(p.ctx, method, p.url+query, strings.NewReader(body))
	if err != nil {
		return "", 0, err
	}
	if method == http.MethodPut || method == http.MethodPost {
		r.Header.Set("Content-Type", "text/plain")
	}
	start := time.Now()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", 0, err
	}
	took = time.Since(start)
	if resp.StatusCode != status {
		return "", 0, fmt.Errorf("%s %s%s: %s: %s", method, p.url, query, resp.Status, strings.TrimSpace(string(text)))
	}
	return resp.Header.Get("Stream-Next-Offset"), took, nil
}
