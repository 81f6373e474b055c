package protocol

import "testing"

// What a client makes a condition must not be done if it does not hold, or cannot be judged
// (RFC 9110, section 13.1).
func TestPreconditionsOfWrites(t *testing.T) {
	text := header{"Content-Type": "text/plain"}
	unchanged := step{do: "GET /v1/stream/s?offset=-1", status: 200, text: "one"}
	runScenarios(t, []scenario{
		{"create only if there is none", []step{
			{do: "PUT /v1/stream/s", with: text.and("If-None-Match", "*"), body: "one", status: 201},
			{do: "PUT /v1/stream/s", with: text.and("If-None-Match", "*"), body: "two", status: 412, text: "the stream exists\n"},
			{do: "PUT /v1/stream/s", with: text, status: 200},
			unchanged,
		}},
		{"other conditions of a create", []step{
			{do: "PUT /v1/stream/s", with: text.and("If-Match", "*"), status: 412},
			{do: "PUT /v1/stream/s", with: text.and("If-None-Match", `"a"`), status: 412},
			{do: "PUT /v1/stream/s", with: text.and("If-None-Match", "*\n*"), status: 400},
			{do: "HEAD /v1/stream/s", status: 404},
		}},
		{"conditions of the rest", []step{createText, appendText("one"),
			{do: "POST /v1/stream/s", with: text.and("If-Match", `"a"`), body: "two", status: 412},
			{do: "POST /v1/stream/s", with: text.and("If-None-Match", "*"), body: "two", status: 412},
			{do: "DELETE /v1/stream/s", with: header{"If-Match": `"a"`}, status: 412},
			{do: "DELETE /v1/stream/s", with: header{"If-None-Match": "*"}, status: 412},
			unchanged,
			{do: "POST /v1/stream/s", with: text.and("If-Match", "*"), body: "!", status: 204},
			{do: "DELETE /v1/stream/s", with: header{"If-Match": "*"}, status: 204},
		}},
	})
}
