package protocol

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// recordSizes are of records around the places where a page is cut into pieces.
var recordSizes = []int{3, maxPiece - 4, 3, maxPiece - 1, maxPiece, 3, maxPiece + 1, 4, 4, 2*maxPiece + 7, 5}

// A page is the same in whatever pieces it leaves, and as long as its header says.
func TestPageInPieces(t *testing.T) {
	for _, c := range []struct{ contentType, begin, between, end string }{
		{"application/octet-stream", "", "", ""},
		{"application/json", "[", ",", "]"},
	} {
		t.Run(c.contentType, func(t *testing.T) {
			k := newKit(t, func(s *setup) { s.PageSize = 16 << 20 })
			with := header{"Content-Type": c.contentType}
			k.run(t, step{do: "PUT /v1/stream/s", with: with, status: http.StatusCreated})
			var records []string
			for _, size := range recordSizes {
				record := `"` + strings.Repeat(string(rune('a'+size%26)), size-2) + `"`
				records = append(records, record)
				k.run(t, step{do: "POST /v1/stream/s", with: with, body: record, status: http.StatusNoContent})
			}
			want := c.begin + strings.Join(records, c.between) + c.end
			w := httptest.NewRecorder()
			k.ServeHTTP(w, httptest.NewRequest("GET", "/v1/stream/s?offset=-1", nil))
			if got := w.Body.String(); w.Code != http.StatusOK || got != want {
				t.Errorf("status %d, %d bytes, want %d", w.Code, len(got), len(want))
			}
			if got := w.Header().Get("Content-Length"); got != strconv.Itoa(len(want)) {
				t.Errorf("Content-Length %s, want %d", got, len(want))
			}
		})
	}
}

// brokenWriter takes some writes, and then fails.
type brokenWriter struct {
	http.ResponseWriter
	takes, writes int
}

var errBroken = errors.New("broken")

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.writes++; w.writes > w.takes {
		return 0, errBroken
	}
	return w.ResponseWriter.Write(p)
}

// Once a piece could not be sent, none is sent that would not belong there.
func TestPageEndsWithTheFirstFailure(t *testing.T) {
	k := newKit(t, func(s *setup) { s.PageSize = 16 << 20 })
	with := header{"Content-Type": "text/plain"}
	k.run(t, step{do: "PUT /v1/stream/s", with: with, status: http.StatusCreated})
	for range 4 {
		k.run(t, step{do: "POST /v1/stream/s", with: with, body: strings.Repeat("x", maxPiece), status: http.StatusNoContent})
	}
	w := &brokenWriter{ResponseWriter: httptest.NewRecorder(), takes: 1}
	k.ServeHTTP(w, httptest.NewRequest("GET", "/v1/stream/s?offset=-1", nil))
	if w.writes != 2 {
		t.Errorf("%d writes, want 2", w.writes)
	}
}

// BenchmarkPage is what it takes to send a page of small messages, without a network.
func BenchmarkPage(b *testing.B) {
	const messages = 10_000
	k := newKit(b, func(s *setup) { s.PageSize = 4 << 20 })
	batch := "[" + strings.Join(slices.Repeat([]string{`"` + strings.Repeat("x", 98) + `"`}, messages), ",") + "]"
	for _, do := range []step{{do: "PUT /v1/stream/s", status: http.StatusCreated}, {do: "POST /v1/stream/s", body: batch, status: http.StatusNoContent}} {
		do.with = header{"Content-Type": "application/json"}
		w := httptest.NewRecorder()
		if k.ServeHTTP(w, do.request(b)); w.Code != do.status {
			b.Fatal(w.Code)
		}
	}
	b.SetBytes(int64(len(batch)))
	b.ReportAllocs()
	w := &nobody{header: make(http.Header)}
	r := httptest.NewRequest("GET", "/v1/stream/s?offset=-1", nil)
	for b.Loop() {
		clear(w.header)
		k.ServeHTTP(w, r)
	}
	if w.status != http.StatusOK || w.header.Get("Content-Length") != strconv.Itoa(len(batch)) {
		b.Fatal(w.status, w.header)
	}
}

// nobody is a client that throws answers away.
type nobody struct {
	header http.Header
	status int
}

func (n *nobody) Header() http.Header         { return n.header }
func (n *nobody) Write(p []byte) (int, error) { return len(p), nil }
func (n *nobody) WriteHeader(status int)      { n.status = status }
