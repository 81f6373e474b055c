package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
)

const (
	// httpAPILimit is Lambda's own: 6 MB.
	httpAPILimit = 6 << 20
	// httpAPIPage fits into it in the worst case: JSON messages of one byte take two
	// with their commas, and base64 makes a third more of that.
	httpAPIPage = 2 << 20
	// httpAPIPatience is a little less than the 30 s after which API Gateway gives up.
	httpAPIPatience = 29 * time.Second
)

// httpAPICall is an event of an HTTP API, in payload format 2.0.
type httpAPICall struct{ *event }

// target implements [call]. The path has been decoded, so it is encoded again: "?"
// and "#" would end it, and "%" might not be parsed. An encoded slash cannot be told
// from another, and what follows an encoded "?" API Gateway has dropped.
func (c httpAPICall) target() (*url.URL, error) {
	if !strings.HasPrefix(c.RawPath, "/") {
		return nil, malformed("rawPath is no path")
	}
	return &url.URL{Path: c.RawPath, RawQuery: c.RawQueryString}, nil
}

// header implements [call]. API Gateway has joined several values of a name by
// commas, and so they stay: nobody can tell them from one value with commas.
func (c httpAPICall) header() http.Header {
	h := make(http.Header, len(c.Headers)+1)
	for name, value := range c.Headers {
		h.Add(name, value)
	}
	if len(c.Cookies) > 0 {
		h.Set("Cookie", strings.Join(c.Cookies, "; "))
	}
	return h
}

// method implements [call].
func (c httpAPICall) method() string { return c.RequestContext.HTTP.Method }

// carry implements [call].
func (c httpAPICall) carry(ctx context.Context, method, body string, h http.Handler) (document, error) {
	e := events.APIGatewayV2HTTPRequest{Body: body}
	e.RequestContext.HTTP.Method = method
	e.RequestContext.HTTP.SourceIP = c.RequestContext.HTTP.SourceIP
	r, err := httpadapter.NewV2(h).ProxyWithContext(ctx, e)
	return document{&r, &r.Body, &r.IsBase64Encoded}, err
}

// limit implements [call].
func (c httpAPICall) limit() int { return httpAPILimit }

// patience implements [call].
func (c httpAPICall) patience() time.Duration { return httpAPIPatience }
