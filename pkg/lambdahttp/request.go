package lambdahttp

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// httpRequest returns the event as a request of an HTTP server.
func (e *Event) httpRequest(ctx context.Context) (*http.Request, error) {
	if e.err != nil {
		return nil, e.err
	}
	p := &e.payload
	from := p.RequestContext.HTTP
	if !isToken(from.Method) {
		return nil, malformed("requestContext.http.method is no method")
	}
	target, err := p.url()
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method:     from.Method,
		URL:        target,
		RequestURI: target.RequestURI(),
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     p.header(),
		RemoteAddr: net.JoinHostPort(from.SourceIP, "0"),
		Host:       p.RequestContext.DomainName,
	}
	if major, minor, ok := http.ParseHTTPVersion(from.Protocol); ok {
		r.Proto, r.ProtoMajor, r.ProtoMinor = from.Protocol, major, minor
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	r.Header.Del("Host") // as net/http does
	r.Body, r.ContentLength = e.reader()
	return r.WithContext(ctx), nil
}

// url returns the request's target. A function URL passes the path on as the client
// encoded it, and so EscapedPath gives it (in http.path of the event's context it is
// decoded). An HTTP API decodes it, so that an encoded slash, for one, cannot be told
// from another.
func (p *payload) url() (*url.URL, error) {
	if p.RawPath == nil || *p.RawPath != "" && (*p.RawPath)[0] != '/' {
		return nil, malformed("rawPath is no path")
	}
	raw := *p.RawPath
	if raw == "" {
		raw = "/"
	}
	path, err := url.PathUnescape(raw)
	if err != nil {
		return nil, malformed("rawPath is not percent-encoded")
	}
	u := &url.URL{Path: path, RawQuery: p.RawQueryString}
	if u.EscapedPath() != raw {
		u.RawPath = raw // counts only as far as it is an encoding of the path
	}
	return u, nil
}

// header returns the headers. A function URL joins several of a name by commas,
// which is how they stay.
func (p *payload) header() http.Header {
	h := make(http.Header, len(p.Headers)+1)
	for name, value := range p.Headers {
		h.Add(name, value)
	}
	if len(p.Cookies) > 0 {
		// They are in the headers, too, or are not.
		h.Set("Cookie", strings.Join(p.Cookies, "; "))
	}
	return h
}

// reader returns the body and its length.
func (e *Event) reader() (io.ReadCloser, int64) {
	switch {
	case len(e.binary) > 0:
		return io.NopCloser(bytes.NewReader(e.binary)), int64(len(e.binary))
	case len(e.text) > 0:
		return io.NopCloser(strings.NewReader(e.text)), int64(len(e.text))
	default:
		return http.NoBody, 0
	}
}
