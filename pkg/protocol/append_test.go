package protocol

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

const post = "POST /v1/stream/s"

// tag makes producer headers.
func tag(id, epoch, seq string, more header) header {
	h := header{"Content-Type": "text/plain", "Producer-Id": id, "Producer-Epoch": epoch, "Producer-Seq": seq}
	for k, v := range more {
		h[k] = v
	}
	return h
}

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

func TestBodyLimit(t *testing.T) {
	small := func(s *setup) { s.MaxBody = 8 }
	runScenarios(t, []scenario{{"inclusive", []step{
		createText,
		appendText("12345678"),
		{do: post, with: header{"Content-Type": "text/plain"}, body: "123456789", status: 413},
		{do: "PUT /v1/stream/t", with: header{"Content-Type": "text/plain"}, body: "123456789", status: 413},
		{do: "GET /v1/stream/s", status: 200, text: "12345678"},
	}}}, small)

	k := newKit(t, small)
	k.run(t, createText)
	for body, status := range map[string]int{"12345678": 204, "123456789": 413, strings.Repeat("x", 1<<16): 413, "": 400} {
		// Without a length, as chunked bodies are.
		r := httptest.NewRequest("POST", "/v1/stream/s", struct{ *strings.Reader }{strings.NewReader(body)})
		r.ContentLength = -1
		r.Header.Set("Content-Type", "text/plain")
		w := httptest.NewRecorder()
		k.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%d bytes of unknown length: status %d, want %d", len(body), w.Code, status)
		}
		if left, _ := r.Body.Read(make([]byte, 1)); left != 0 {
			t.Errorf("%d bytes of unknown length: not read to the end", len(body))
		}
	}
}

// Bodies of every size around the steps in which buffers grow arrive whole.
func TestBodySizes(t *testing.T) {
	k := newKit(t)
	for _, size := range []int{1, 511, 4095, 4096, 4097, trustedLength - 1, trustedLength, trustedLength + 1, 3 * trustedLength, 10 << 20} {
		for _, known := range []bool{true, false} {
			body := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
			r := httptest.NewRequest("POST", "/v1/stream/s", bytes.NewReader(body))
			if !known {
				r.ContentLength = -1
			}
			x := &exchange{Handler: k.Handler, r: r}
			records, length, err := x.records(false)
			if err != nil || length != size || records.Size != size || records.Count != 1 {
				t.Fatalf("size %d: length %d, records of %d, %v", size, length, records.Size, err)
			}
			for record, err := range records.Frames.Records() {
				if err != nil || !bytes.Equal(record, body) {
					t.Fatalf("size %d: the record is not the body: %v", size, err)
				}
			}
			if slack := cap(records.Frames) - len(records.Frames); slack > len(records.Frames)/4+unknownLength/8 {
				t.Errorf("size %d, known %v: frames keep %d bytes that they do not use", size, known, slack)
			}
		}
	}
}

func TestBrokenBody(t *testing.T) {
	k := newKit(t)
	k.run(t, createText)
	for err, status := range map[error]int{errors.New("cable cut"): 400, &http.MaxBytesError{}: 413} {
		r := httptest.NewRequest("POST", "/v1/stream/s", readerFunc(func([]byte) (int, error) { return 0, err }))
		r.ContentLength = 5
		r.Header.Set("Content-Type", "text/plain")
		w := httptest.NewRecorder()
		k.ServeHTTP(w, r)
		step{do: post, status: status}.check(t, w.Code, w.Header(), w.Body.String())
		if strings.Contains(w.Body.String(), "cable") {
			t.Errorf("the answer tells internals: %q", w.Body.String())
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// An append that fills the buffer answers first and flushes then, or the other
// way round if it is told to.
func TestFlushDue(t *testing.T) {
	for _, before := range []bool{false, true} {
		k := newKit(t, func(s *setup) { s.FlushBeforeAnswer = before; s.FlushCount = 1 })
		k.run(t, createText)
		var w *httptest.ResponseRecorder
		var answered []bool
		k.store.onHead.set(func() error {
			answered = append(answered, w.Flushed)
			return nil
		})
		w = httptest.NewRecorder()
		k.ServeHTTP(w, appendText("x").request(t))
		if w.Code != 204 || len(answered) != 1 || answered[0] == before {
			t.Errorf("FlushBeforeAnswer %v: status %d, at the flush answered: %v", before, w.Code, answered)
		}
		h, _ := k.store.Store.Head(t.Context(), "s", stream.Strong)
		if len(h.Buffer) != 0 {
			t.Errorf("FlushBeforeAnswer %v: nothing was flushed", before)
		}
	}
}
