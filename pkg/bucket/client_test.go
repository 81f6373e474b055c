package bucket_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
)

// recorder is a server that keeps the requests, and answers what it is told to.
type recorder struct {
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
	answer   http.HandlerFunc
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.requests, r.bodies = append(r.requests, req), append(r.bodies, string(body))
	r.mu.Unlock()
	r.answer(w, req)
}

// count is how many requests came in. Those that were cut off may not have ended.
func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.requests)
}

// record returns a store on a recorder, through the client of production.
func record(t *testing.T, answer http.HandlerFunc) (*recorder, *bucket.Store) {
	r := &recorder{answer: answer}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	o := bucket.DefaultOptions()
	o.Pause = time.Millisecond
	s, err := bucket.New(newClient(t, server.URL), "objects", o)
	must(t, err)
	return r, s
}

// What goes over the wire is what both R2 and S3 understand: a body as it is, with
// a signed hash, and no checksum of the kind that R2 had trouble with.
func TestPutOnTheWire(t *testing.T) {
	r, s := record(t, func(w http.ResponseWriter, _ *http.Request) {})
	body := strings.Repeat("x", 3<<20)
	must(t, put(t.Context(), s, "a/segment/1", body))
	if len(r.requests) != 1 || r.bodies[0] != body {
		t.Fatalf("%d requests; the first has a body of %d bytes", len(r.requests), len(r.bodies[0]))
	}
	req := r.requests[0]
	hash := sha256.Sum256([]byte(body))
	for name, want := range map[string]string{
		"If-None-Match":        "*",
		"X-Amz-Content-Sha256": hex.EncodeToString(hash[:]),
		"Content-Type":         "application/octet-stream",
		"Expect":               "",
		"X-Amz-Trailer":        "",
		"Content-Encoding":     "",
	} {
		if got := req.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if req.Method != "PUT" || req.URL.Path != "/objects/a/segment/1" {
		t.Errorf("%s %s", req.Method, req.URL.Path)
	}
	noChecksums(t, req)
	signed := req.Header.Get("Authorization")
	for _, name := range []string{"if-none-match", "x-amz-content-sha256", "x-amz-meta-crc32c"} {
		if !strings.Contains(signed, name) {
			t.Errorf("the signature leaves out %s: %s", name, signed)
		}
	}
}

func noChecksums(t *testing.T, req *http.Request) {
	t.Helper()
	for name := range req.Header {
		if strings.HasPrefix(name, "X-Amz-Checksum") || strings.HasPrefix(name, "X-Amz-Sdk-Checksum") {
			t.Errorf("%s has the header %s", req.Method, name)
		}
	}
}

func TestGetOnTheWire(t *testing.T) {
	r, s := record(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Range", "bytes 5-7/100")
		w.WriteHeader(http.StatusPartialContent)
		fmt.Fprint(w, "abc")
	})
	if got, err := s.Object(t.Context(), "a/1", 5, 3); err != nil || string(got) != "abc" {
		t.Fatalf("%q, %v", got, err)
	}
	req := r.requests[0]
	if req.Header.Get("Range") != "bytes=5-7" || req.Header.Get("Accept-Encoding") != "identity" {
		t.Errorf("headers %v", req.Header)
	}
	noChecksums(t, req)
}

// A transfer that ends early is found out by what was promised.
func TestCutOffOnTheWire(t *testing.T) {
	r, s := record(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "abc")
		panic(http.ErrAbortHandler)
	})
	if got, err := s.Object(t.Context(), "a/1", 0, -1); outcome(err) != "unknown" {
		t.Errorf("%q, %v", got, err)
	}
	if n := r.count(); n != 3 {
		t.Errorf("%d requests", n)
	}
}

// DeleteObjects must have a checksum; S3 and R2 take this one.
func TestDeleteOnTheWire(t *testing.T) {
	lists := 0
	r, s := record(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Method == "POST" {
			fmt.Fprint(w, `<DeleteResult/>`)
		} else if lists++; lists == 1 {
			fmt.Fprint(w, `<ListBucketResult><Contents><Key>a/1</Key></Contents></ListBucketResult>`)
		} else {
			fmt.Fprint(w, `<ListBucketResult/>`)
		}
	})
	if done, err := s.DiscardObjects(t.Context(), "a/", 10); err != nil || !done {
		t.Fatal(done, err)
	}
	req := r.requests[1]
	if !req.URL.Query().Has("delete") || req.Header.Get("X-Amz-Checksum-Crc32") == "" && req.Header.Get("Content-Md5") == "" {
		t.Errorf("%s %s %v", req.Method, req.URL, req.Header)
	}
	if !strings.Contains(r.bodies[1], "<Key>a/1</Key>") || !strings.Contains(r.bodies[1], "<Quiet>true</Quiet>") {
		t.Errorf("body %s", r.bodies[1])
	}
}

