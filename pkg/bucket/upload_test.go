package bucket_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// readerAt is a function as an [io.ReaderAt].
type readerAt func(p []byte, offset int64) (int, error)

func (r readerAt) ReadAt(p []byte, offset int64) (int, error) { return r(p, offset) }

var errBroken = errors.New("broken")

// failing is a body that can be read to its end so many times.
func failing(size int64, times int) *io.SectionReader {
	var reads atomic.Int64
	return io.NewSectionReader(readerAt(func(p []byte, offset int64) (int, error) {
		end := offset+int64(len(p)) >= size
		if end && reads.Add(1) > int64(times) {
			return 0, errBroken
		}
		clear(p)
		return len(p), nil
	}), 0, size)
}

// A body that fails is not taken for a store that fails, whenever it does.
func TestBodyFailsLater(t *testing.T) {
	f := newFake(t)
	err := f.store().PutObject(t.Context(), "a/1", failing(100_000, 1))
	if !errors.Is(err, errBroken) || len(f.objects) != 0 {
		t.Errorf("%v, %d objects", err, len(f.objects))
	}
	f.wantRequests("put")

	// The first time for the checksum, the second for the signature.
	for times, want := range []int{0, 0, 1} {
		r, s := record(t, func(w http.ResponseWriter, _ *http.Request) {})
		if err := s.PutObject(t.Context(), "a/1", failing(1_000_000, times)); !errors.Is(err, errBroken) {
			t.Errorf("a body that can be read %d times: %v", times, err)
		}
		if n := r.count(); n > want {
			t.Errorf("a body that can be read %d times: %d requests", times, n)
		}
	}

	// It does not hide what an earlier attempt may have done.
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, after(errHangs))
		if err := f.store().PutObject(t.Context(), "a/1", failing(10, 3)); outcome(err) != "unknown" {
			t.Errorf("applied, and then compared with a body that fails: %v", err)
		}
		f.wantRequests("put", "put", "get")
	})
}

// A put that finds an object compares it, and says that it is another one only if it
// knows what is stored.
func TestComparesWithDamagedBodies(t *testing.T) {
	const body = "0123456789"
	for _, c := range []struct {
		name string
		get  func(*s3.GetObjectOutput)
	}{
		{"short", altered(func(b []byte) io.Reader { return strings.NewReader(string(b[:9])) })},
		{"long", altered(func(b []byte) io.Reader { return strings.NewReader(string(b) + "x") })},
		{"a flipped bit", altered(func(b []byte) io.Reader { b[1] ^= 4; return strings.NewReader(string(b)) })},
		{"short, and the length says so", func(out *s3.GetObjectOutput) {
			altered(func(b []byte) io.Reader { return strings.NewReader(string(b[:9])) })(out)
			*out.ContentLength--
		}},
		{"no checksum", func(out *s3.GetObjectOutput) { out.Metadata = nil }},
		{"another range", func(out *s3.GetObjectOutput) { out.ContentRange = aws.String("bytes 3-6/10") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				s := f.store()
				must(t, put(t.Context(), s, "a/1", body))
				f.get = c.get
				if err := put(t.Context(), s, "a/1", body); outcome(err) != "unknown" {
					t.Errorf("%v, want an unknown outcome", err)
				}
				f.wantRequests("put", "put", "get", "get", "get")
				f.get = nil
				must(t, put(t.Context(), s, "a/1", body))
				for _, other := range []string{"", "012345678", "0123456789x", "0123456780"} {
					if err := put(t.Context(), s, "a/1", other); outcome(err) != "exists" {
						t.Errorf("another body, %q: %v", other, err)
					}
				}
			})
		})
	}
}

// large is the largest segment that is planned for.
const large = 64 << 20

// largeBody is a body of that size that takes little memory.
func largeBody() *io.SectionReader {
	// Its period is not that of any buffer.
	block := make([]byte, 65_521)
	for i := range block {
		block[i] = byte(i * i >> 5)
	}
	return io.NewSectionReader(readerAt(func(p []byte, offset int64) (int, error) {
		for n := 0; n < len(p); {
			n += copy(p[n:], block[(offset+int64(n))%int64(len(block)):])
		}
		return len(p), nil
	}), 0, large)
}

