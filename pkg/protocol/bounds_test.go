package protocol

import (
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestBoundOfHeaders(t *testing.T) {
	// The path has 12 bytes, "X-Filler" 8.
	k := newKit(t, func(s *setup) { s.Bounds.Header = 100 })
	k.run(t, step{do: "GET /v1/stream/s", with: header{"X-Filler": strings.Repeat("x", 80)}, status: 404})
	for _, s := range []step{
		{do: "GET /v1/stream/s", with: header{"X-Filler": strings.Repeat("x", 81)}},
		{do: "OPTIONS /v1/stream/s", with: header{"X-Filler": strings.Repeat("x", 81)}},
		{do: "GET /v1/stream/s?token=" + strings.Repeat("x", 83)},
		{do: "GET /v1/stream/" + strings.Repeat("x", 90)},
	} {
		s.status = 431
		k.run(t, s)
	}
	// Headers are looked at before anything else is, even who sent them.
	k = newKit(t, gated(gate{}))
	k.run(t, step{do: "GET /v1/stream/s", with: header{"Authorization": strings.Repeat("x", 32<<10)}, status: 431})
}

func TestBoundOfNames(t *testing.T) {
	k := newKit(t, func(s *setup) { s.Bounds.Name = 5 })
	k.run(t, step{do: "PUT /v1/stream/12345", status: 201})
	k.run(t, step{do: "PUT /v1/stream/%31%32%33%34%35", status: 200})
	k.run(t, step{do: "PUT /v1/stream/123456", status: 400, text: "the stream id has 6 bytes; at most 5 are allowed\n"})
	k.run(t, step{do: "PUT /v1/stream/fork", with: header{"Stream-Forked-From": "/v1/stream/123456"}, status: 400})
}

func TestBoundsOfJSON(t *testing.T) {
	json := header{"Content-Type": "application/json"}
	k := newKit(t, func(s *setup) { s.Bounds.JSONDepth, s.Bounds.Messages = 3, 2 })
	k.run(t, createJSON)
	for body, status := range map[string]int{
		`[[1]]`: 204, `{"a":{"b":{}}}`: 204, `{"a":[{"b":1}]}`: 204, `[[[[]]]]`: 204, `"[[[[[["`: 204, `[{"a":"{{{{[["}]`: 204, `[1,2]`: 204, `[[1,2,3],[4,5,6]]`: 204,
		`{"a":{"b":{"c":{}}}}`: 400, `[[[[[]]]]]`: 400, `{"a":[[[1]]]}`: 400, `[1,{"a":[[[]]]}]`: 400, `[1,2,3]`: 413, `[1,[2],{}]`: 413,
	} {
		k.run(t, step{do: "POST /v1/stream/s", with: json, body: body, status: status})
		create := status
		if status == 204 {
			create = 201
		}
		k.run(t, step{do: "PUT /v1/stream/" + strings.Repeat("n", len(body)) + strings.Map(func(r rune) rune { return 'a' + r%26 }, body), with: json, body: body, status: create})
	}
	// By default, too.
	k = newKit(t)
	k.run(t, createJSON)
	k.run(t, appendJSON(strings.Repeat("[", 501)+strings.Repeat("]", 501)))
	k.run(t, step{do: "POST /v1/stream/s", with: json, body: strings.Repeat("[", 502) + strings.Repeat("]", 502), status: 400})
	k.run(t, step{do: "POST /v1/stream/s", with: json, body: "[1" + strings.Repeat(",1", 100_000) + "]", status: 413})
}

func TestBoundOfLives(t *testing.T) {
	at := func(d time.Duration) string { return epoch.Add(d).Format(time.RFC3339) }
	k := newKit(t, func(s *setup) { s.Bounds.Life = time.Hour })
	for _, c := range []struct {
		with   header
		status int
	}{
		{header{"Stream-TTL": "3600"}, 201}, {header{"Stream-TTL": "3601"}, 400},
		{header{"Stream-Expires-At": at(time.Hour)}, 201}, {header{"Stream-Expires-At": at(time.Hour + time.Second)}, 400},
		{header{}, 400},
	} {
		k.run(t, step{do: "PUT /v1/stream/s", with: c.with, status: c.status})
		if c.status == 201 {
			// A fork has the life of its source.
			k.run(t, step{do: "PUT /v1/stream/f", with: header{"Stream-Forked-From": "/v1/stream/s"}, status: 201})
			k.run(t, step{do: "PUT /v1/stream/g", with: header{"Stream-Forked-From": "/v1/stream/s", "Stream-TTL": "7200"}, status: 400})
			k.run(t, step{do: "DELETE /v1/stream/f", status: 204})
			k.run(t, deleteIt)
		}
	}
}

func TestBoundOfLiveReaders(t *testing.T) {
	bubble(t, "two", func(t *testing.T) {
		k := newKit(t, func(s *setup) { s.Bounds.LiveReaders = 2; s.LongPollWait = time.Second })
		k.run(t, createText)
		poll := step{do: "GET /v1/stream/s?offset=now&live=long-poll", status: 204}
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() { k.run(t, poll) })
		}
		synctest.Wait()
		for _, live := range []string{"long-poll", "sse"} {
			k.run(t, step{do: "GET /v1/stream/s?offset=now&live=" + live, status: 503, want: header{"Retry-After": "1"}})
		}
		k.run(t, step{do: "GET /v1/stream/s?offset=now", status: 200})
		all.Wait()
		// Whoever leaves makes room, also if there was nothing to read.
		k.run(t, step{do: "GET /v1/stream/absent?offset=now&live=sse", status: 404})
		k.run(t, step{do: "GET /v1/stream/absent?offset=now&live=long-poll", status: 404})
		k.run(t, poll)
	})
}

func TestOrigins(t *testing.T) {
	const ours, other = "https://app.example.com", "https://other.example.com"
	k := newKit(t, func(s *setup) { s.Origins = []string{"https://first.example.com", ours} })
	for origin, want := range map[string]string{ours: ours, other: absent, "": absent, "null": absent, ours + ".evil.com": absent, "HTTPS://APP.EXAMPLE.COM": absent} {
		for _, do := range []string{"OPTIONS /v1/stream/s", "GET /v1/stream/s", "GET /elsewhere"} {
			w := httptest.NewRecorder()
			k.ServeHTTP(w, step{do: do, with: header{"Origin": origin}}.request(t))
			checkHeader(t, do+" from "+origin, w.Header(), "Access-Control-Allow-Origin", want)
			checkHeader(t, do+" from "+origin, w.Header(), "Vary", "Origin")
		}
	}
}
