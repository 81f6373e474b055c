package protocol

import (
	"strings"
	"testing"
	"time"
)

const (
	kept       = "public, max-age=60, stale-while-revalidate=300"
	immutable  = kept + ", immutable"
	revalidate = "public, no-cache"
)

func TestRead(t *testing.T) {
	const get = "GET /v1/stream/s"
	atTail := func(n uint64) header {
		return header{
			"Content-Type": "text/plain", "Stream-Next-Offset": at(n), "Stream-Up-To-Date": "true",
			"Stream-Closed": absent, "Cache-Control": revalidate, "Etag": "~^\"[0-9a-f]{32}:.*:t\"$",
		}
	}
	runScenarios(t, []scenario{
		{"nothing there", []step{createText, {do: get, status: 200, want: atTail(0)}}},
		{"from the start", []step{
			createText, appendText("hello"),
			{do: get, status: 200, want: atTail(5), text: "hello"},
			{do: get + "?offset=-1", status: 200, want: header{"Content-Length": "5"}, text: "hello"},
			{do: get + "?unknown=1&cursor=2", status: 200, text: "hello"},
		}},
		{"from an offset", []step{
			createText, appendText("hello"), appendText(" world"),
			{do: get + "?offset=" + at(5), status: 200, want: atTail(11), text: " world"},
			{do: get + "?offset=" + at(8), status: 200, want: atTail(11), text: "rld"},
			{do: get + "?offset=" + at(11), status: 200, want: atTail(11)},
		}},
		{"JSON", []step{
			createJSON, appendJSON(`[1,2,3]`),
			{do: get + "?offset=" + at(1), status: 200, want: header{"Content-Type": "application/json"}, text: "[2,3]"},
			{do: get + "?offset=" + at(3), status: 200, text: "[]"},
		}},
		{"JSON keeps what was written", []step{
			createJSON, appendJSON(`[1.0, 12345678901234567890, {"a":1,"a":2}, "\u00e9<é>"]`),
			{do: get, status: 200, text: `[1.0,12345678901234567890,{"a":1,"a":2},"\u00e9<é>"]`},
		}},
		{"now", []step{
			createText, appendText("hello"),
			{do: get + "?offset=now", status: 200, want: header{
				"Stream-Next-Offset": at(5), "Stream-Up-To-Date": "true", "Cache-Control": "no-store", "Etag": absent,
			}},
			{do: get + "?offset=now", with: header{"If-None-Match": "*"}, status: 200},
		}},
		{"now in JSON", []step{createJSON, appendJSON("1"), {do: get + "?offset=now", status: 200, text: "[]"}}},
		{"now when closed", []step{createText, closeIt, {do: get + "?offset=now", status: 200, want: header{"Stream-Closed": "true", "Stream-Up-To-Date": "true"}}}},
		{"closed", []step{
			createText, appendText("hello"), closeIt,
			{do: get, status: 200, want: header{"Stream-Closed": "true", "Stream-Up-To-Date": "true", "Cache-Control": immutable, "Etag": "~:c\"$"}, text: "hello"},
			{do: get + "?offset=" + at(5), status: 200, want: header{"Stream-Closed": "true", "Stream-Up-To-Date": "true", "Stream-Next-Offset": at(5)}},
		}},
		{"bytes are not for browsers to show", []step{
			{do: "PUT /v1/stream/s", body: "\x00\xff", status: 201},
			{do: get, status: 200, want: header{"Content-Disposition": "attachment", "Content-Type": "application/octet-stream", "Content-Security-Policy": "sandbox; default-src 'none'"}, text: "\x00\xff"},
		}},
		{"not there", []step{
			{do: get, status: 404},
			{do: get + "?offset=now", status: 404},
			{do: get + "?offset=-1&live=long-poll", status: 404},
			{do: get + "?offset=-1&live=sse", status: 404},
		}},
	})
	for name, query := range map[string]string{
		"empty offset":          "offset=",
		"two offsets":           "offset=-1&offset=-1",
		"offset with comma":     "offset=0,1",
		"offset with space":     "offset=0%201",
		"offset with plus":      "offset=0+1",
		"sentinel and newline":  "offset=-1%0A",
		"sentinel and NUL":      "offset=now%00",
		"sentinel in capitals":  "offset=NOW",
		"path":                  "offset=../etc/passwd",
		"token and newline":     "offset=" + at(1) + "%0A",
		"token without a part":  "offset=0000000000000000",
		"token beyond the tail": "offset=" + at(6),
		"bad escape":            "offset=%zz",
		"semicolon":             "offset=-1;live=sse",
		"unknown live":          "offset=-1&live=true",
		"empty live":            "offset=-1&live=",
		"two lives":             "offset=-1&live=sse&live=sse",
		"long-poll from where":  "live=long-poll",
		"sse from where":        "live=sse",
		"very long":             "offset=" + strings.Repeat("9", 5000),
	} {
		runScenarios(t, []scenario{{name, []step{createText, appendText("hello"), {do: get + "?" + query, status: 400}}}})
	}
}