// A large body takes no memory to speak of: neither to put it, nor to find out that it
// is there. It is not even sent if it is.
func TestLargeBodyInLittleMemory(t *testing.T) {
	stored, puts := false, 0
	var sent int64
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == "PUT" {
			puts++
		}
		switch {
		case req.Method == "PUT" && !stored:
			if asked := req.Header.Get("Expect") == "100-continue"; asked != (req.ContentLength == large) {
				t.Errorf("the store was asked first: %v, for %d bytes", asked, req.ContentLength)
			}
			n, err := io.Copy(sum, req.Body)
			if err != nil {
				t.Error(err)
			}
			sent += n
			stored = true
		case req.Method == "PUT":
			w.WriteHeader(http.StatusPreconditionFailed)
			fmt.Fprint(w, `<Error><Code>PreconditionFailed</Code></Error>`)
		default:
			w.Header().Set("X-Amz-Meta-Crc32c", fmt.Sprintf("%08x", sum.Sum32()))
			w.Header().Set("Content-Length", fmt.Sprint(large))
			if _, err := io.Copy(w, largeBody()); err != nil {
				t.Error(err)
			}
		}
	}))
	defer server.Close()
	s := newStore(t, newClient(t, server.URL), "objects")
	must(t, put(t.Context(), s, "warm", "x"))
	stored, puts, sent = false, 0, 0
	sum.Reset()

	var begin, end runtime.MemStats
	runtime.ReadMemStats(&begin)
	for range 2 {
		must(t, s.PutObject(t.Context(), "a/1", largeBody()))
	}
	runtime.ReadMemStats(&end)
	if sent != large || puts != 2 {
		t.Errorf("%d bytes were sent, by %d requests", sent, puts)
	}
	// The server's buffers are counted too.
	if took := end.TotalAlloc - begin.TotalAlloc; took > 2<<20 {
		t.Errorf("it took %d KiB", took>>10)
	}
}

// The deadline of a request leaves time for its body.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		o := bucket.Options{Timeout: 10 * time.Second, Rate: 100, Attempts: 1, Pause: time.Second}
		s, err := bucket.New(f, "b", o)
		must(t, err)
		must(t, put(t.Context(), s, "a", strings.Repeat("x", 250)))
		must(t, put(t.Context(), s, "a", strings.Repeat("x", 250)))
		_, err = s.Object(t.Context(), "a", 50, 150)
		must(t, err)
		_, err = s.Object(t.Context(), "a", 0, -1)
		must(t, err)
		if _, err = s.Object(t.Context(), "a", 1, 1<<62); !errors.Is(err, stream.ErrRejected) {
			t.Error(err)
		}
		must(t, s.RemoveObjects(t.Context(), []string{"a"}))
		f.wantRequests("put", "put", "get", "get", "get", "get", "delete", "list")
		const ms = time.Millisecond
		want := []time.Duration{12500 * ms, 12500 * ms, 12500 * ms, 11500 * ms, 10_000 * ms, 5 << 30 / 100 * 1000 * ms, 10_000 * ms, 10_000 * ms}
		for i := range want {
			if off := f.deadlines[i] - want[i]; off < 0 || off > 20*time.Second || i != 5 && off > ms {
				t.Errorf("request %d, %s: %v, want %v", i, f.requests[i], f.deadlines[i], want[i])
			}
		}
	})
	// Those of production leave time for a segment.
	f := newFake(t, before(accessDenied))
	if err := f.store().PutObject(t.Context(), "a", largeBody()); outcome(err) != "rejected" {
		t.Error(err)
	}
	if d := f.deadlines[0]; d < time.Minute || d > 90*time.Second {
		t.Errorf("%v for a segment of 64 MiB", d)
	}
}
