//go:build unix

package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/httpresponse"
)

// TestMalformedEvents: whatever a process is invoked with, somebody gets an answer that
// says what is wrong, and the same process serves the next request.
func TestMalformedEvents(t *testing.T) {
	t.Parallel()
	f := functionWithoutStores(t)
	request := func(change string) string {
		return `{"version":"2.0","rawPath":"/v1/stream/a","headers":{"content-type":"text/plain"},
			"requestContext":{"http":{"method":"POST","sourceIp":"192.0.2.1"}}` + change + `}`
	}
	// deep is JSON that decoders by recursion do not survive.
	deep := strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000)
	for _, c := range []struct {
		name, event string
		// status is 0 if the invocation fails without a response.
		status int
		// contains is in the response's body, or in the error.
		contains string
	}{
		{"not JSON", `hello`, 0, ""},
		{"nothing", ``, 0, ""},
		{"half of an event", request("")[:40], 0, ""},
		{"null", `null`, 500, "unknown event"},
		{"a number", `17`, 500, "unknown event"},
		{"an empty object", `{}`, 500, "unknown event"},
		{"deep", deep, 0, ""},
		{"a queue's", `{"Records":[{"eventSource":"aws:sqs","body":"x"}]}`, 500, "unknown event"},
		{"a load balancer's", `{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/"}`, 500, "unknown event"},
		{"format 1.0", `{"version":"1.0","httpMethod":"GET","path":"/v1/stream/a"}`, 500, "unknown event"},
		{"no base64", request(`,"body":"%%%","isBase64Encoded":true`), 400, "base64"},
		{"half of base64", request(`,"body":"QUJ","isBase64Encoded":true`), 400, "base64"},
		{"body of another type", request(`,"body":{"a":1}`), 400, "body"},
		{"headers of another type", request(`,"headers":[1]`), 400, "headers"},
		{"two bodies", request(`,"body":"a","body":"b"`), 400, "body"},
		{"no method", `{"version":"2.0","rawPath":"/v1/stream/a"}`, 400, "method"},
		{"no path", `{"version":"2.0","requestContext":{"http":{"method":"GET"}}}`, 400, "rawPath"},
		{"a path that is none", request(`,"rawPath":"%zz"`), 400, "rawPath"},
		{"a method that is none", request(`,"requestContext":{"http":{"method":"A B"}}`), 400, "method"},
		{"unknown method", request(`,"requestContext":{"http":{"method":"BREW"}}`), 405, "method"},
		{"another place", request(`,"rawPath":"/elsewhere"`), 404, "/v1/stream/"},
		{"a query that is none", request(`,"rawQueryString":"%zz","requestContext":{"http":{"method":"GET"}}`), 400, ""},
		{"no body", request(""), 400, "empty"},
		{"no stores", request(`,"requestContext":{"http":{"method":"GET"}}`), 503, "storage"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body, err := invokeEvent(t, f, c.event)
			failed, _ := errors.AsType[*host.FunctionError](err)
			switch {
			case c.status == 0 && failed == nil:
				t.Errorf("it did not fail: %d %s %v", status, body, err)
			case c.status == 0 && failed.Type == host.TypeExit:
				t.Errorf("the process ended: %v", err)
			case c.status != 0 && (status != c.status || !strings.Contains(body, c.contains)):
				t.Errorf("%d %q %v; want %d and %q", status, body, err, c.status, c.contains)
			case strings.Contains(body, "127.0.0.1"):
				t.Errorf("it tells where the stores are: %s", body)
			}
			status, body, err = invokeEvent(t, f, `{"version":"2.0","rawPath":"/v1/stream/a","requestContext":{"http":{"method":"OPTIONS"}}}`)
			if err != nil || status != http.StatusNoContent {
				t.Errorf("the next request: %d %s %v", status, body, err)
			}
		})
	}
	if s := f.Stats(); s.ColdStarts != 1 || s.Crashes != 0 || s.Timeouts != 0 {
		t.Errorf("one process should have served all: %+v", s)
	}
}

