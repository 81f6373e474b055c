package protocol

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

const post = "POST /v1/stream/s"

func TestAppend(t *testing.T) {
	runScenarios(t, []scenario{
		{"text", []step{
			createText,
			{do: post, with: header{"Content-Type": "TEXT/plain;charset=UTF-8"}, body: "hel", status: 204,
				want: header{"Stream-Next-Offset": at(3), "Stream-Closed": absent, "Producer-Epoch": absent, "Content-Type": absent}},
			{do: post, with: header{"Content-Type": "text/plain"}, body: "lo", status: 204, want: header{"Stream-Next-Offset": at(5)}},
			{do: "GET /v1/stream/s", status: 200, text: "hello"},
		}},
		{"JSON: value, array, nested array", []step{
			createJSON,
			{do: post, with: header{"Content-Type": "application/json"}, body: `{"a":1}`, status: 204, want: header{"Stream-Next-Offset": at(1)}},
			{do: post, with: header{"Content-Type": "application/json; charset=utf-8"}, body: `[2, "]"]`, status: 204, want: header{"Stream-Next-Offset": at(3)}},
			{do: post, with: header{"Content-Type": "application/json"}, body: `[[3, 4]]`, status: 204, want: header{"Stream-Next-Offset": at(4)}},
			{do: "GET /v1/stream/s", status: 200, text: `[{"a":1},2,"]",[3,4]]`},
		}},
		{"JSON text into a text stream is text", []step{createText, appendText("{"), {do: "GET /v1/stream/s", status: 200, text: "{"}}},
		{"no stream", []step{{do: post, with: header{"Content-Type": "text/plain"}, body: "x", status: 404}}},
		{"other type", []step{createText, {do: post, with: header{"Content-Type": "text/html"}, body: "x", status: 409, want: header{"Stream-Closed": absent}}}},
		{"no type", []step{createText, {do: post, body: "x", status: 400}}},
		{"bad type", []step{createText, {do: post, with: header{"Content-Type": "text"}, body: "x", status: 400}}},
		{"no body", []step{createText, {do: post, with: header{"Content-Type": "text/plain"}, status: 400}}},
		{"no body, closed by another value", []step{createText, {do: post, with: header{"Stream-Closed": "yes"}, status: 400}}},
		{"empty array", []step{
			createJSON,
			{do: post, with: header{"Content-Type": "application/json"}, body: " [ ] ", status: 400},
			{do: post, with: header{"Content-Type": "application/json", "Stream-Closed": "true"}, body: "[]", status: 400},
		}},
		{"bad JSON", []step{createJSON, {do: post, with: header{"Content-Type": "application/json"}, body: "{ invalid json }", status: 400}}},
		{"only white space is not JSON", []step{createJSON, {do: post, with: header{"Content-Type": "application/json"}, body: " \n", status: 400}}},
		{"JSON that is not UTF-8", []step{createJSON, {do: post, with: header{"Content-Type": "application/json"}, body: "\"\xff\"", status: 400}}},
		{"Stream-Seq", []step{
			createText,
			{do: post, with: header{"Content-Type": "text/plain", "Stream-Seq": "09"}, body: "a", status: 204},
			{do: post, with: header{"Content-Type": "text/plain", "Stream-Seq": "10"}, body: "b", status: 204},
			{do: post, with: header{"Content-Type": "text/plain", "Stream-Seq": "10"}, body: "c", status: 409},
			{do: post, with: header{"Content-Type": "text/plain", "Stream-Seq": "1"}, body: "d", status: 409},
			{do: post, with: header{"Content-Type": "text/plain", "Stream-Seq": ""}, body: "e", status: 400},
			{do: post, with: header{"Content-Type": "text/plain", "Stream-Seq": "7\n8"}, body: "f", status: 400},
			{do: post, with: header{"Content-Type": "text/plain", "Stream-Seq": strings.Repeat("7", 257)}, body: "g", status: 400},
			{do: "GET /v1/stream/s", status: 200, text: "ab"},
		}},
	})
}

