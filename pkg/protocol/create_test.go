package protocol

import (
	"crypto/tls"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestCreate(t *testing.T) {
	const path = "PUT /v1/stream/s"
	text := header{"Content-Type": "text/plain"}
	runScenarios(t, []scenario{
		{"new", []step{{do: path, with: text, status: 201, want: header{
			"Content-Type": "text/plain", "Stream-Next-Offset": at(0),
			"Location": "http://example.com/v1/stream/s", "Stream-Closed": absent,
		}}}},
		{"again", []step{createText, {do: path, with: text, status: 200, want: header{
			"Content-Type": "text/plain", "Stream-Next-Offset": at(0), "Location": absent,
		}}}},
		{"again, type in other case and with parameter: the first one stays", []step{createText, {
			do: path, with: header{"Content-Type": "Text/Plain; charset=utf-8"}, status: 200,
			want: header{"Content-Type": "text/plain"},
		}}},
		{"again, other type", []step{createText, {do: path, with: header{"Content-Type": "text/html"}, status: 409}}},
		{"again, closed meanwhile", []step{
			createText, closeIt,
			{do: path, with: text, status: 409},
			{do: path, with: header{"Content-Type": "text/plain", "Stream-Closed": "true"}, status: 200,
				want: header{"Stream-Closed": "true"}},
		}},
		{"again closed, but open", []step{createText, {
			do: path, with: header{"Content-Type": "text/plain", "Stream-Closed": "true"}, status: 409,
		}}},
		{"type is kept as written", []step{{
			do: path, with: header{"Content-Type": "application/JSON; Charset=UTF-8"}, body: "[1]", status: 201,
			want: header{"Content-Type": "application/JSON; Charset=UTF-8", "Stream-Next-Offset": at(1)},
		}}},
		{"no type", []step{{do: path, status: 201, want: header{"Content-Type": "application/octet-stream"}}}},
		{"with text", []step{
			{do: path, with: text, body: "hello", status: 201, want: header{"Stream-Next-Offset": at(5)}},
			{do: "GET /v1/stream/s", status: 200, text: "hello"},
		}},
		{"with JSON", []step{
			{do: path, with: header{"Content-Type": "application/json"}, body: ` [1, {"a": [2]}] `, status: 201, want: header{"Stream-Next-Offset": at(2)}},
			{do: "GET /v1/stream/s", status: 200, text: `[1,{"a":[2]}]`},
		}},
		{"with an empty array", []step{
			{do: path, with: header{"Content-Type": "application/json"}, body: "[]", status: 201, want: header{"Stream-Next-Offset": at(0)}},
			{do: "GET /v1/stream/s", status: 200, want: header{"Stream-Up-To-Date": "true"}, text: "[]"},
		}},
		{"with bad JSON", []step{
			{do: path, with: header{"Content-Type": "application/json"}, body: "{", status: 400},
			{do: "HEAD /v1/stream/s", status: 404},
		}},
		{"closed", []step{
			{do: path, with: header{"Content-Type": "text/plain", "Stream-Closed": "TRUE"}, body: "all", status: 201,
				want: header{"Stream-Closed": "true", "Stream-Next-Offset": at(3)}},
			{do: "POST /v1/stream/s", with: text, body: "more", status: 409,
				want: header{"Stream-Closed": "true", "Stream-Next-Offset": at(3)}},
		}},
		{"Stream-Closed counts only if true", []step{
			{do: path, with: header{"Content-Type": "text/plain", "Stream-Closed": "1"}, status: 201, want: header{"Stream-Closed": absent}},
		}},
		{"segments and escapes", []step{
			{do: "PUT /v1/stream/a/b%20c/~d%7E", with: text, status: 201, want: header{"Location": "http://example.com/v1/stream/a/b%20c/~d%7E"}},
			{do: "HEAD /v1/stream/a/b%20c/%7Ed~", status: 200},
			{do: "HEAD /v1/stream/a", status: 404},
		}},
		{"behind a proxy", []step{
			{do: path, with: header{"X-Forwarded-Proto": "HTTPS, http"}, status: 201, want: header{"Location": "https://example.com/v1/stream/s"}},
		}},
		{"behind a proxy that has the name", []step{
			{do: path, with: header{"X-Forwarded-Host": "streams.example.org:8443, inner"}, status: 201, want: header{"Location": "http://streams.example.org:8443/v1/stream/s"}},
		}},
		{"behind a proxy with a strange name", []step{
			{do: path, with: header{"X-Forwarded-Host": "evil.example/x?"}, status: 201, want: header{"Location": "http://example.com/v1/stream/s"}},
			{do: "PUT /v1/stream/t", with: header{"X-Forwarded-Host": "a@evil.example"}, status: 201, want: header{"Location": "http://example.com/v1/stream/t"}},
		}},
		{"Expires-At in lower case", []step{
			{do: path, with: header{"Stream-Expires-At": "2100-01-01t00:00:00z"}, status: 201},
		}},
		{"behind a strange proxy", []step{
			{do: path, with: header{"X-Forwarded-Proto": "javascript"}, status: 201, want: header{"Location": "http://example.com/v1/stream/s"}},
		}},
	})
}

func TestCreateRefuses(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, with := range map[string]header{
		"TTL and Expires-At":      {"Stream-TTL": "60", "Stream-Expires-At": "2030-01-01T00:00:00Z"},
		"TTL abc":                 {"Stream-TTL": "abc"},
		"TTL empty":               {"Stream-TTL": ""},
		"TTL negative":            {"Stream-TTL": "-1"},
		"TTL leading zero":        {"Stream-TTL": "00060"},
		"TTL plus":                {"Stream-TTL": "+60"},
		"TTL fraction":            {"Stream-TTL": "60.5"},
		"TTL exponent":            {"Stream-TTL": "1e3"},
		"TTL too long":            {"Stream-TTL": "3153600001"},
		"TTL beyond 64 bits":      {"Stream-TTL": "99999999999999999999999"},
		"TTL twice":               {"Stream-TTL": "60\n60"},
		"Expires-At no time":      {"Stream-Expires-At": "not-a-timestamp"},
		"Expires-At no zone":      {"Stream-Expires-At": "2030-01-01T00:00:00"},
		"Expires-At 1970":         {"Stream-Expires-At": "1970-01-01T00:00:00Z"},
		"Expires-At year 1":       {"Stream-Expires-At": "0001-01-01T00:00:00Z"},
		"type without subtype":    {"Content-Type": "text"},
		"type with bad parameter": {"Content-Type": "text/plain; charset"},
		"type with spaces":        {"Content-Type": "text / plain"},
		"type too long":           {"Content-Type": "text/" + long},
		"type twice":              {"Content-Type": "text/plain\ntext/plain"},
		"fork offset alone":       {"Stream-Fork-Offset": at(1)},
		"fork sub-offset alone":   {"Stream-Fork-Sub-Offset": "1"},
	} {
		runScenarios(t, []scenario{{name, []step{
			{do: "PUT /v1/stream/s", with: with, status: 400},
			{do: "HEAD /v1/stream/s", status: 404},
		}}})
	}
}

func TestExpiry(t *testing.T) {
	ttl := func(s string) step {
		return step{do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain", "Stream-TTL": s}, status: 201}
	}
	until := func(at time.Time) step {
		return step{do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain", "Stream-Expires-At": at.Format(time.RFC3339Nano)}, status: 201}
	}
	gone := func(after time.Duration) step { return step{after: after, do: "HEAD /v1/stream/s", status: 404} }
	there := func(after time.Duration) step { return step{after: after, do: "HEAD /v1/stream/s", status: 200} }
	touch := func(s step) step { s.after = 1500 * time.Millisecond; return s }
	read := step{do: "GET /v1/stream/s", status: 200}
	runScenarios(t, []scenario{
		{"TTL ends", []step{ttl("2"), there(1900 * time.Millisecond), gone(300 * time.Millisecond)}},
		{"TTL 0 ends at once", []step{ttl("0"), gone(0)}},
		{"the longest TTL", []step{ttl("3153600000"), there(99 * 365 * 24 * time.Hour)}},
		{"renewed by an append", []step{ttl("2"), touch(appendText("x")), there(1500 * time.Millisecond), gone(time.Second)}},
		{"renewed by a read", []step{ttl("2"), touch(read), there(1500 * time.Millisecond), gone(time.Second)}},
		{"renewed by offset=now", []step{ttl("2"), touch(step{do: "GET /v1/stream/s?offset=now", status: 200}), there(1500 * time.Millisecond)}},
		{"renewed by a close", []step{ttl("2"), touch(closeIt), there(1500 * time.Millisecond)}},
		{"not renewed by HEAD", []step{ttl("2"), touch(there(0)), gone(time.Second)}},
		{"Expires-At is never renewed", []step{until(epoch.Add(2 * time.Second)), touch(read), there(400 * time.Millisecond), gone(100 * time.Millisecond)}},
		{"after the end the name is free", []step{ttl("1"), {
			after: 2 * time.Second, do: "PUT /v1/stream/s", with: header{"Content-Type": "application/json", "Stream-TTL": "9"}, status: 201,
		}}},
		{"same TTL", []step{ttl("60"), {do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain", "Stream-TTL": "60"}, status: 200}}},
		{"other TTL", []step{ttl("60"), {do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain", "Stream-TTL": "61"}, status: 409}}},
		{"same Expires-At, written otherwise", []step{
			{do: "PUT /v1/stream/s", with: header{"Stream-Expires-At": "2030-01-01T00:00:00.123Z"}, status: 201},
			{do: "PUT /v1/stream/s", with: header{"Stream-Expires-At": "2030-01-01T01:00:00.1230+01:00"}, status: 200},
		}},
	})
}

func TestLocation(t *testing.T) {
	r := httptest.NewRequest("PUT", "/v1/stream/s", nil)
	r.TLS = &tls.ConnectionState{}
	if got, want := location(r), "https://example.com/v1/stream/s"; got != want {
		t.Errorf("location is %q, want %q", got, want)
	}
	r.Host = ""
	if got, want := location(r), "/v1/stream/s"; got != want {
		t.Errorf("location without a host is %q, want %q", got, want)
	}
}