// Errors as stores send them, through the SDK.
func TestErrorsOnTheWire(t *testing.T) {
	for _, c := range []struct {
		status   int
		body     string
		want     string
		requests int
	}{
		{403, `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`, "rejected", 1},
		{404, `<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>`, "rejected", 1},
		{503, `<Error><Code>SlowDown</Code><Message>no</Message></Error>`, "not applied", 3},
		{429, ``, "not applied", 3},
		{500, `<Error><Code>InternalError</Code><Message>no</Message></Error>`, "unknown", 3},
		{502, `<html>bad gateway</html>`, "unknown", 3},
		{403, `<html>denied by a proxy</html>`, "rejected", 1},
	} {
		r, s := record(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		if err := put(t.Context(), s, "a", "x"); outcome(err) != c.want || r.count() != c.requests {
			t.Errorf("%d %s: %s, want %s, %d requests: %v", c.status, c.body, outcome(err), c.want, r.count(), err)
		}
	}
	// A read has two kinds of 404.
	_, s := record(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(404)
		fmt.Fprint(w, `<Error><Code>NoSuchKey</Code></Error>`)
	})
	if _, err := s.Object(t.Context(), "a", 0, -1); outcome(err) != "missing" {
		t.Error(err)
	}
	_, s = record(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(404)
		fmt.Fprint(w, `<Error><Code>NoSuchBucket</Code></Error>`)
	})
	if _, err := s.Object(t.Context(), "a", 0, -1); outcome(err) != "rejected" {
		t.Error(err)
	}
}

// A machine whose clock is wrong is told so, and gets it right the second time.
func TestClockSkew(t *testing.T) {
	const ahead = 3 * time.Hour
	r, s := record(t, func(w http.ResponseWriter, req *http.Request) {
		now := time.Now().Add(ahead)
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		if signed, err := time.Parse("20060102T150405Z", req.Header.Get("X-Amz-Date")); err != nil || now.Sub(signed).Abs() > time.Minute {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<Error><Code>RequestTimeTooSkewed</Code></Error>`)
		}
	})
	if err := put(t.Context(), s, "a", ""); err != nil || r.count() != 2 {
		t.Errorf("%d requests, %v", r.count(), err)
	}
}

// Nobody listens there: nothing can have been applied.
func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	o := bucket.DefaultOptions()
	o.Pause = time.Millisecond
	s, err := bucket.New(newClient(t, server.URL), "objects", o)
	must(t, err)
	if err := put(t.Context(), s, "a", ""); outcome(err) != "not applied" {
		t.Error(err)
	}
}

func TestNewClientChecksItsSettings(t *testing.T) {
	good := bucket.Endpoint{URL: "https://account.r2.cloudflarestorage.com", Region: "auto", Credentials: credentials("a", "b")}
	if _, err := bucket.NewClient(good); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*bucket.Endpoint){
		func(e *bucket.Endpoint) { e.Region = "" },
		func(e *bucket.Endpoint) { e.Credentials = nil },
		func(e *bucket.Endpoint) { e.URL = "account.r2.cloudflarestorage.com" },
		func(e *bucket.Endpoint) { e.URL = "ftp://host" },
		func(e *bucket.Endpoint) { e.URL = "https://" },
		func(e *bucket.Endpoint) { e.URL = "https://user:secret@host" },
		func(e *bucket.Endpoint) { e.URL = "https://host/?a=b" },
		func(e *bucket.Endpoint) { e.URL = "http://a b" },
	} {
		e := good
		change(&e)
		if _, err := bucket.NewClient(e); err == nil {
			t.Errorf("%+v is accepted", e)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the message has a secret: %v", err)
		}
	}
}

// What R2's addresses and S3's look like.
func TestAddresses(t *testing.T) {
	for _, c := range []struct{ endpoint, region, want string }{
		{"", "eu-west-1", "https://objects.s3.eu-west-1.amazonaws.com/a/1"},
		{"https://account.r2.cloudflarestorage.com", "auto", "https://account.r2.cloudflarestorage.com/objects/a/1"},
	} {
		client, err := bucket.NewClient(bucket.Endpoint{URL: c.endpoint, Region: c.region, Credentials: credentials("a", "b")})
		must(t, err)
		signed, err := s3.NewPresignClient(client).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("objects"), Key: aws.String("a/1")})
		must(t, err)
		if got, _, _ := strings.Cut(signed.URL, "?"); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// A function's cold start pays for it.
func BenchmarkNewClient(b *testing.B) {
	e := bucket.Endpoint{URL: "https://account.r2.cloudflarestorage.com", Region: "auto", Credentials: credentials("a", "b")}
	for b.Loop() {
		if _, err := bucket.NewClient(e); err != nil {
			b.Fatal(err)
		}
	}
}
