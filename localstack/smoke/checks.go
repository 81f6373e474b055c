package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// check is one thing that clients need. What it says beside is for the reader.
type check struct {
	name string
	does func(context.Context, *client) (said string, err error)
}

// checks are all of them, in order: later ones use the streams of those before.
func checks() []check {
	return []check{
		{"create: 201, whose empty body ends", creates},
		{"Location names the host that was asked", locates},
		{"producer: 200, then 204 for the same again", produces},
		{"HEAD", heads},
		{"read, and 304 for who has it already", reads},
		{"a page without a byte ends", readsNothing},
		{"server-sent events come one by one, at once", follows},
		{"long-poll ends with an append", polls},
		{"who accepts gzip gets whole pages", compresses},
		{"bytes that are not text come back as they were", keepsBytes},
		{"names arrive as they were sent (%2F, %3F, %25)", keepsNames},
		{"413 in this server's words", refusesMuch},
		{"404 in this server's words", findsNothing},
		{"preflight of a browser (CORS)", preflights},
		{"delete, and it is gone", deletes},
	}
}

const jsonType = "application/json"

func typed(contentType string, more ...string) map[string]string {
	headers := map[string]string{"Content-Type": contentType}
	for i := 0; i < len(more); i += 2 {
		headers[more[i]] = more[i+1]
	}
	return headers
}

func creates(ctx context.Context, c *client) (string, error) {
	_, err := c.create(ctx, "a", jsonType, nil)
	if err != nil {
		return "", err
	}
	_, err = c.want(ctx, http.StatusOK, request{method: "PUT", name: "a", headers: typed(jsonType)})
	return "and 200 for the same again", err
}

func locates(ctx context.Context, c *client) (string, error) {
	a, err := c.create(ctx, "located", jsonType, nil)
	if err != nil {
		return "", err
	}
	at, err := url.Parse(a.headers.Get("Location"))
	if err != nil || at.Host != c.base.Host || at.Path != c.base.Path+c.prefix+"located" {
		return "", fmt.Errorf("it is %q", a.headers.Get("Location"))
	}
	return "", nil
}

func produces(ctx context.Context, c *client) (string, error) {
	once := request{method: "POST", name: "a", headers: typed(jsonType, "Producer-Id", "smoke", "Producer-Epoch", "0", "Producer-Seq", "0"), body: []byte(`"once"`)}
	if _, err := c.want(ctx, http.StatusOK, once); err != nil {
		return "", err
	}
	_, err := c.want(ctx, http.StatusNoContent, once)
	return "", err
}

func heads(ctx context.Context, c *client) (string, error) {
	a, err := c.want(ctx, http.StatusOK, request{method: "HEAD", name: "a"})
	if err == nil && a.headers.Get("Stream-Next-Offset") == "" {
		err = errors.New("it has no Stream-Next-Offset")
	}
	return a.headers.Get("Stream-Next-Offset"), err
}

func reads(ctx context.Context, c *client) (string, error) {
	read := request{method: "GET", name: "a", query: "offset=-1"}
	a, err := c.want(ctx, http.StatusOK, read)
	if err != nil {
		return "", err
	}
	if string(a.body) != `["once"]` {
		return "", fmt.Errorf("what was appended once is read as %.200q", a.body)
	}
	read.headers = map[string]string{"If-None-Match": a.headers.Get("ETag")}
	_, err = c.want(ctx, http.StatusNotModified, read)
	return "", err
}

// readsNothing reads where there is nothing: 200 with an empty body, into which nothing may
// be put, as into others, so that it ends.
func readsNothing(ctx context.Context, c *client) (string, error) {
	if _, err := c.create(ctx, "empty", "text/plain", nil); err != nil {
		return "", err
	}
	a, err := c.want(ctx, http.StatusOK, request{method: "GET", name: "empty", query: "offset=-1"})
	if err == nil && len(a.body) > 0 {
		err = fmt.Errorf("it has %q", a.body)
	}
	return "", err
}