// functionWithoutStores is the function in one process, whose stores refuse every
// connection.
func functionWithoutStores(t *testing.T) *host.Function {
	t.Helper()
	f, err := host.New(host.Config{
		Name: "api", Bootstrap: filepath.Join(bin(), "api", "bootstrap"), Concurrency: 1,
		Env: map[string]string{
			"TABLE_NAME": "t", "BUCKET_NAME": "b", "DYNAMODB_ENDPOINT": "http://127.0.0.1:1", "S3_ENDPOINT": "http://127.0.0.1:1",
			"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// invokeEvent returns the response, as far as there is one.
func invokeEvent(t *testing.T, f *host.Function, event string) (status int, body string, err error) {
	t.Helper()
	response, err := f.InvokeStream(t.Context(), []byte(event))
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	h, rest, err := httpresponse.ReadStream(response.Body)
	if err != nil {
		return 0, "", err
	}
	read, err := io.ReadAll(rest)
	return h.Status, string(read), err
}

// TestBodyLimits: an event has at most 6 MB, in which a binary body takes 4 bytes for 3.
func TestBodyLimits(t *testing.T) {
	t.Parallel()
	h := startHost(t, spread...)
	must(t, 201, put, h.url+"text", "", contentType, text)
	must(t, 201, put, h.url+"binary", "", contentType, binary)
	for _, c := range []struct {
		name   string
		size   int
		status int
	}{
		{"text", 6 << 20, 413},
		{"text", 7 << 20, 413},
		{"text", 6<<20 - 4<<10, 204},
		{"binary", 4_800_000, 413},
		{"binary", 20 << 20, 413},
		{"binary", 4_500_000, 204},
	} {
		body, of := strings.Repeat("x", c.size), text
		if c.name == "binary" {
			body, of = random(c.size), binary
		}
		a := do(t, post, h.url+c.name, body, contentType, of)
		if a.status != c.status {
			t.Errorf("%d bytes of %s: %d %s, want %d", c.size, c.name, a.status, a.body, c.status)
		}
		if c.status == 413 && a.header.Get("X-Amzn-Errortype") == "" {
			t.Errorf("%d bytes of %s were refused by the function: %s", c.size, c.name, a.body)
		}
	}
	if got := readAll(t, h.url+"text"); got != strings.Repeat("x", 6<<20-4<<10) {
		t.Errorf("of the text %d bytes are back", len(got))
	}
	if got := readAll(t, h.url+"binary"); got != random(4_500_000) {
		t.Errorf("of the binary body %d bytes are back, or others", len(got))
	}
	if made := h.requests(t, "binary", 3); processes(made) < 3 {
		t.Errorf("only %d processes took part: %v", processes(made), made)
	}
}

func TestMaxBodyBytes(t *testing.T) {
	t.Parallel()
	h := startHost(t, "MAX_BODY_BYTES=1000")
	for _, of := range []string{text, binary} {
		url := h.url + of
		must(t, 413, put, url, strings.Repeat("x", 1001), contentType, of)
		must(t, 201, put, url, strings.Repeat("x", 1000), contentType, of)
		a := must(t, 413, post, url, strings.Repeat("x", 1001), contentType, of)
		if !strings.Contains(a.body, "too large") {
			t.Errorf("%s", a.body)
		}
		must(t, 204, post, url, strings.Repeat("x", 1000), contentType, of)
	}
}

// TestNamesRoundTrip: a name gets through the front door, the event and the table as the
// client wrote it, and names that differ are streams that differ.
func TestNamesRoundTrip(t *testing.T) {
	t.Parallel()
	h := startHost(t)
	names := []string{
		"plain", "a/b/c", "a%20b", "a+b", "a%2Bb", "caf%C3%A9/na%C3%AFve", "%F0%9F%98%80", "100%25", "%252F", "%3Fquery", "%23fragment",
		"semi;colon", "a=b&c=d", "a:b@c,d", "%22quoted%22", "back%5Cslash", "%3Chtml%3E", "...", "~tilde", "UPPER", "upper",
		"stream%23a", "head", "__registry", strings.Repeat("long/", 139) + "end", strings.Repeat("%C3%A9", 350),
	}
	for i, name := range names {
		a := must(t, 201, put, h.url+name, fmt.Sprint(i), contentType, text)
		if location := a.header.Get("Location"); name != "a%2Bb" && !samePath(location, h.url+name) {
			t.Errorf("%s: Location is %s", name, location)
		}
		if name == "a+b" {
			// An encoded plus is the same name, by RFC 3986.
			must(t, 204, del, h.url+"a%2Bb", "")
		}
	}
	for i, name := range names {
		if name == "a+b" {
			continue // see above
		}
		if a := must(t, 200, get, h.url+name+"?offset=-1", ""); a.body != fmt.Sprint(i) {
			t.Errorf("%s holds %q, which is of %s", name, a.body, names[i])
		}
	}
	for _, name := range []string{"a%2Fb", "a//b", "a/", "a%00b", "a%0Ab", "a%FF", "a/%2E%2E/b", strings.Repeat("x", 1025)} {
		if a := do(t, put, h.url+name, "", contentType, text); a.status != 400 {
			t.Errorf("%.40s: %d %s", name, a.status, a.body)
		}
	}
}

// samePath reports whether two URLs are equivalent but for their encoding.
func samePath(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Host == y.Host && x.Path == y.Path
}

// TestLargeHeaders: what a client's proxies add must not matter, and what does matter
// gets through whole, if the bound is large.
func TestLargeHeaders(t *testing.T) {
	t.Parallel()
	h := startHost(t, "MAX_HEADER_BYTES=1048576")
	large := strings.Repeat("v", 100<<10)
	seq := strings.Repeat("s", 200)
	must(t, 201, put, h.url+"a", "", contentType, text)
	must(t, 204, post, h.url+"a", "x", contentType, text, "X-Large", large, "Cookie", "a=b; c="+large, "Stream-Seq", seq)
	must(t, 409, post, h.url+"a", "x", contentType, text, "X-Large", large, "Stream-Seq", seq)
	must(t, 204, post, h.url+"a", "y", contentType, text, "Stream-Seq", seq+"t")
	a := do(t, post, h.url+"a", "z", contentType, text, "Stream-Seq", large)
	if a.status != 400 && a.status != 204 {
		t.Errorf("a Stream-Seq of %d bytes: %d %s", len(large), a.status, a.body)
	}
	// More than a front door takes is refused by it, and the next request is served.
	if a := do(t, get, h.url+"a", "", "X-Large", strings.Repeat("v", 2<<20)); a.status/100 != 4 {
		t.Errorf("2 MB of headers: %d", a.status)
	}
	must(t, 200, get, h.url+"a", "")
}

// readAll reads a stream to its end, page by page.
func readAll(t *testing.T, url string) string {
	t.Helper()
	var all strings.Builder
	for offset := "-1"; ; {
		a := must(t, 200, get, url+"?offset="+offset, "")
		all.WriteString(a.body)
		next := a.header.Get("Stream-Next-Offset")
		if a.header.Get("Stream-Up-To-Date") == "true" {
			return all.String()
		}
		if next == offset {
			t.Fatalf("%s does not get on from %s", url, offset)
		}
		offset = next
	}
}

// urlEvent is a request as the front door sends it.
func urlEvent(method, path, of, body string) string {
	e, _ := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": path, "headers": map[string]string{"content-type": of},
		"requestContext": map[string]any{"http": map[string]string{"method": method}},
		"body":           base64.StdEncoding.EncodeToString([]byte(body)), "isBase64Encoded": true,
	})
	return string(e)
}
