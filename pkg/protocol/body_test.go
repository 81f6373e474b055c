package protocol

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

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

// A body without end is neither kept nor read for ever.
// What is compressed would be stored so, and read as it is.
func TestEncodedBody(t *testing.T) {
	text := func(coding string) header {
		return header{"Content-Type": "text/plain", "Content-Encoding": coding}
	}
	runScenarios(t, []scenario{{"refused", []step{
		{do: "PUT /v1/stream/s", with: text("gzip"), body: "\x1f\x8b", status: 415, want: header{"Accept-Encoding": "identity"}},
		{do: "PUT /v1/stream/s", with: text("gzip"), status: 201},
		{do: "POST /v1/stream/s", with: text("br"), body: "x", status: 415},
		{do: "POST /v1/stream/s", with: text("Identity"), body: "y", status: 204},
		{do: "GET /v1/stream/s?offset=-1", status: 200, text: "y"},
	}}})
}

func TestEndlessBody(t *testing.T) {
	k := newKit(t, func(s *setup) { s.MaxBody = 1 << 20 })
	read := 0
	endless := readerFunc(func(p []byte) (int, error) {
		if read += len(p); read > 2*maxDrain {
			return 0, errors.New("still reading")
		}
		return len(p), nil
	})
	r := httptest.NewRequest("POST", "/v1/stream/s", endless)
	r.Header.Set("Content-Type", "text/plain")
	x := &exchange{Handler: k.Handler, r: r}
	if _, _, err := x.records(false); !errors.Is(err, errBodyTooLarge) || read > 4<<20 {
		t.Errorf("after %d bytes: %v", read, err)
	}
	read = 0
	w := httptest.NewRecorder()
	k.ServeHTTP(w, r)
	if w.Code != 413 || read > 2*maxDrain {
		t.Errorf("after %d bytes: status %d", read, w.Code)
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
