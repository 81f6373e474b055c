package protocol

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func TestAccepted(t *testing.T) {
	for field, want := range map[string]encoding{
		"":                                 identity,
		"gzip":                             gzipCoding,
		"zstd":                             zstdCoding,
		"GZip":                             gzipCoding,
		"gzip, zstd":                       zstdCoding,
		"gzip;q=1.0, zstd;q=0.5":           gzipCoding,
		"gzip;q=0.5,zstd;q=0.5":            zstdCoding,
		"gzip ; Q=0.3 , br":                gzipCoding,
		"br, deflate":                      identity,
		"*":                                gzipCoding,
		"*, zstd":                          zstdCoding,
		"*;q=0.1, zstd;q=0":                gzipCoding,
		"*;q=0":                            identity,
		"gzip;q=0":                         identity,
		"gzip;q=0.000, zstd;q=0.001":       zstdCoding,
		"identity, gzip;q=0.5":             identity,
		"identity;q=0.5, gzip;q=0.5":       gzipCoding,
		"identity;q=0, gzip;q=0.1":         gzipCoding,
		"gzip;q=2":                         identity,
		"gzip;q=NaN":                       identity,
		"gzip;q=-1":                        identity,
		"gzip;level=9":                     identity,
		"gzip;q":                           identity,
		"x-gzip, ,;;,gzip":                 gzipCoding,
		"deflate\ngzip;q=0.2\nzstd;q=0.10": gzipCoding,
	} {
		if got := accepted(strings.Split(field, "\n")); got != want {
			t.Errorf("%q: %q is chosen, want %q", field, got, want)
		}
	}
}