// compresses reads a page as somebody who accepts gzip, who may get it so or not.
func compresses(ctx context.Context, c *client) (string, error) {
	text := []byte(strings.Repeat("a line that repeats itself\n", 1000))
	if _, err := c.create(ctx, "text", "text/plain", text); err != nil {
		return "", err
	}
	a, err := c.want(ctx, http.StatusOK, request{method: "GET", name: "text", query: "offset=-1", headers: map[string]string{"Accept-Encoding": "gzip"}})
	if err != nil {
		return "", err
	}
	if a.headers.Get("Content-Encoding") != "gzip" {
		if !bytes.Equal(a.body, text) {
			return "", fmt.Errorf("%d bytes came that are not the %d that were written, and nothing says how they are encoded", len(a.body), len(text))
		}
		return "as they are", nil
	}
	r, err := gzip.NewReader(bytes.NewReader(a.body))
	if err != nil {
		return "", err
	}
	plain, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(plain, text) {
		err = fmt.Errorf("unpacked they are %d other bytes than the %d that were written", len(plain), len(text))
	}
	return fmt.Sprintf("%d bytes for %d", len(a.body), len(text)), err
}

// keepsBytes writes what claims to be text and is not, as something in between may think
// that it knows how to encode text.
func keepsBytes(ctx context.Context, c *client) (string, error) {
	body := []byte{0xff, 0xfe, 0x00, 'a', 0x80, '\r', '\n', 0xc3, 0x28}
	if _, err := c.create(ctx, "bytes", "text/plain", body); err != nil {
		return "", err
	}
	a, err := c.want(ctx, http.StatusOK, request{method: "GET", name: "bytes", query: "offset=-1"})
	if err == nil && !bytes.Equal(a.body, body) {
		err = fmt.Errorf("%x came back as %x", body, a.body)
	}
	return "", err
}

// odd is a name with an encoded question mark and an encoded percent sign.
const odd = "who%3F%25"

// keepsNames has the server refuse an encoded slash, which it could not do if something in
// between decoded it.
func keepsNames(ctx context.Context, c *client) (string, error) {
	if _, err := c.create(ctx, odd, jsonType, nil); err != nil {
		return "", err
	}
	if _, err := c.want(ctx, http.StatusNotFound, request{method: "HEAD", name: "who"}); err != nil {
		return "", fmt.Errorf("the name was cut: %w", err)
	}
	a, err := c.want(ctx, http.StatusBadRequest, request{method: "PUT", name: "in%2Fside", headers: typed(jsonType)})
	return inWords(a, err)
}

// refusesMuch sends a batch of more messages than the default of MAX_BATCH_MESSAGES: a body
// that is too long would be refused before it reaches this server.
func refusesMuch(ctx context.Context, c *client) (string, error) {
	const tooMany = 100_001
	batch := "[" + strings.Repeat("0,", tooMany-1) + "0]"
	a, err := c.want(ctx, http.StatusRequestEntityTooLarge, request{method: "POST", name: "a", headers: typed(jsonType), body: []byte(batch)})
	return inWords(a, err)
}

func findsNothing(ctx context.Context, c *client) (string, error) {
	a, err := c.want(ctx, http.StatusNotFound, request{method: "GET", name: "nowhere", query: "offset=-1"})
	return inWords(a, err)
}

// inWords wants an answer to say what is wrong, as this server does: in plain text.
func inWords(a answer, err error) (string, error) {
	if err == nil && (len(a.body) == 0 || !strings.HasPrefix(a.headers.Get("Content-Type"), "text/plain")) {
		err = fmt.Errorf("it says, as %q: %.200q", a.headers.Get("Content-Type"), a.body)
	}
	return strings.TrimSpace(string(a.body)), err
}

func preflights(ctx context.Context, c *client) (string, error) {
	a, err := c.want(ctx, http.StatusNoContent, request{method: "OPTIONS", name: "a", headers: map[string]string{
		"Origin": "https://app.example.com", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type,authorization",
	}})
	if err == nil && !strings.Contains(a.headers.Get("Access-Control-Allow-Methods"), "PUT") {
		err = fmt.Errorf("it allows %q", a.headers.Get("Access-Control-Allow-Methods"))
	}
	if origin := a.headers.Get("Access-Control-Allow-Origin"); err == nil && origin == "" {
		return "only for the origins of CORS_ORIGINS", nil
	}
	return "", err
}

// deletes removes every stream that the others made, as far as they came.
func deletes(ctx context.Context, c *client) (string, error) {
	var failed []error
	for _, name := range []string{"a", "located", "empty", "live", "polled", "text", "bytes", odd} {
		if _, err := c.want(ctx, http.StatusNoContent, request{method: "DELETE", name: name}); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	if _, err := c.want(ctx, http.StatusNotFound, request{method: "HEAD", name: "a"}); err != nil {
		failed = append(failed, err)
	}
	return "", errors.Join(failed...)
}
