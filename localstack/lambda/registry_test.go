//go:build unix

package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// operations returns what the registry says, for each stream, to who sends some headers.
func (h *running) operations(t *testing.T, headers ...string) map[string]string {
	t.Helper()
	said := make(map[string]string)
	for from := "-1"; ; {
		a := do(t, get, h.url+"__registry__?offset="+from, "", headers...)
		if a.status == http.StatusNotFound {
			return said
		}
		var events []struct {
			Key     string
			Value   *struct{ Path string }
			Headers struct{ Operation string }
		}
		if err := json.Unmarshal([]byte(a.body), &events); err != nil {
			t.Fatalf("%s: %v", a.body, err)
		}
		for _, e := range events {
			said[e.Key] += e.Headers.Operation[:1]
			if inserted := e.Headers.Operation == "insert"; inserted != (e.Value != nil) || inserted && e.Value.Path != e.Key {
				t.Errorf("an event is %+v", e)
			}
		}
		from = a.header.Get("Stream-Next-Offset")
		if a.header.Get("Stream-Up-To-Date") == "true" {
			return said
		}
	}
}

// TestRegistry: the change stream tells the registry of streams, once, although the next
// host delivers all changes again, and the sweep looks for what is left at the same time.
func TestRegistry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := []string{"DATA_DIR=" + dir, "LAMBDA_STREAM_FUNCTION=compact", "LAMBDA_SWEEP_EVERY=1s", "SEGMENT_MAX_MESSAGES=4"}
	h := startHost(t, env...)
	want := map[string]string{}
	says := func(what string) {
		t.Helper()
		h.await(t, what, func() bool { return maps.Equal(h.operations(t), want) })
	}
	for _, name := range []string{"a", "b", "c/d", "e"} {
		must(t, 201, put, h.url+name, "x", contentType, text)
		want[name] = "i"
	}
	must(t, 204, post, h.url+"a", "y", contentType, text)
	must(t, 204, "DELETE", h.url+"a", "")
	must(t, 201, put, h.url+"a", "z", contentType, text)
	must(t, 201, put, h.url+"fork", "", "Stream-Forked-From", "/v1/stream/b")
	must(t, 204, "DELETE", h.url+"b", "")
	want["a"], want["b"], want["fork"] = "idi", "id", "i"
	says("what happened")
	must(t, 405, post, h.url+"__registry__", "1", contentType, "application/json")
	must(t, 405, "DELETE", h.url+"__registry__", "")
	must(t, 403, put, h.url+"of it", "", "Stream-Forked-From", "/v1/stream/__registry__")
	if state := h.end(t, syscall.SIGTERM); !state.Success() {
		t.Fatalf("the host ended with %s: %s", state, h.log)
	}
	h = startHost(t, env...)
	must(t, 204, "DELETE", h.url+"fork", "") // and with it b
	must(t, 201, put, h.url+"last", "", contentType, text)
	want["fork"], want["last"] = "id", "i"
	says("what happened then")
	in := h.inside(t)
	h.await(t, "the compaction of the registry", func() bool { return in.head(t, "__registry__").Compacted > 0 })
	if got := h.operations(t); !maps.Equal(got, want) {
		t.Errorf("the registry says %v, want %v", got, want)
	}
	if strings.Contains(h.log.String(), "could not be told") {
		t.Error("something could not be told")
	}
}
