//go:build unix

package frontdoor_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/frontdoor"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
)

func TestEvent(t *testing.T) {
	d := openURL(t, nil, frontdoor.URLOptions{})
	r, err := http.NewRequest("POST", d.URL+"/event", strings.NewReader(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "abc.lambda-url.localhost:8080"
	r.URL.RawQuery = "a=1&a=2&b=x%20y&c"
	r.Header = http.Header{
		"Content-Type": {"application/json"}, "X-Twice": {"one", "two"}, "Cookie": {"a=1; b=2"},
		"User-Agent": {"tester"}, "Connection": {"X-Hop"}, "X-Hop": {"1"}, "Te": {"trailers"},
		"X-Forwarded-For": {"203.0.113.7"}, "Accept-Encoding": {"identity"},
	}
	response, err := d.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got map[string]any
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	context := got["requestContext"].(map[string]any)
	if id := context["requestId"]; id != response.Header.Get("X-Amzn-Requestid") || id == "" {
		t.Errorf("requestId %v, the client got %q", id, response.Header.Get("X-Amzn-Requestid"))
	}
	delete(context, "requestId")
	if trace := got["headers"].(map[string]any)["x-amzn-trace-id"]; trace != response.Header.Get("X-Amzn-Trace-Id") || trace == "" {
		t.Errorf("trace %v, the client got %q", trace, response.Header.Get("X-Amzn-Trace-Id"))
	}
	delete(got["headers"].(map[string]any), "x-amzn-trace-id")
	want := map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": "/event", "rawQueryString": "a=1&a=2&b=x%20y&c",
		"cookies":               []any{"a=1", "b=2"},
		"queryStringParameters": map[string]any{"a": "1,2", "b": "x y", "c": ""},
		"body":                  `{"a":1}`, "isBase64Encoded": false,
		"headers": map[string]any{
			"content-type": "application/json", "content-length": "7", "x-twice": "one,two", "cookie": "a=1; b=2",
			"user-agent": "tester", "host": "abc.lambda-url.localhost:8080", "accept-encoding": "identity",
			"x-forwarded-for": "203.0.113.7,127.0.0.1", "x-forwarded-proto": "http", "x-forwarded-port": "8080",
		},
		"requestContext": map[string]any{
			"accountId": "anonymous", "apiId": "abc", "domainName": "abc.lambda-url.localhost:8080", "domainPrefix": "abc",
			"http": map[string]any{
				"method": "POST", "path": "/event", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "tester",
			},
			"routeKey": "$default", "stage": "$default", "time": "30/Sep/2026:12:00:00 +0000", "timeEpoch": 1790769600005.0,
		},
	}
	if !reflect.DeepEqual(got, want) {
		g, _ := json.MarshalIndent(got, "", " ")
		w, _ := json.MarshalIndent(want, "", " ")
		t.Errorf("got %s\nwant %s", g, w)
	}
}

func TestBodiesBothWays(t *testing.T) {
	d := openURL(t, nil, frontdoor.URLOptions{})
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, c := range []struct {
		contentType, body string
		encoded           bool
	}{
		{"text/plain", "grüße <&> \u2028", false},
		{"text/csv; charset=utf-8", "a,b", false},
		{"application/json", `{"a":"\u0000"}`, false},
		{"Application/JSON; charset=utf-8", `{}`, false},
		{"application/xml", "<a/>", false},
		{"application/javascript", "1", false},
		{"application/x-www-form-urlencoded", "a=b", true},
		{"application/problem+json", "{}", true},
		{"application/octet-stream", string(all), true},
		{"image/png", "\x89PNG\r\n\x1a\n\x00", true},
		{"text/plain", "not \xff utf-8", true},
		{"", "untyped", true},
		{"application/json", "", false},
	} {
		var header []string
		if c.contentType != "" {
			header = []string{"Content-Type", c.contentType}
		}
		response, got := d.do(t, "POST", "/body", c.body, header...)
		if got != c.body {
			t.Errorf("%s: sent %q, got %q", c.contentType, c.body, got)
		}
		if got := response.Header.Get("X-Encoded"); got != fmt.Sprint(c.encoded) {
			t.Errorf("%s: isBase64Encoded is %s", c.contentType, got)
		}
		want := c.contentType
		if want == "" {
			want = "application/octet-stream"
		}
		if got := response.Header.Get("Content-Type"); got != want {
			t.Errorf("content type %q, want %q", got, want)
		}
	}
}

func TestCookies(t *testing.T) {
	d := openURL(t, nil, frontdoor.URLOptions{})
	response, body := d.do(t, "GET", "/cookies", "", "Cookie", "first=1; second=2")
	if got := response.Header["Set-Cookie"]; !slices.Equal(got, []string{"first=1", "second=2", "third=3; Path=/"}) {
		t.Errorf("cookies %q", got)
	}
	if body != "first=1; second=2" {
		t.Errorf("header %q", body)
	}
}

// The function writes a chunk only when the test has read the one before, so each
// must arrive by itself.
func TestStreamingChunkByChunk(t *testing.T) {
	d := openURL(t, nil, frontdoor.URLOptions{})
	g := newGate(t)
	response := d.begin(t, "GET", "/chunks?n=5&url="+url.QueryEscape(g.URL), "")
	defer response.Body.Close()
	body := bufio.NewReader(response.Body)
	for i := range 5 {
		if line, err := body.ReadString('\n'); err != nil || line != fmt.Sprintf("chunk %d\n", i) {
			t.Fatalf("chunk %d: %q, %v", i, line, err)
		}
		if got := g.wait(t); got != fmt.Sprint(i) {
			t.Fatalf("acknowledged %s, want %d", got, i)
		}
		g.open <- struct{}{}
	}
	if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
		t.Errorf("at the end: %q, %v", rest, err)
	}
}