// decoded is a body without its encoding.
func decoded(t testing.TB, e encoding, body []byte) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(body)
	var err error
	switch e {
	case gzipCoding:
		r, err = gzip.NewReader(r)
	case zstdCoding:
		r, err = zstd.NewReader(r, zstd.WithDecoderMaxMemory(16<<20))
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ask sends a GET and returns the whole answer.
func (k *kit) ask(target, accept, known string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if accept != "" {
		r.Header.Set("Accept-Encoding", accept)
	}
	if known != "" {
		r.Header.Set("If-None-Match", known)
	}
	w := httptest.NewRecorder()
	k.ServeHTTP(w, r)
	return w
}

// Who may see a page, and how it is encoded, are both what a cache must look at.
func TestEncodedPagesOfOrigins(t *testing.T) {
	k := newKit(t, func(s *setup) { s.Origins = []string{"https://a.example", "https://b.example"} })
	for _, s := range []step{createText, appendText(strings.Repeat("all work and no play ", 100))} {
		k.ServeHTTP(httptest.NewRecorder(), s.request(t))
	}
	for _, origin := range []string{"https://a.example", "https://b.example"} {
		w := httptest.NewRecorder()
		k.ServeHTTP(w, step{do: "GET /v1/stream/s?offset=-1", with: header{"Origin": origin}}.request(t))
		checkHeader(t, origin, w.Header(), "Access-Control-Allow-Origin", origin)
		checkHeader(t, origin, w.Header(), "Vary", "Origin, Accept-Encoding")
	}
}

// Each encoding is a representation with a tag of its own: it is 304 to whoever has that
// one, and no other.
func TestEncodedPages(t *testing.T) {
	text := strings.Repeat("all work and no play ", 100)
	const target = "/v1/stream/s?offset=-1"
	k := newKit(t)
	k.run(t, createText)
	k.run(t, appendText(text))
	tags := map[encoding]string{}
	for _, e := range []encoding{identity, gzipCoding, zstdCoding} {
		for _, live := range []string{"", "&live=long-poll"} {
			w := k.ask(target+live, string(e), "")
			h := w.Header()
			checkHeader(t, string(e), h, "Vary", "Accept-Encoding")
			checkHeader(t, string(e), h, "Content-Length", fmt.Sprint(w.Body.Len()))
			checkHeader(t, string(e), h, "Stream-Next-Offset", at(uint64(len(text))))
			if e == identity {
				checkHeader(t, "identity", h, "Content-Encoding", absent)
			} else {
				checkHeader(t, string(e), h, "Content-Encoding", string(e))
				checkHeader(t, string(e), h, "Etag", `~:t\+`+string(e)+`"$`)
				if w.Body.Len() > len(text)/10 {
					t.Errorf("%s: %d of %d bytes", e, w.Body.Len(), len(text))
				}
			}
			if got := decoded(t, e, w.Body.Bytes()); got != text {
				t.Errorf("%s: body %.50q", e, got)
			}
			tags[e] = h.Get("ETag")
		}
	}
	for has, tag := range tags {
		for asks := range tags {
			w := k.ask(target, string(asks), tag)
			want := 200
			if has == asks {
				want = 304
				checkHeader(t, "304", w.Header(), "Etag", tag)
				checkHeader(t, "304", w.Header(), "Vary", "Accept-Encoding")
				checkHeader(t, "304", w.Header(), "Content-Encoding", absent)
			}
			if w.Code != want {
				t.Errorf("who has %q and asks for %q gets %d, want %d", has, asks, w.Code, want)
			}
		}
	}
}

func TestNotEncoded(t *testing.T) {
	text := strings.Repeat("all work and no play ", 100)
	for name, c := range map[string]struct {
		contentType, body, query string
		vary                     string
		from                     int
	}{
		"small":        {"text/plain", text[:1023], "?offset=-1", absent, 0},
		"empty":        {"text/plain", "", "?offset=-1", absent, 0},
		"bytes":        {"application/octet-stream", text, "?offset=-1", absent, 0},
		"pictures":     {"image/png", text, "?offset=-1", absent, 0},
		"now":          {"text/plain", text, "?offset=now", absent, 0},
		"SSE":          {"text/plain", text, "?offset=-1&live=sse", absent, 0},
		"switched off": {"text/plain", text, "?offset=-1", absent, -1},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, func(s *setup) { s.CompressFrom = c.from })
			k.run(t, step{do: "PUT /v1/stream/s", with: header{"Content-Type": c.contentType, "Stream-Closed": "true"}, body: c.body, status: 201})
			h := k.ask("/v1/stream/s"+c.query, "gzip, zstd", "").Header()
			checkHeader(t, name, h, "Content-Encoding", absent)
			checkHeader(t, name, h, "Vary", c.vary)
		})
	}
	t.Run("HEAD", func(t *testing.T) {
		k := newKit(t)
		k.run(t, step{do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain"}, body: text, status: 201})
		k.run(t, step{do: "HEAD /v1/stream/s", with: header{"Accept-Encoding": "gzip"}, status: 200, want: header{"Content-Encoding": absent, "Vary": absent}})
	})
	// The limit is that of the records, inclusive.
	t.Run("just large enough", func(t *testing.T) {
		k := newKit(t)
		k.run(t, step{do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain"}, body: text[:1024], status: 201})
		checkHeader(t, "1024", k.ask("/v1/stream/s", "gzip", "").Header(), "Content-Encoding", "gzip")
	})
}

func TestCompresses(t *testing.T) {
	for contentType, want := range map[string]bool{
		"application/json": true, "Application/JSON; charset=utf-8": true, "text/plain": true, "text/html; x=y": true,
		"application/ld+json": true, "image/svg+xml": true, "application/xml": true, "application/x-ndjson": true,
		"application/octet-stream": false, "application/gzip": false, "image/png": false, "video/mp4": false, "application/jsonp": false,
	} {
		if got := compresses(contentType); got != want {
			t.Errorf("%s: %v", contentType, got)
		}
	}
}

// What is encoded at once does not mix.
func TestEncoderConcurrency(t *testing.T) {
	k := newKit(t)
	for n := range 8 {
		for _, e := range offered {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				text := strings.Repeat(fmt.Sprint("reader ", n, " "), 20_000)
				for range 5 {
					if got := decoded(t, e, k.encoder.append([]byte{}, e, []byte(text))); got != text {
						t.Fatalf("%s: body %.50q", e, got)
					}
				}
			})
		}
	}
}

// BenchmarkEncoding compresses a page of 1 MiB of JSON messages with some random text:
// "x" is how many times smaller it gets.
func BenchmarkEncoding(b *testing.B) {
	var page []byte
	random := rand.New(rand.NewPCG(1, 2))
	for n := 0; len(page) < 1<<20; n++ {
		page = fmt.Appendf(page, `{"id":%d,"user":"user-%d","text":"%x","at":"2026-11-25T10:%02d:%02d.%03dZ"},`,
			n, random.IntN(500), random.Uint64(), n/60%60, n%60, random.IntN(1000))
	}
	k := newKit(b)
	gzipAt := func(level int) func([]byte) []byte {
		w, err := gzip.NewWriterLevel(nil, level)
		if err != nil {
			b.Fatal(err)
		}
		return func(out []byte) []byte {
			buf := bytes.NewBuffer(out)
			w.Reset(buf)
			w.Write(page)
			w.Close()
			return buf.Bytes()
		}
	}
	zstdAt := func(level zstd.EncoderLevel) func([]byte) []byte {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
		if err != nil {
			b.Fatal(err)
		}
		return func(out []byte) []byte { return w.EncodeAll(page, out) }
	}
	for _, c := range []struct {
		name string
		do   func([]byte) []byte
	}{
		{"gzip", func(out []byte) []byte { return k.encoder.append(out, gzipCoding, page) }},
		{"gzip, level 2", gzipAt(2)},
		{"gzip, level 5", gzipAt(5)},
		{"zstd", func(out []byte) []byte { return k.encoder.append(out, zstdCoding, page) }},
		{"zstd, default level", zstdAt(zstd.SpeedDefault)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			out := make([]byte, 0, len(page))
			for b.Loop() {
				out = c.do(out[:0])
			}
			b.ReportMetric(float64(len(page))/float64(len(out)), "x")
		})
	}
}