func TestClose(t *testing.T) {
	closed := header{"Stream-Closed": "true", "Stream-Next-Offset": at(1)}
	runScenarios(t, []scenario{
		{"close, again, and append", []step{
			createText, appendText("x"),
			{do: post, with: header{"Stream-Closed": "True"}, status: 204, want: closed},
			{do: post, with: header{"Stream-Closed": "true"}, status: 204, want: closed},
			{do: post, with: header{"Content-Type": "text/plain"}, body: "y", status: 409, want: closed},
			{do: post, with: header{"Content-Type": "image/png"}, body: "y", status: 409, want: closed},
			{do: post, with: header{"Content-Type": "text/plain", "Stream-Closed": "true"}, body: "y", status: 409, want: closed},
		}},
		{"close with the last append", []step{
			createText,
			{do: post, with: header{"Content-Type": "text/plain", "Stream-Closed": "true"}, body: "x", status: 204, want: closed},
			{do: "GET /v1/stream/s", status: 200, want: closed, text: "x"},
		}},
		{"close with any content type", []step{
			createText,
			{do: post, with: header{"Content-Type": "nonsense", "Stream-Closed": "true"}, status: 204, want: header{"Stream-Closed": "true"}},
		}},
		{"close what is not there", []step{{do: post, with: header{"Stream-Closed": "true"}, status: 404}}},
	})
}

// An append that fills the buffer answers first and flushes then, or the other
// way round if it is told to. The flush reads nothing.
func TestFlushDue(t *testing.T) {
	for _, before := range []bool{false, true} {
		k := newKit(t, func(s *setup) { s.FlushBeforeAnswer = before; s.FlushCount = 2 })
		k.run(t, createText)
		var w *httptest.ResponseRecorder
		var answered []bool
		k.store.onChunk.set(func() error {
			answered = append(answered, w.Flushed)
			return nil
		})
		k.store.onHead.set(func() error {
			t.Errorf("FlushBeforeAnswer %v: the head was read", before)
			return nil
		})
		for n, flushed := range []bool{false, true, false, true} {
			answered = nil
			w = httptest.NewRecorder()
			k.ServeHTTP(w, appendText("x").request(t))
			if w.Code != 204 || (len(answered) == 1) != flushed || flushed && answered[0] == before {
				t.Errorf("FlushBeforeAnswer %v, append %d: status %d, at the flush answered: %v", before, n, w.Code, answered)
			}
			h, _ := k.store.Store.Head(t.Context(), "s", stream.Strong)
			if (len(h.Buffer) == 0) != flushed {
				t.Errorf("FlushBeforeAnswer %v, append %d: %d entries in the buffer", before, n, len(h.Buffer))
			}
		}
	}
}

// A flush that fails is nobody's business but the log's. The next one that is due
// makes up for it.
func TestFlushFails(t *testing.T) {
	for _, before := range []bool{false, true} {
		var lines bytes.Buffer
		k := newKit(t, func(s *setup) {
			s.FlushBeforeAnswer = before
			s.FlushCount = 2
			s.Logger = slog.New(slog.NewTextHandler(&lines, nil))
		})
		k.run(t, createText)
		k.store.onChunk.set(func() error { return fmt.Errorf("%w: no such table", stream.ErrRejected) })
		for n := 1; n <= 4; n++ {
			if n == 3 {
				if !strings.Contains(lines.String(), "flush failed") || !strings.Contains(lines.String(), "no such table") {
					t.Errorf("FlushBeforeAnswer %v: logged %q", before, lines.String())
				}
				k.store.onChunk.clear()
			}
			w := httptest.NewRecorder()
			k.ServeHTTP(w, appendText("x").request(t))
			if w.Code != 204 || strings.Contains(w.Body.String(), "table") {
				t.Errorf("FlushBeforeAnswer %v: append %d: %d %s", before, n, w.Code, w.Body)
			}
			h, _ := k.store.Store.Head(t.Context(), "s", stream.Strong)
			if want := []int{1, 2, 3, 0}[n-1]; len(h.Buffer) != want {
				t.Errorf("FlushBeforeAnswer %v: append %d left %d entries, want %d", before, n, len(h.Buffer), want)
			}
		}
	}
}
