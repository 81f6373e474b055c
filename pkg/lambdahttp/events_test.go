package lambdahttp_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

const eventsDir = "../../events"

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(eventsDir, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// names lists the files of a folder of events.
func names(t testing.TB, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(eventsDir, folder, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no events in %s: %v", folder, err)
	}
	for i, p := range paths {
		paths[i] = folder + "/" + filepath.Base(p)
	}
	return paths
}

const (
	demo  = "/v1/stream/demo"
	files = "/v1/stream/files/caf%C3%A9%20one"
)

// Each event of a function URL, as the request that it must become.
var functionURLs = map[string]struct {
	method, path, query string
	header              map[string]string
	body                string
}{
	"create":           {method: "PUT", path: demo, header: map[string]string{"Content-Type": "application/json"}},
	"append":           {method: "POST", path: demo, header: map[string]string{"Content-Type": "application/json"}, body: `{"from":"ann","text":"hello, \"wörld\""}`},
	"append-producer":  {method: "POST", path: demo, header: map[string]string{"Producer-Id": "worker-1", "Producer-Epoch": "0", "Producer-Seq": "0"}, body: `[{"from":"bob","text":"once"},{"from":"bob","text":"twice"}]`},
	"append-and-close": {method: "POST", path: demo, header: map[string]string{"Stream-Closed": "true"}, body: `{"from":"ann","text":"bye"}`},
	"create-binary":    {method: "PUT", path: files, header: map[string]string{"Content-Type": "application/octet-stream", "Stream-Ttl": "3600"}},
	"append-binary": {method: "POST", path: files, header: map[string]string{"Content-Type": "application/octet-stream"},
		body: "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x00\x00\x00\x00\x00\x00\x00\x00\xff\xfe"},
	"read":      {method: "GET", path: demo, query: "offset=-1", header: map[string]string{"If-None-Match": `"a", "b"`}},
	"long-poll": {method: "GET", path: demo, query: "offset=0000000000000000_0000000000000001&live=long-poll&cursor=1044", header: map[string]string{"User-Agent": "node"}},
	"sse":       {method: "GET", path: demo, query: "offset=-1&live=sse", header: map[string]string{"Accept": "text/event-stream", "Cookie": "session=abc123; theme=dark"}},
	"head":      {method: "HEAD", path: demo},
	"delete":    {method: "DELETE", path: demo},
}

func TestEventsOfFunctionURL(t *testing.T) {
	paths := names(t, "functionurl")
	if len(paths) != len(functionURLs) {
		t.Errorf("%d events, %d expectations", len(paths), len(functionURLs))
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			want, ok := functionURLs[name]
			if !ok {
				t.Fatal("nothing is expected of it")
			}
			a := call(t, handle(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || string(body) != want.body || r.ContentLength != int64(len(want.body)) {
					t.Errorf("body %q of %d bytes, %v", body, r.ContentLength, err)
				}
				if r.Method != want.method || r.URL.EscapedPath() != want.path || r.URL.RawQuery != want.query {
					t.Errorf("%s %s ? %s", r.Method, r.URL.EscapedPath(), r.URL.RawQuery)
				}
				for name, value := range want.header {
					if r.Header.Get(name) != value {
						t.Errorf("%s: %q, want %q", name, r.Header.Get(name), value)
					}
				}
				if r.Host != "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws" || r.RemoteAddr != "203.0.113.7:0" || r.Header.Get("X-Forwarded-Proto") != "https" {
					t.Errorf("host %q, remote address %q, header %v", r.Host, r.RemoteAddr, r.Header)
				}
				w.WriteHeader(http.StatusAccepted)
			}), read(t, path))
			if a.StatusCode != http.StatusAccepted || a.err != nil {
				t.Errorf("answered %d %q, %v", a.StatusCode, a.body, a.err)
			}
		})
	}
}

// An HTTP API's events have the same format, so they are served.
func TestEventsOfHTTPAPI(t *testing.T) {
	for _, path := range names(t, "httpapi") {
		a := call(t, handle(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "POST" || r.URL.Path != demo || r.Header.Get("Cookie") != "session=abc123; theme=dark" {
				t.Errorf("%s %s, %v", r.Method, r.URL, r.Header)
			}
		}), read(t, path))
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
}

func TestEventsOfOthersAreRefused(t *testing.T) {
	for _, path := range append(names(t, "alb"), names(t, "dynamodb")...) {
		unknown(t, path, refused(t, read(t, path)))
	}
}

// The events of the change stream are what the runtime's types expect, with nothing
// lost on the way.
func TestEventsOfDynamoDB(t *testing.T) {
	for _, path := range names(t, "dynamodb") {
		raw := read(t, path)
		var e events.DynamoDBEvent
		if err := json.Unmarshal([]byte(raw), &e); err != nil || len(e.Records) == 0 {
			t.Fatalf("%s: %v", path, err)
		}
		back, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		var was, is map[string][]map[string]any
		if err := errors.Join(json.Unmarshal([]byte(raw), &was), json.Unmarshal(back, &is)); err != nil {
			t.Fatal(err)
		}
		for i, r := range e.Records {
			change := r.Change
			if !reflect.DeepEqual(was["Records"][i]["dynamodb"], is["Records"][i]["dynamodb"]) {
				t.Errorf("%s: record %d\nwas %v\n is %v", path, i, was["Records"][i], is["Records"][i])
			}
			hasNew, hasOld := len(change.NewImage) > 0, len(change.OldImage) > 0
			if hasNew != (r.EventName != "REMOVE") || hasOld != (r.EventName != "INSERT") || change.SequenceNumber == "" || len(change.Keys) != 2 {
				t.Errorf("%s: record %d, %s: %+v", path, i, r.EventName, change)
			}
			if byTTL := r.UserIdentity != nil && r.UserIdentity.PrincipalID == "dynamodb.amazonaws.com"; byTTL != strings.HasSuffix(path, "/expire.json") {
				t.Errorf("%s: removed by the table: %v", path, byTTL)
			}
		}
	}
}
