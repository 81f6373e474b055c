package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"
)

// client makes requests to one stream of a function.
type client struct {
	function          *function
	path, contentType string
}

// call is a request: its method, query, headers beside the content type, and body. Its
// answer has at least so many bytes.
type call struct {
	method, query string
	headers       map[string]string
	body          []byte
	least         int
}

// request sends a call as a function URL does. It fails if the answer does, or has fewer
// bytes than it should have.
func (s client) request(ctx context.Context, c call) error {
	return s.send(ctx, c, &beginning{began: time.Now()})
}

func (s client) send(ctx context.Context, c call, got *beginning) error {
	text, binary := string(c.body), s.contentType == "application/octet-stream"
	if binary {
		text = base64.StdEncoding.EncodeToString(c.body)
	}
	headers := map[string]string{"content-type": s.contentType}
	maps.Copy(headers, c.headers)
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": s.path, "rawQueryString": c.query, "headers": headers,
		"requestContext": map[string]any{"http": map[string]string{"method": c.method}},
		"body":           text, "isBase64Encoded": binary,
	})
	if err != nil {
		return err
	}
	if err := s.function.invoke(ctx, event, got); err != nil {
		return err
	}
	if !strings.HasPrefix(string(got.kept), `{"statusCode":2`) || got.length < c.least {
		return fmt.Errorf("%s %s: %d bytes: %s", c.method, s.path, got.length, got.kept)
	}
	return nil
}

// beginning keeps the first bytes that are written to it, and counts all.
type beginning struct {
	// first is how long after began the first byte came.
	began  time.Time
	first  time.Duration
	kept   []byte
	length int
}

func (b *beginning) Write(p []byte) (int, error) {
	const enough = 200
	if b.length == 0 {
		b.first = time.Since(b.began)
	}
	b.kept = append(b.kept, p[:min(len(p), enough-len(b.kept))]...)
	b.length += len(p)
	return len(p), nil
}
