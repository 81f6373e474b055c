package protocol

import (
	"testing"
	"time"
)

// from are the headers of a fork.
func from(source string, more ...string) header {
	return header{"Stream-Forked-From": source}.and(more...)
}

const (
	source     = "/v1/stream/s"
	forkOffset = "Stream-Fork-Offset"
	subOffset  = "Stream-Fork-Sub-Offset"
)

func TestForkCreate(t *testing.T) {
	put := step{do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain"}, body: "hello", status: 201}
	read := func(body string) step { return step{do: "GET /v1/stream/f?offset=-1", status: 200, text: body} }
	runScenarios(t, []scenario{
		{"at the tail", []step{put,
			{do: "PUT /v1/stream/f", with: from(source), status: 201, want: header{"Content-Type": "text/plain", "Stream-Next-Offset": at(5)}},
			read("hello"),
			{do: "PUT /v1/stream/f", with: from(source), status: 200},
			{do: "POST /v1/stream/f", with: header{"Content-Type": "text/plain"}, body: "!", status: 204},
			{do: "POST /v1/stream/s", with: header{"Content-Type": "text/plain"}, body: "?", status: 204},
			read("hello!"),
			{do: "PUT /v1/stream/f", with: from(source), status: 200},
			{do: "PUT /v1/stream/f", with: header{"Content-Type": "text/plain"}, status: 409},
		}},
		{"at an offset", []step{put,
			{do: "PUT /v1/stream/f", with: from(source, forkOffset, at(2), subOffset, "2"), body: "p", status: 201},
			read("hellp"),
			{do: "PUT /v1/stream/f", with: from(source, forkOffset, at(2), subOffset, "2"), body: "p", status: 200},
			{do: "PUT /v1/stream/f", with: from(source, forkOffset, at(2), subOffset, "1"), status: 409},
			{do: "PUT /v1/stream/f", with: from(source, forkOffset, at(4)), status: 409},
		}},
		{"content of the source's type", []step{
			{do: "PUT /v1/stream/s", with: header{"Content-Type": "application/json"}, body: "[1,2]", status: 201},
			{do: "PUT /v1/stream/f", with: from(source, forkOffset, at(1)), body: "[3,4]", status: 201, want: header{"Content-Type": "application/json"}},
			read("[1,3,4]"),
		}},
		{"another type", []step{put,
			{do: "PUT /v1/stream/f", with: from(source, "Content-Type", "application/json"), status: 409},
			{do: "HEAD /v1/stream/f", status: 404},
		}},
		{"onto itself", []step{put, {do: "PUT /v1/stream/s", with: from(source), status: 409}}},
		{"no source", []step{
			{do: "PUT /v1/stream/f", with: from(source), status: 404},
			{do: "HEAD /v1/stream/f", status: 404},
		}},
		{"transparent", []step{put,
			{do: "PUT /v1/stream/f", with: from(source), status: 201, want: header{"Stream-Forked-From": absent, forkOffset: absent}},
			{do: "HEAD /v1/stream/f", status: 200, want: header{"Stream-Forked-From": absent, forkOffset: absent}},
		}},
	})
}

func TestForkBadHeaders(t *testing.T) {
	for name, with := range map[string]header{
		"a URL":                   from("http://example.com/v1/stream/s"),
		"another path":            from("/v2/stream/s"),
		"a bad id":                from("/v1/stream/s//t"),
		"twice":                   from("/v1/stream/s\n/v1/stream/s"),
		"an offset like none":     from(source, forkOffset, "7"),
		"the end":                 from(source, forkOffset, "now"),
		"an offset twice":         from(source, forkOffset, at(1)+"\n"+at(1)),
		"beyond the tail":         from(source, forkOffset, at(6)),
		"in another segment":      from(source, forkOffset, "0000000000000001_0000000000000001"),
		"a sub-offset alone":      from(source, subOffset, "1"),
		"a negative sub-offset":   from(source, forkOffset, at(1), subOffset, "-1"),
		"a word":                  from(source, forkOffset, at(1), subOffset, "one"),
		"a leading zero":          from(source, forkOffset, at(1), subOffset, "01"),
		"a sub-offset too far":    from(source, forkOffset, at(1), subOffset, "5"),
		"a sub-offset at the end": from(source, forkOffset, at(5), subOffset, "1"),
		"a huge sub-offset":       from(source, forkOffset, at(1), subOffset, "9007199254740991"),
	} {
		runScenarios(t, []scenario{{name, []step{
			{do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain"}, body: "hello", status: 201},
			{do: "PUT /v1/stream/f", with: with, status: 400},
			{do: "HEAD /v1/stream/f", status: 404},
		}}})
	}
}

func TestForkDelete(t *testing.T) {
	text := header{"Content-Type": "text/plain"}
	put := step{do: "PUT /v1/stream/s", with: text, body: "hello", status: 201}
	fork := step{do: "PUT /v1/stream/f", with: from(source), status: 201}
	runScenarios(t, []scenario{
		{"the source first", []step{put, fork,
			{do: "DELETE /v1/stream/s", status: 204},
			{do: "GET /v1/stream/s", status: 410},
			{do: "HEAD /v1/stream/s", status: 410},
			{do: "POST /v1/stream/s", with: text, body: "x", status: 410},
			{do: "DELETE /v1/stream/s", status: 410},
			{do: "PUT /v1/stream/s", with: text, status: 409},
			{do: "PUT /v1/stream/g", with: from(source), status: 409},
			{do: "GET /v1/stream/f?offset=-1", status: 200, text: "hello"},
			{do: "PUT /v1/stream/f", with: from(source), status: 200},
			{do: "DELETE /v1/stream/f", status: 204},
			{do: "HEAD /v1/stream/s", status: 404},
			{do: "PUT /v1/stream/s", with: text, status: 201},
		}},
		{"the fork first", []step{put, fork,
			{do: "DELETE /v1/stream/f", status: 204},
			{do: "GET /v1/stream/f", status: 404},
			{do: "GET /v1/stream/s?offset=-1", status: 200, text: "hello"},
			{do: "DELETE /v1/stream/s", status: 204},
			{do: "GET /v1/stream/s", status: 404},
		}},
		{"expiry of the source", []step{
			{do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain", "Stream-TTL": "10"}, body: "hello", status: 201},
			{do: "PUT /v1/stream/f", with: from(source, "Stream-TTL", "100"), status: 201},
			{after: 20 * time.Second, do: "HEAD /v1/stream/s", status: 410},
			{do: "PUT /v1/stream/s", with: text, status: 409},
			{do: "GET /v1/stream/f?offset=-1", status: 200, text: "hello"},
		}},
	})
}

// A fork that exists is as asked for, or is not (section 5.1), also once its source is gone.
func TestForkAgainWithoutSource(t *testing.T) {
	again := func(status int, with ...string) step {
		return step{do: "PUT /v1/stream/f", with: from(source, with...), status: status}
	}
	for name, first := range map[string]step{
		"open":   again(201, "Stream-TTL", "100"),
		"closed": again(201, "Stream-TTL", "100", "Stream-Closed", "true"),
	} {
		open, closed := 200, 409
		if name == "closed" {
			open, closed = 409, 200
		}
		runScenarios(t, []scenario{{name, []step{
			{do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain"}, body: "hello", status: 201},
			first,
			{do: "DELETE /v1/stream/s", status: 204},
			again(open, "Stream-TTL", "100"),
			again(closed, "Stream-TTL", "100", "Stream-Closed", "true"),
			again(open, "Stream-TTL", "100", "Content-Type", "text/plain"),
			again(409, "Stream-TTL", "100", "Content-Type", "text/html"),
			again(409, "Stream-TTL", "200"),
		}}})
	}
}
