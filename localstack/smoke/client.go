package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// patience is how long an answer may take, all of it: some starts of a function, and much
// less than any proxy in between waits for one that does not end.
const patience = 5 * time.Second

// client asks one server, for streams whose names begin alike.
type client struct {
	base          *url.URL
	token, prefix string
	http          *http.Client
}

func newClient(base *url.URL, token, prefix string) *client {
	// What is compressed is seen as it comes, and nothing is followed to elsewhere.
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true
	return &client{base: base, token: token, prefix: prefix, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// request is one that a check makes.
type request struct {
	method string
	// name is the stream's, as it is in the URL, and query what comes after it.
	name, query string
	headers     map[string]string
	body        []byte
}

// answer is one that has ended.
type answer struct {
	status  int
	headers http.Header
	body    []byte
}

// open sends a request, and returns as soon as there are headers.
func (c *client) open(ctx context.Context, r request) (*http.Response, error) {
	address := c.base.String() + c.prefix + r.name
	if r.query != "" {
		address += "?" + r.query
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	for name, value := range r.headers {
		req.Header.Set(name, value)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.http.Do(req)
}

// do sends a request, and waits for the answer to end, for so long.
func (c *client) do(ctx context.Context, wait time.Duration, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	res, err := c.open(ctx, r)
	if err != nil {
		return answer{}, fmt.Errorf("%s: no answer within %v: %w", r.method, wait, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, fmt.Errorf("%s: the answer %d does not end within %v: %w", r.method, res.StatusCode, wait, err)
	}
	return answer{res.StatusCode, res.Header, body}, nil
}

// want is do for a request with one right status.
func (c *client) want(ctx context.Context, status int, r request) (answer, error) {
	a, err := c.do(ctx, patience, r)
	if err == nil && a.status != status {
		err = fmt.Errorf("%s: the status is %d, and should be %d: %.200q", r.method, a.status, status, a.body)
	}
	return a, err
}

// create makes a stream, which is empty if there is no body.
func (c *client) create(ctx context.Context, name, contentType string, body []byte) (answer, error) {
	return c.want(ctx, http.StatusCreated, request{method: "PUT", name: name, headers: map[string]string{"Content-Type": contentType}, body: body})
}
