package bucket_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// altered has a body replaced, its headers left as they are.
func altered(alter func([]byte) io.Reader) func(*s3.GetObjectOutput) {
	return func(out *s3.GetObjectOutput) {
		body, _ := io.ReadAll(out.Body)
		out.Body = io.NopCloser(alter(bytes.Clone(body)))
	}
}

// Whatever is wrong with a body, it is an error and never data.
func TestDamagedBodies(t *testing.T) {
	const whole, part = "whole", "part"
	for _, c := range []struct {
		name string
		get  func(*s3.GetObjectOutput)
		// reads are those that can find it out.
		reads []string
	}{
		{"short", altered(func(b []byte) io.Reader { return bytes.NewReader(b[:len(b)-1]) }), []string{whole, part}},
		{"empty", altered(func(b []byte) io.Reader { return strings.NewReader("") }), []string{whole, part}},
		{"long", altered(func(b []byte) io.Reader { return bytes.NewReader(append(b, 'x')) }), []string{whole, part}},
		{"cut off", altered(func(b []byte) io.Reader {
			return io.MultiReader(bytes.NewReader(b[:1]), iotest.ErrReader(io.ErrUnexpectedEOF))
		}), []string{whole, part}},
		{"broken at its end", altered(func(b []byte) io.Reader {
			return io.MultiReader(bytes.NewReader(b), iotest.ErrReader(io.ErrUnexpectedEOF))
		}), []string{whole, part}},
		{"a flipped bit", altered(func(b []byte) io.Reader { b[1] ^= 4; return bytes.NewReader(b) }), []string{whole}},
		{"short, and the length says so", func(out *s3.GetObjectOutput) {
			altered(func(b []byte) io.Reader { return bytes.NewReader(b[:len(b)-1]) })(out)
			*out.ContentLength--
		}, []string{whole, part}},
		{"no length", func(out *s3.GetObjectOutput) { out.ContentLength = nil }, []string{whole, part}},
		{"no checksum", func(out *s3.GetObjectOutput) { out.Metadata = nil }, []string{whole}},
		{"another range", func(out *s3.GetObjectOutput) { out.ContentRange = aws.String("bytes 3-6/10") }, []string{whole, part}},
		{"a shorter range", func(out *s3.GetObjectOutput) { out.ContentRange = aws.String("bytes 2-4/10") }, []string{part}},
		{"no range", func(out *s3.GetObjectOutput) { out.ContentRange = nil }, []string{part}},
		{"a range of unknown size", func(out *s3.GetObjectOutput) { out.ContentRange = aws.String("bytes 2-5/*") }, []string{part}},
	} {
		for _, read := range c.reads {
			t.Run(c.name+"/"+read, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFake(t)
					s := f.store()
					must(t, put(t.Context(), s, "a/1", "0123456789"))
					offset, n := int64(0), int64(-1)
					if read == part {
						offset, n = 2, 4
					}
					f.get = c.get
					if got, err := s.Object(t.Context(), "a/1", offset, n); outcome(err) != "unknown" || got != nil {
						t.Errorf("%q, %v, want an error", got, err)
					}
					f.wantRequests("put", "get", "get", "get")

					// What was damaged on its way is asked for again.
					healed := false
					f.get = func(out *s3.GetObjectOutput) {
						if !healed {
							c.get(out)
						}
						healed = true
					}
					got, err := s.Object(t.Context(), "a/1", offset, n)
					must(t, err)
					if want := "0123456789"[offset:]; read == whole && string(got) != want || read == part && string(got) != want[:n] {
						t.Errorf("%q after damage", got)
					}
				})
			})
		}
	}
}

// A range that is the whole object is checked like the whole.
func TestWholeRangeIsChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := f.store()
		must(t, put(t.Context(), s, "a/1", "0123456789"))
		f.get = altered(func(b []byte) io.Reader { b[1] ^= 4; return bytes.NewReader(b) })
		if got, err := s.Object(t.Context(), "a/1", 0, 10); err == nil {
			t.Errorf("altered data: %q", got)
		}
	})
}

// The check value that the catalogues of CRCs give for CRC-32C: objects outlive the
// program that wrote them.
func TestChecksumIsCRC32C(t *testing.T) {
	f := newFake(t)
	must(t, put(t.Context(), f.store(), "a", "123456789"))
	if got := f.objects["a"].metadata["crc32c"]; got != "e3069283" {
		t.Errorf("checksum %q", got)
	}
}