// What goes wrong after the response has begun breaks it.
func TestCutStreams(t *testing.T) {
	for _, c := range []struct {
		path  string
		stats host.Stats
	}{
		{"/crash", host.Stats{Crashes: 1}},
		{"/fail", host.Stats{Errors: 1}},
		{"/hang", host.Stats{Timeouts: 1}},
	} {
		t.Run(c.path, func(t *testing.T) {
			d := openURL(t, func(config *host.Config) {
				if c.path == "/hang" {
					config.Timeout = 300 * time.Millisecond
				}
			}, frontdoor.URLOptions{})
			g := newGate(t)
			response := d.begin(t, "GET", c.path+"?url="+url.QueryEscape(g.URL), "")
			defer response.Body.Close()
			body := make([]byte, len("begun"))
			if _, err := io.ReadFull(response.Body, body); err != nil {
				t.Fatal(err)
			}
			g.open <- struct{}{}
			_, err := io.ReadAll(response.Body)
			if response.StatusCode != 200 || string(body) != "begun" || err == nil {
				t.Errorf("status %d, body %q, error %v", response.StatusCode, body, err)
			}
			s := d.function.Stats()
			if s.Crashes != c.stats.Crashes || s.Errors != c.stats.Errors || s.Timeouts != c.stats.Timeouts {
				t.Errorf("stats: %+v", s)
			}
			if response, _ := d.do(t, "GET", "/event", ""); response.StatusCode != 200 {
				t.Errorf("next: %d", response.StatusCode)
			}
		})
	}
}

func TestFailuresBeforeTheFirstByte(t *testing.T) {
	d := openURL(t, func(c *host.Config) { c.Timeout = 500 * time.Millisecond }, frontdoor.URLOptions{})
	for _, path := range []string{"/error", "/panic", "/sleep"} {
		response, body := d.do(t, "GET", path, "")
		if response.StatusCode != 502 || body != "Internal Server Error" {
			t.Errorf("%s: %d %q", path, response.StatusCode, body)
		}
		if response, _ := d.do(t, "GET", "/event", ""); response.StatusCode != 200 {
			t.Errorf("after %s: %d", path, response.StatusCode)
		}
	}
	if !strings.Contains(d.out.String(), "secret: on purpose") {
		t.Error("the cause is not in the log")
	}
	dead := openURL(t, func(c *host.Config) { c.Env = map[string]string{"INIT": "exit"} }, frontdoor.URLOptions{})
	if response, body := dead.do(t, "GET", "/event", ""); response.StatusCode != 502 || body != "Internal Server Error" {
		t.Errorf("init: %d %q", response.StatusCode, body)
	}
}

