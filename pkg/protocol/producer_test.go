package protocol

import (
	"strings"
	"testing"
)

// tag makes producer headers.
func tag(id, epoch, seq string, more header) header {
	h := header{"Content-Type": "text/plain", "Producer-Id": id, "Producer-Epoch": epoch, "Producer-Seq": seq}
	for k, v := range more {
		h[k] = v
	}
	return h
}

func TestProducer(t *testing.T) {
	accepted := func(epoch, seq string) header {
		return header{"Producer-Epoch": epoch, "Producer-Seq": seq, "Stream-Next-Offset": "~_", "Content-Length": "0"}
	}
	duplicate := func(epoch, seq string) header {
		return header{"Producer-Epoch": epoch, "Producer-Seq": seq, "Stream-Next-Offset": "~_"}
	}
	runScenarios(t, []scenario{
		{"accepted, duplicate, gap", []step{
			createText,
			{do: post, with: tag("p", "0", "0", nil), body: "a", status: 200, want: accepted("0", "0")},
			{do: post, with: tag("p", "0", "1", nil), body: "b", status: 200, want: accepted("0", "1")},
			{do: post, with: tag("p", "0", "2", nil), body: "c", status: 200, want: accepted("0", "2")},
			{do: post, with: tag("p", "0", "1", nil), body: "b", status: 204, want: duplicate("0", "2")},
			{do: post, with: tag("p", "0", "4", nil), body: "e", status: 409, want: header{"Producer-Expected-Seq": "3", "Producer-Received-Seq": "4", "Stream-Closed": absent}},
			{do: "GET /v1/stream/s", status: 200, text: "abc"},
		}},
		{"epochs", []step{
			createText,
			{do: post, with: tag("p", "1", "0", nil), body: "a", status: 200, want: accepted("1", "0")},
			{do: post, with: tag("p", "0", "1", nil), body: "x", status: 403, want: header{"Producer-Epoch": "1"}},
			{do: post, with: tag("p", "2", "1", nil), body: "x", status: 400},
			{do: post, with: tag("p", "2", "0", nil), body: "b", status: 200, want: accepted("2", "0")},
		}},
		{"leading zeros and the largest numbers", []step{
			createText,
			{do: post, with: tag("p", "9007199254740991", "000", nil), body: "a", status: 200, want: accepted("9007199254740991", "0")},
		}},
		{"a failed append consumes nothing", []step{
			createJSON,
			{do: post, with: tag("p", "0", "0", header{"Content-Type": "application/json"}), body: "[]", status: 400},
			{do: post, with: tag("p", "0", "0", header{"Content-Type": "application/json"}), body: "{", status: 400},
			{do: post, with: tag("p", "0", "0", nil), body: "x", status: 409, want: header{"Producer-Expected-Seq": absent}},
			{do: post, with: tag("p", "0", "0", nil), status: 400},
			{do: post, with: tag("p", "0", "0", header{"Content-Type": "application/json"}), body: "1", status: 200, want: accepted("0", "0")},
		}},
		{"a retry repeats Stream-Seq too", []step{
			createText,
			{do: post, with: tag("p", "0", "0", header{"Stream-Seq": "1"}), body: "a", status: 200},
			{do: post, with: tag("p", "0", "0", header{"Stream-Seq": "1"}), body: "a", status: 204},
		}},
		{"close only", []step{
			createText,
			{do: post, with: tag("p", "0", "0", header{"Stream-Closed": "true"}), status: 204, want: header{"Stream-Closed": "true", "Producer-Epoch": "0", "Producer-Seq": "0"}},
			{do: post, with: tag("p", "0", "0", header{"Stream-Closed": "true"}), status: 204, want: header{"Stream-Closed": "true"}},
		}},
		{"append and close", []step{
			createText,
			{do: post, with: tag("p", "0", "0", header{"Stream-Closed": "true"}), body: "a", status: 200, want: header{"Stream-Closed": "true", "Producer-Seq": "0", "Stream-Next-Offset": at(1)}},
			{do: post, with: tag("p", "0", "0", header{"Stream-Closed": "true"}), body: "other", status: 204, want: header{"Stream-Closed": "true", "Stream-Next-Offset": at(1)}},
			{do: post, with: tag("p", "0", "1", nil), body: "b", status: 409, want: header{"Stream-Closed": "true"}},
			{do: post, with: tag("q", "0", "0", nil), body: "b", status: 409, want: header{"Stream-Closed": "true"}},
		}},
		{"a late duplicate that asks to close does not close", []step{
			createText,
			{do: post, with: tag("p", "0", "0", nil), body: "a", status: 200},
			{do: post, with: tag("p", "0", "0", header{"Stream-Closed": "true"}), status: 204, want: header{"Stream-Closed": absent}},
			{do: "HEAD /v1/stream/s", status: 200, want: header{"Stream-Closed": absent}},
		}},
		{"no stream", []step{{do: post, with: tag("p", "0", "0", nil), body: "a", status: 404}}},
	})
	for name, with := range map[string]header{
		"id only":         {"Producer-Id": "p"},
		"epoch only":      {"Producer-Epoch": "0"},
		"id and epoch":    {"Producer-Id": "p", "Producer-Epoch": "0"},
		"empty id":        tag("", "0", "0", nil),
		"long id":         tag(strings.Repeat("p", 257), "0", "0", nil),
		"id not UTF-8":    tag("\xff", "0", "0", nil),
		"id twice":        tag("p\nq", "0", "0", nil),
		"epoch 1abc":      tag("p", "1abc", "0", nil),
		"epoch empty":     tag("p", "", "0", nil),
		"seq 0xyz":        tag("p", "0", "0xyz", nil),
		"seq exponent":    tag("p", "0", "1e3", nil),
		"seq negative":    tag("p", "0", "-1", nil),
		"seq plus":        tag("p", "0", "+1", nil),
		"seq above 2^53":  tag("p", "0", "9007199254740992", nil),
		"seq beyond 2^64": tag("p", "0", "99999999999999999999", nil),
	} {
		with["Content-Type"] = "text/plain"
		runScenarios(t, []scenario{{name, []step{createText, {do: post, with: with, body: "x", status: 400}}}})
	}
}
