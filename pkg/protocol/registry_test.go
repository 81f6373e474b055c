package protocol

import "testing"

// The registry is the server's: clients are told so, whether or not it exists yet.
func TestRegistryIsReadOnly(t *testing.T) {
	const registry = "/v1/stream/__registry__"
	json := header{"Content-Type": "application/json"}
	readOnly := header{"Allow": "GET, HEAD, OPTIONS"}
	runScenarios(t, []scenario{
		{"writes", []step{
			{do: "PUT " + registry, with: json, status: 405, want: readOnly},
			{do: "PUT " + registry, with: header{"Content-Type": "text/plain"}, status: 405, want: readOnly},
			{do: "POST " + registry, with: json, body: "1", status: 405, want: readOnly},
			{do: "POST " + registry, with: header{"Stream-Closed": "true"}, status: 405, want: readOnly},
			{do: "DELETE " + registry, status: 405, want: readOnly},
			{do: "HEAD " + registry, status: 404},
		}},
		{"forks", []step{
			{do: "PUT /v1/stream/s", with: json, status: 201},
			{do: "PUT " + registry, with: from("/v1/stream/s"), status: 405, want: readOnly},
			{do: "PUT /v1/stream/f", with: from(registry), status: 403},
			{do: "HEAD /v1/stream/f", status: 404},
		}},
		{"names like it", []step{
			{do: "PUT " + registry + "/a", with: json, status: 201},
			{do: "PUT /v1/stream/a/__registry__", with: json, status: 201},
		}},
	})
}
