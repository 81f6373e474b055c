package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// lambdaLimit is where Lambda itself gives up, as its error message says.
const lambdaLimit = 6291556

func limitOf(d door) int {
	if d.name == "HTTP API" {
		return httpAPILimit
	}
	return loadBalancerLimit
}

func pageOf(d door) int {
	if d.name == "HTTP API" {
		return httpAPIPage
	}
	return loadBalancerPage
}

// A page of any content gets through, whatever it takes to write it down.
func TestPagesFit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, httpAPIPage/8*9)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	for _, c := range []struct{ name, mediaType, open, repeated, end string }{
		{"bytes", "application/octet-stream", "", string(noise), ""},
		{"text", "text/plain", "", "Lorem ipsum\n", ""},
		{"text that JSON escapes", "text/plain", "", "\x00", ""},
		{"short messages", "application/json", "[", "1,", "1]"},
		{"short strings", "application/json", "[", `"",`, "1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			through(t, func(t *testing.T, d door) {
				if d.multi {
					return // as large as without
				}
				f := onStreams(t)
				// A page and an eighth, commas not counted.
				size, each := pageOf(d)/8*9, len(strings.TrimSuffix(c.repeated, ","))
				body := strings.Repeat(c.repeated, (size+each-1)/each)
				if c.open == "" {
					body = body[:size]
				}
				create(t, d, f, c.mediaType, c.open+body+c.end)
				sum := sha256.New()
				offset, pages, read, largest := "-1", 0, 0, 0
				for upToDate := false; !upToDate; pages++ {
					a := d.send(t, f, sent{do: "GET /v1/stream/s?offset=" + offset})
					if a.status != 200 || a.size > limitOf(d) || a.size > lambdaLimit {
						t.Fatalf("status %d, a document of %d bytes at %s: %.200q", a.status, a.size, offset, a.body)
					}
					largest = max(largest, a.size)
					offset, upToDate = a.header.Get("Stream-Next-Offset"), a.header.Get("Stream-Up-To-Date") == "true"
					part := a.body
					if c.open != "" {
						part = part[1:len(part)-1] + ","
					}
					read += len(part)
					sum.Write([]byte(part))
				}
				want := body + strings.Replace(c.end, "]", ",", 1)
				if read != len(want) || [sha256.Size]byte(sum.Sum(nil)) != sha256.Sum256([]byte(want)) {
					t.Errorf("%d bytes in %d pages are not the %d that were sent", read, pages, len(want))
				}
				t.Logf("%d pages, documents of up to %d bytes", pages, largest)
			})
		})
	}
}

// create makes the stream s without sending the body through the door, which might
// not take it.
func create(t *testing.T, d door, f *function, mediaType, body string) {
	t.Helper()
	h := f.httpAPI
	if d.name != "HTTP API" {
		h = f.loadBalancer
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "/v1/stream/s", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", mediaType)
	w := &status{header: http.Header{}}
	h.ServeHTTP(w, r)
	if w.code != http.StatusCreated {
		t.Fatalf("create: %d", w.code)
	}
}

// status is a response of which only the status counts.
type status struct {
	header http.Header
	code   int
}

func (s *status) Header() http.Header         { return s.header }
func (s *status) WriteHeader(code int)        { s.code = code }
func (s *status) Write(p []byte) (int, error) { return len(p), nil }

// The largest answers that pass, and the smallest that do not.
func TestLimit(t *testing.T) {
	through(t, func(t *testing.T, d door) {
		size := limitOf(d) * 3 / 4
		for _, c := range []struct {
			bytes    string
			size     int
			status   int
			isBase64 bool
		}{
			{"\xff", size - 1000, 200, true},
			{"\xff", size, 413, false},
			{"x", limitOf(d) - 1000, 200, false},
			{"x", limitOf(d), 413, false},
			{"<", limitOf(d) - 1000, 200, false},
			// JSON makes six bytes of one. Base64 is shorter.
			{"\x01", size - 1000, 200, true},
		} {
			t.Run(fmt.Sprintf("%d of %q", c.size, c.bytes), func(t *testing.T) {
				body := strings.Repeat(c.bytes, c.size)
				f := on(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "text/plain")
					_, _ = io.WriteString(w, body)
				}))
				a := d.send(t, f, sent{do: "GET /a"})
				if a.status != c.status || a.isBase64 != c.isBase64 || a.size > limitOf(d) {
					t.Fatalf("status %d, base64 %v, a document of %d bytes", a.status, a.isBase64, a.size)
				}
				if c.status == 200 && a.body != body {
					t.Error("the body is another one")
				}
				if c.status == 413 && !strings.Contains(a.body, "function URL") {
					t.Errorf("refused with %q", a.body)
				}
			})
		}
	})
}

// The default page of 4 MiB passes an HTTP API if it is bytes, and not if it is short
// messages, and never a load balancer: hence pages of other sizes.
func TestDefaultPageIsTooLarge(t *testing.T) {
	bytesOf := func(s string, n int) *function {
		return on(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, strings.Repeat(s, n/len(s)))
		}))
	}
	for _, c := range []struct {
		door   door
		text   string
		size   int
		status int
	}{
		{doors[0], "\xff", 4 << 20, 200},
		{doors[0], `"",`, (4 << 20) / 2 * 3, 413},
		{doors[1], "\xff", 4 << 20, 413},
		{doors[1], "x", 4 << 20, 413},
	} {
		a := c.door.send(t, bytesOf(c.text, c.size), sent{do: "GET /a"})
		if a.status != c.status {
			t.Errorf("%s, %q: %d, a document of %d bytes; want %d", c.door.name, c.text, a.status, a.size, c.status)
		}
		t.Logf("%s: 4 MiB of %q take %d bytes", c.door.name, c.text, a.size)
	}
}
