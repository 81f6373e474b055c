package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// events is how many are followed. Each is appended when the one before was seen: where
	// something holds an event back until the next one comes, the first is never seen.
	events = 8
	// eventPatience is how long each may take; usually it is some tenths of a second.
	eventPatience = 3 * time.Second
)

// follows reads server-sent events while it appends.
func follows(ctx context.Context, c *client) (string, error) {
	if _, err := c.create(ctx, "live", jsonType, nil); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, patience+events*(eventPatience+patience))
	defer cancel()
	res, err := c.open(ctx, request{method: "GET", name: "live", query: "offset=-1&live=sse"})
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET: the status is %d", res.StatusCode)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	var took []time.Duration
	for i := range events {
		message := fmt.Sprintf(`"event %d"`, i)
		if _, err := c.want(ctx, http.StatusNoContent, request{method: "POST", name: "live", headers: typed(jsonType), body: []byte(message)}); err != nil {
			return "", err
		}
		appended := time.Now()
		if err := sees(lines, message); err != nil {
			return "", fmt.Errorf("event %d of %d: %w", i+1, events, err)
		}
		took = append(took, time.Since(appended))
	}
	slices.Sort(took)
	return fmt.Sprintf("after %d ms, at most %d", took[events/2].Milliseconds(), took[events-1].Milliseconds()), nil
}

// sees waits for a line with a message.
func sees(lines <-chan string, message string) error {
	late := time.NewTimer(eventPatience)
	defer late.Stop()
	for {
		select {
		case line, more := <-lines:
			if !more {
				return errors.New("the response has ended before it came")
			}
			if strings.Contains(line, message) {
				return nil
			}
		case <-late.C:
			return fmt.Errorf("it did not come within %v of its append", eventPatience)
		}
	}
}

// polls waits for an append by long-poll.
func polls(ctx context.Context, c *client) (string, error) {
	if _, err := c.create(ctx, "polled", jsonType, []byte(`["before"]`)); err != nil {
		return "", err
	}
	head, err := c.want(ctx, http.StatusOK, request{method: "HEAD", name: "polled"})
	if err != nil {
		return "", err
	}
	type polled struct {
		answer
		err error
	}
	got := make(chan polled, 1)
	go func() {
		a, err := c.want(ctx, http.StatusOK, request{method: "GET", name: "polled", query: "live=long-poll&offset=" + head.headers.Get("Stream-Next-Offset")})
		got <- polled{a, err}
	}()
	_, err = c.want(ctx, http.StatusNoContent, request{method: "POST", name: "polled", headers: typed(jsonType), body: []byte(`"after"`)})
	p := <-got
	switch {
	case err != nil:
		return "", err
	case p.err != nil:
		return "", p.err
	case string(p.body) != `["after"]`:
		return "", fmt.Errorf("it ended with %.200q", p.body)
	}
	return "", nil
}
