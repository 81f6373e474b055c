package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
)

const (
	// loadBalancerLimit is what a load balancer takes from a function: 1 MB.
	loadBalancerLimit = 1_000_000
	// loadBalancerPage fits into it in the worst case, as httpAPIPage does.
	loadBalancerPage = 352 << 10
)

// loadBalancerCall is an event of an Application Load Balancer.
type loadBalancerCall struct{ *event }

// target implements [call]. Path and query are as the client encoded them, except
// that the query's parts have lost their order, and where the target group has no
// multi-value headers, all but the last of several values.
func (c loadBalancerCall) target() (*url.URL, error) {
	if !strings.HasPrefix(c.Path, "/") {
		return nil, malformed("path is no path")
	}
	// This is how net/http reads a request line.
	u, err := url.ParseRequestURI(c.Path)
	if err != nil {
		return nil, malformed("the path is not percent-encoded correctly")
	}
	u.RawQuery = c.query()
	return u, nil
}

func (c loadBalancerCall) query() string {
	values := c.MultiValueQuery
	if len(values) == 0 {
		values = make(map[string][]string, len(c.Query))
		for name, value := range c.Query {
			values[name] = []string{value}
		}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			parts = append(parts, name+"="+value)
		}
	}
	return strings.Join(parts, "&")
}

// header implements [call].
func (c loadBalancerCall) header() http.Header {
	h := make(http.Header, len(c.Headers)+len(c.MultiValueHeaders))
	for name, values := range c.MultiValueHeaders {
		for _, value := range values {
			h.Add(name, value)
		}
	}
	if !c.multiValue() {
		for name, value := range c.Headers {
			h.Add(name, value)
		}
	}
	return h
}

// multiValue reports whether the target group has multi-value headers, which is also
// how it wants the response's.
func (c loadBalancerCall) multiValue() bool { return c.MultiValueHeaders != nil }

// method implements [call].
func (c loadBalancerCall) method() string { return c.HTTPMethod }

// carry implements [call].
func (c loadBalancerCall) carry(ctx context.Context, method, body string, h http.Handler) (document, error) {
	out, err := httpadapter.NewALB(h).ProxyWithContext(ctx, events.ALBTargetGroupRequest{HTTPMethod: method, Body: body})
	r := &loadBalancerResponse{ALBTargetGroupResponse: out}
	r.StatusDescription = fmt.Sprintf("%d %s", r.StatusCode, http.StatusText(r.StatusCode))
	if c.multiValue() {
		r.MultiValueHeaders = out.MultiValueHeaders
	} else {
		r.Headers = singleValues(out.MultiValueHeaders)
	}
	return document{r, &r.Body, &r.IsBase64Encoded}, err
}

// loadBalancerResponse has one kind of headers, and not null for the other.
type loadBalancerResponse struct {
	events.ALBTargetGroupResponse
	Headers           map[string]string   `json:"headers,omitzero"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders,omitzero"`
}

// singleValues joins several values of a name as RFC 9110, section 5.3 allows. Cookies
// cannot be joined; the last one is sent.
func singleValues(h http.Header) map[string]string {
	single := make(map[string]string, len(h))
	for name, values := range h {
		if name == "Set-Cookie" && len(values) > 1 {
			values = values[len(values)-1:]
		}
		single[name] = strings.Join(values, ", ")
	}
	return single
}

// limit implements [call].
func (c loadBalancerCall) limit() int { return loadBalancerLimit }

// patience implements [call]. It is a setting of the load balancer.
func (c loadBalancerCall) patience() time.Duration { return 0 }