// A page that does not reach the tail says neither that it does nor that the
// stream is closed.
func TestReadPages(t *testing.T) {
	runScenarios(t, []scenario{{"pages", []step{
		createText, appendText("aaaa"), appendText("bbbb"), appendText("ccc"), closeIt,
		{do: "GET /v1/stream/s", status: 200, text: "aaaa", want: header{
			"Stream-Next-Offset": at(4), "Stream-Up-To-Date": absent, "Stream-Closed": absent,
			"Cache-Control": immutable, "Etag": "~[0-9]\"$",
		}},
		{do: "GET /v1/stream/s?offset=" + at(4), status: 200, text: "bbbb", want: header{"Stream-Next-Offset": at(8), "Stream-Closed": absent}},
		{do: "GET /v1/stream/s?offset=" + at(8), status: 200, text: "ccc", want: header{"Stream-Next-Offset": at(11), "Stream-Closed": "true"}},
	}}}, func(s *setup) { s.PageSize = 6 })
}

// What does not change may be kept for longer, if the operator says so.
func TestPageMaxAge(t *testing.T) {
	runScenarios(t, []scenario{{"a day", []step{
		createText, appendText("aaaa"), appendText("bbbb"), appendText("c"),
		{do: "GET /v1/stream/s", status: 200, text: "aaaa", want: header{"Cache-Control": "public, max-age=86400, stale-while-revalidate=300, immutable"}},
		{do: "GET /v1/stream/s?offset=" + at(8), status: 200, text: "c", want: header{"Cache-Control": revalidate}},
		{do: "GET /v1/stream/s?live=long-poll&offset=" + at(8), status: 200, text: "c", want: header{"Cache-Control": kept}},
	}}}, func(s *setup) { s.PageSize, s.PageMaxAge = 6, 24*time.Hour })
}

// Nothing is to be kept beyond the end of its stream.
func TestCachingOfExpiringStream(t *testing.T) {
	runScenarios(t, []scenario{{"expiring", []step{
		{do: "PUT /v1/stream/s", with: header{"Stream-Closed": "true", "Stream-Expires-At": epoch.Add(90 * time.Second).Format(time.RFC3339)}, status: 201},
		{do: "GET /v1/stream/s", status: 200, want: header{"Cache-Control": "public, max-age=60"}},
		{after: 60 * time.Second, do: "GET /v1/stream/s", status: 200, want: header{"Cache-Control": "public, max-age=30"}},
		{after: 29500 * time.Millisecond, do: "GET /v1/stream/s", status: 200, want: header{"Cache-Control": "public, max-age=0"}},
	}}})
}

func TestETag(t *testing.T) {
	k := newKit(t, func(s *setup) { s.PageSize = 6 })
	get := step{do: "GET /v1/stream/s", status: 200}
	seen := map[string]bool{}
	fresh := func(text string) string {
		t.Helper()
		get.text = text
		tag := k.run(t, get).Header().Get("ETag")
		if seen[tag] {
			t.Errorf("ETag %s is not new", tag)
		}
		seen[tag] = true
		return tag
	}
	k.run(t, createText)
	fresh("")
	k.run(t, appendText("aaaa"))
	tail := fresh("aaaa")
	for _, match := range []string{tail, "W/" + tail, "*", `"x", ` + tail, `W/"y" , W/` + tail + `,"z"`, "\"x\"\n" + tail} {
		k.run(t, step{do: get.do, with: header{"If-None-Match": match}, status: 304, want: header{
			"Etag": tail, "Cache-Control": revalidate, "Stream-Next-Offset": at(4), "Stream-Up-To-Date": "true",
		}})
	}
	for _, other := range []string{`"wrong-etag"`, strings.Trim(tail, `"`), `W/`, `"`, ",,", `x ` + tail, `"unterminated, ` + tail} {
		k.run(t, step{do: get.do, with: header{"If-None-Match": other}, status: 200, text: "aaaa"})
	}
	// The page stays the same and is not the last one any more.
	k.run(t, appendText("bbbb"))
	fresh("aaaa")

	k.run(t, deleteIt)
	k.run(t, createText)
	k.run(t, appendText("aaaa"))
	fresh("aaaa")
	k.run(t, closeIt)
	fresh("aaaa")
}
