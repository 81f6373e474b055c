package protocol

import "testing"

func TestDelete(t *testing.T) {
	gone := step{do: "GET /v1/stream/s", status: 404}
	runScenarios(t, []scenario{
		{"and create again", []step{
			createText, appendText("old"),
			{do: "DELETE /v1/stream/s", status: 204, want: header{"Stream-Next-Offset": absent}},
			gone,
			{do: "HEAD /v1/stream/s", status: 404},
			{do: "POST /v1/stream/s", with: header{"Content-Type": "text/plain"}, body: "x", status: 404},
			{do: "DELETE /v1/stream/s", status: 404},
			createJSON, appendJSON("1"),
			{do: "GET /v1/stream/s", status: 200, text: "[1]"},
		}},
		{"closed", []step{createText, closeIt, deleteIt, gone}},
		{"expired", []step{
			{do: "PUT /v1/stream/s", with: header{"Stream-TTL": "0"}, status: 201},
			{do: "DELETE /v1/stream/s", status: 404},
		}},
		{"not there", []step{{do: "DELETE /v1/stream/s", status: 404}}},
	})
}
