package lambdahttp

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzEvent: no input does harm, and a request comes out as it went in. (It is inside
// the package because a fuzzer that sees goroutines come and go learns nothing.)
func FuzzEvent(f *testing.F) {
	paths, err := filepath.Glob("../../events/*/*.json")
	if err != nil || len(paths) == 0 {
		f.Fatal("no events: ", err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "GET", "/a%2Fb", "q=1", []byte("body"), true)
	}
	f.Add([]byte(`{"version":"2.0","body":"`), "POST", "/", "", []byte{0xff, 0}, false)
	f.Add([]byte(`{"body":"\`), "POST", "/%", "", []byte(`"`), false)
	f.Add([]byte(`{"body":"a","version":"2.0"}`), "DELETE", "/\u00e9", "a b", []byte("\\\\"), false)
	f.Fuzz(func(t *testing.T, arbitrary []byte, method, path, query string, body []byte, encoded bool) {
		var e Event
		_ = e.UnmarshalJSON(arbitrary) // not even JSON, perhaps
		if _, err := e.httpRequest(t.Context()); err != nil && !errors.Is(err, UnknownEventError{}) && !errors.Is(err, errMalformed) {
			t.Errorf("%q: %v", arbitrary, err)
		}
		if json.Valid(arbitrary) {
			sameBody(t, arbitrary)
		}
		roundTrip(t, method, path, query, body, encoded)
	})
}

// An event that is decoded into twice is the second one.
func TestEventKeepsNothing(t *testing.T) {
	var e Event
	for _, c := range []struct{ members, want string }{
		{`"headers":{"a":"b"},"body":"AAAA","isBase64Encoded":true`, "\x00\x00\x00"},
		{`"body":"text"`, "text"},
		{`"rawQueryString":""`, ""},
	} {
		payload := []byte(`{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"POST"}},` + c.members + `}`)
		if err := json.Unmarshal(payload, &e); err != nil {
			t.Fatal(err)
		}
		clear(payload) // the runtime uses its buffer again
		r, err := e.httpRequest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != c.want || (len(r.Header) > 0) != (c.want == "\x00\x00\x00") {
			t.Errorf("%s: body %q, header %v, %v", c.members, body, r.Header, err)
		}
	}
}

// sameBody checks that encoding/json finds the same body.
func sameBody(t *testing.T, event []byte) {
	var e Event
	if err := json.Unmarshal(event, &e); err != nil {
		t.Fatalf("%q: %v", event, err)
	}
	r, err := e.httpRequest(context.Background())
	if err != nil {
		return
	}
	var like struct {
		Body            string
		IsBase64Encoded bool
	}
	if err := json.Unmarshal(event, &like); err != nil {
		t.Fatalf("%q: %v", event, err)
	}
	want := []byte(like.Body)
	if like.IsBase64Encoded {
		if want, err = base64.StdEncoding.DecodeString(like.Body); err != nil {
			t.Fatalf("%q: %v", event, err)
		}
	}
	if got, err := io.ReadAll(r.Body); err != nil || string(got) != string(want) {
		t.Errorf("%q: body %q, %v", event, got, err)
	}
}

// roundTrip makes an event of a request, and the request of the event.
func roundTrip(t *testing.T, method, path, query string, body []byte, encoded bool) {
	like, err := http.NewRequest(method, "http://host"+path, nil)
	if err != nil || method == "" || !strings.HasPrefix(path, "/") || like.URL.EscapedPath() != path {
		return // no such request can come
	}
	for _, text := range []string{method, path, query} {
		if !utf8.ValidString(text) {
			return
		}
	}
	if encoded = encoded || !utf8.Valid(body); encoded {
		body = []byte(base64.StdEncoding.EncodeToString(body))
	}
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": path, "rawQueryString": query, "body": string(body), "isBase64Encoded": encoded,
		"requestContext": map[string]any{"http": map[string]any{"method": method}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := json.Unmarshal(event, &e); err != nil {
		t.Fatal(err)
	}
	r, err := e.httpRequest(context.Background())
	if err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	got, err := io.ReadAll(r.Body)
	if err != nil || r.ContentLength != int64(len(got)) {
		t.Errorf("%s: %d bytes of %d, %v", event, len(got), r.ContentLength, err)
	}
	if encoded {
		got = []byte(base64.StdEncoding.EncodeToString(got))
	}
	if r.Method != method || r.URL.EscapedPath() != path || r.URL.Path != like.URL.Path || r.URL.RawQuery != query || string(got) != string(body) {
		t.Errorf("%s: %s %q ? %q, body %q", event, r.Method, r.URL.EscapedPath(), r.URL.RawQuery, got)
	}
}
