package protocol

import "testing"

func TestHead(t *testing.T) {
	const head = "HEAD /v1/stream/s"
	runScenarios(t, []scenario{
		{"open", []step{
			{do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain; charset=utf-8"}, body: "hello", status: 201},
			{do: head, status: 200, want: header{
				"Content-Type": "text/plain; charset=utf-8", "Stream-Next-Offset": at(5), "Cache-Control": "no-store",
				"Stream-Closed": absent, "Stream-TTL": absent, "Stream-Expires-At": absent, "Etag": `~:t"$`,
			}},
		}},
		{"closed", []step{createText, closeIt, {do: head, status: 200, want: header{"Stream-Closed": "true"}}}},
		{"entity tag", []step{createText, appendText("hello"),
			{do: head, with: header{"If-None-Match": "*"}, status: 304, want: header{"Stream-Next-Offset": at(5)}},
			{do: head, with: header{"If-None-Match": `"x"`}, status: 200},
		}},
		{"TTL is the window, not what is left", []step{
			{do: "PUT /v1/stream/s", with: header{"Stream-TTL": "3600"}, status: 201},
			{after: 1000, do: head, status: 200, want: header{"Stream-TTL": "3600", "Stream-Expires-At": absent}},
		}},
		{"Expires-At", []step{
			{do: "PUT /v1/stream/s", with: header{"Stream-Expires-At": "2030-01-02T03:04:05.120+01:00"}, status: 201},
			{do: head, status: 200, want: header{"Stream-Expires-At": "2030-01-02T02:04:05.12Z", "Stream-TTL": absent}},
		}},
		{"not there", []step{{do: head, status: 404}}},
		{"bad id", []step{{do: "HEAD /v1/stream/a//b", status: 400}}},
	})
	// It is that of a read which returns all there is.
	k := newKit(t)
	k.run(t, createText)
	k.run(t, appendText("hello"))
	tag := k.run(t, step{do: head, status: 200}).Header().Get("Etag")
	k.run(t, step{do: "GET /v1/stream/s?offset=-1", with: header{"If-None-Match": tag}, status: 304})
	k.run(t, closeIt)
	k.run(t, step{do: head, with: header{"If-None-Match": tag}, status: 200})
}