func TestStreamForms(t *testing.T) {
	d := openURL(t, nil, frontdoor.URLOptions{})
	const nul = "\x00\x00\x00\x00\x00\x00\x00\x00"
	for _, c := range []struct {
		name, stream string
		status       int
		body         string
	}{
		{"whole", `{"statusCode":201,"headers":{"X-Number":7}}` + nul + "body", 201, "body"},
		{"no status", `{}` + nul, 200, ""},
		{"NULs in the body", `{}` + nul + nul, 200, nul},
		{"no prelude", "", 502, ""},
		{"no separator", `{"statusCode":200}`, 502, ""},
		{"short separator", `{"statusCode":200}` + nul[:7], 502, ""},
		{"broken separator", `{"statusCode":200}` + nul[:7] + "body", 502, ""},
		{"no JSON", `{"statusCode":` + nul + "body", 502, ""},
		{"not an object", `[]` + nul, 502, ""},
		{"status of another type", `{"statusCode":{}}` + nul, 502, ""},
		{"status of no response", `{"statusCode":100}` + nul, 502, ""},
		{"status out of range", `{"statusCode":1000}` + nul, 502, ""},
		{"list in a header", `{"headers":{"A":["b"]}}` + nul, 502, ""},
		{"bad header name", `{"headers":{"A B":"c"}}` + nul, 502, ""},
		{"bad header value", `{"headers":{"A":"b\r\nc: d"}}` + nul, 502, ""},
		{"bad cookie", `{"cookies":["b\nc"]}` + nul, 502, ""},
		{"endless prelude", `{"a":"` + strings.Repeat("x", 2<<20), 502, ""},
	} {
		response, body := d.do(t, "POST", "/stream", c.stream)
		if c.status == 502 {
			c.body = "Internal Server Error"
		}
		if response.StatusCode != c.status || body != c.body {
			t.Errorf("%s: %d %q, want %d %q", c.name, response.StatusCode, body, c.status, c.body)
		}
	}
	response, body := d.do(t, "POST", "/bytes", "just bytes")
	if response.StatusCode != 200 || body != "just bytes" || response.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("without a prelude: %d %q %v", response.StatusCode, body, response.Header)
	}
	if s := d.function.Stats(); s.Crashes+s.Errors != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func TestResponseHeaders(t *testing.T) {
	d := openURL(t, nil, frontdoor.URLOptions{})
	prelude := `{"status":200,"headers":{"Date":"then","Server":"me","Connection":"close","Content-Length":"99","WWW-Authenticate":"Bearer",
		"Transfer-Encoding":"gzip","Upgrade":"x","Keep-Alive":"1","ETag":"\"e\"","set-cookie":"a=b"}}`
	response, body := d.do(t, "POST", "/head?body=hello", prelude)
	if body != "hello" {
		t.Errorf("body %q", body)
	}
	for name, want := range map[string]string{
		"X-Amzn-Remapped-Date": "then", "X-Amzn-Remapped-Server": "me", "X-Amzn-Remapped-Connection": "close",
		"X-Amzn-Remapped-Content-Length": "99", "X-Amzn-Remapped-Www-Authenticate": "Bearer",
		"Etag": `"e"`, "Set-Cookie": "a=b", "Content-Type": "application/octet-stream",
		"Server": "", "Www-Authenticate": "", "Upgrade": "", "Keep-Alive": "",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if date, err := http.ParseTime(response.Header.Get("Date")); err != nil || date.IsZero() {
		t.Errorf("date %q", response.Header.Get("Date"))
	}
}

// Responses without a body end when the head does, on a connection that can be
// used again.
func TestResponsesWithoutBody(t *testing.T) {
	d := openURL(t, nil, frontdoor.URLOptions{})
	c, err := net.Dial("tcp", d.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	from := bufio.NewReader(c)
	for _, r := range []struct {
		method string
		status int
	}{{"HEAD", 200}, {"POST", 204}, {"POST", 304}, {"HEAD", 404}, {"POST", 200}} {
		body := fmt.Sprintf(`{"status":%d,"headers":{"ETag":"x"}}`, r.status)
		fmt.Fprintf(c, "%s /head?body=unwanted HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", r.method, len(body), body)
		response, err := http.ReadResponse(from, &http.Request{Method: r.method})
		if err != nil {
			t.Fatalf("%s %d: %v", r.method, r.status, err)
		}
		if response.StatusCode != r.status || response.Header.Get("Etag") != "x" {
			t.Errorf("%s %d: got %d %v", r.method, r.status, response.StatusCode, response.Header)
		}
		want := ""
		if r.method == "POST" && r.status == 200 {
			want = "unwanted"
		}
		if got, err := io.ReadAll(response.Body); err != nil || string(got) != want {
			t.Errorf("%s %d: body %q, %v", r.method, r.status, got, err)
		}
	}
}

func TestRequestLimit(t *testing.T) {
	d := openURL(t, nil, frontdoor.URLOptions{})
	const message = `{"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`
	for _, c := range []struct {
		contentType string
		bytes       int
		status      int
	}{
		{"text/plain", 6<<20 - 4096, 200},
		{"text/plain", 6 << 20, 413}, // the body would fit, the event does not
		{"text/plain", 10 << 20, 413},
		{"application/octet-stream", 4_700_000, 200},
		{"application/octet-stream", 4_720_000, 413}, // in base64
	} {
		sent := strings.Repeat("x", c.bytes)
		response, body := d.do(t, "POST", "/body", sent, "Content-Type", c.contentType)
		if response.StatusCode != c.status {
			t.Errorf("%s, %d bytes: %d", c.contentType, c.bytes, response.StatusCode)
		}
		if c.status == 200 && body != sent {
			t.Errorf("%s, %d bytes: %d came back", c.contentType, c.bytes, len(body))
		}
		if c.status == 413 && body != message {
			t.Errorf("%s, %d bytes: %q", c.contentType, c.bytes, body)
		}
	}
}

func TestThrottled(t *testing.T) {
	d := openURL(t, func(c *host.Config) { c.Concurrency = 1 }, frontdoor.URLOptions{})
	g := newGate(t)
	first := make(chan *http.Response, 1)
	go func() {
		response, _ := http.Get(d.URL + "/get?url=" + url.QueryEscape(g.URL))
		first <- response
	}()
	g.wait(t)
	response, body := d.do(t, "GET", "/event", "")
	if response.StatusCode != 429 || response.Header.Get("X-Amzn-Errortype") != "TooManyRequestsException" || !strings.Contains(body, "Rate Exceeded.") {
		t.Errorf("%d %v %q", response.StatusCode, response.Header, body)
	}
	g.open <- struct{}{}
	if r := <-first; r == nil || r.StatusCode != 200 {
		t.Errorf("the first: %+v", r)
	} else {
		r.Body.Close()
	}
}

// A client that leaves does not stop the function, before its answer or during it.
func TestClientLeaves(t *testing.T) {
	for _, path := range []string{"/get?", "/chunks?n=3&"} {
		d := openURL(t, nil, frontdoor.URLOptions{})
		g := newGate(t)
		c, err := net.Dial("tcp", d.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET %surl=%s HTTP/1.1\r\nHost: x\r\n\r\n", path, url.QueryEscape(g.URL))
		g.wait(t)
		c.Close()
		for range 3 {
			g.open <- struct{}{}
		}
		eventually(t, path+" ends", func() bool { return d.function.Stats().Processes[0].State == host.Frozen })
		if path == "/chunks?n=3&" && g.wait(t)+g.wait(t) != "12" {
			t.Error("the function did not write all chunks")
		}
		if response, _ := d.do(t, "GET", "/event", ""); response.StatusCode != 200 {
			t.Errorf("next: %d", response.StatusCode)
		}
		if s := d.function.Stats(); s.ColdStarts != 1 || s.Errors+s.Crashes+s.Timeouts != 0 {
			t.Errorf("stats: %+v", s)
		}
	}
}

func TestEncodedPath(t *testing.T) {
	d := openURL(t, nil, frontdoor.URLOptions{})
	// Nothing but the event tells, so it is one that the function does not know.
	direct := httptest.NewRecorder()
	seen := &recording{}
	frontdoor.FunctionURL(seen, frontdoor.URLOptions{}).ServeHTTP(direct, httptest.NewRequest("GET", "/a%2Fb/c%20d//e?x=%2F", nil))
	var e struct {
		RawPath, RawQueryString string
		RequestContext          struct{ HTTP struct{ Path string } }
	}
	if err := json.Unmarshal(seen.payload, &e); err != nil {
		t.Fatal(err)
	}
	if e.RawPath != "/a%2Fb/c%20d//e" || e.RequestContext.HTTP.Path != "/a/b/c d//e" || e.RawQueryString != "x=%2F" {
		t.Errorf("%+v", e)
	}
	if response, _ := d.do(t, "GET", "/nothing", ""); response.StatusCode != 404 {
		t.Errorf("unknown path: %d", response.StatusCode)
	}
}

// A request whose body does not arrive invokes nothing.
func TestBrokenRequest(t *testing.T) {
	seen := &recording{}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/", iotest.ErrReader(io.ErrUnexpectedEOF))
	frontdoor.FunctionURL(seen, frontdoor.URLOptions{}).ServeHTTP(w, r)
	if w.Code != 400 || seen.payload != nil {
		t.Errorf("status %d, invoked with %q", w.Code, seen.payload)
	}
}
