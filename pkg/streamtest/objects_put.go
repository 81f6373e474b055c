package streamtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// objectBody returns n bytes in which any four that are aligned say where they
// are, and in which body they are.
func objectBody(seed uint16, n int) []byte {
	b := make([]byte, 0, n+3)
	for i := 0; len(b) < n; i++ {
		b = binary.BigEndian.AppendUint32(b, uint32(seed)<<21^uint32(i))
	}
	return b[:n:n]
}

// wantObject checks the whole of an object.
func wantObject(t *testing.T, o *patientObjects, key string, want []byte) {
	t.Helper()
	got, err := o.Object(t.Context(), key, 0, -1)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Fatalf("object %s: got %d bytes that differ from the %d that were put", key, len(got), len(want))
	}
}

func testObjectRoundTrip(t *testing.T, o *patientObjects) {
	for i, size := range []int{0, 1, 100, 64 << 10, 1<<20 + 1, 6 << 20} {
		key := fmt.Sprintf("%s/staged/%016x-%d", newIncarnation(), i, i)
		body := objectBody(uint16(i), size)
		must(t, o.put(t.Context(), key, body))
		wantObject(t, o, key, body)
	}
	// Bytes that a text protocol would trip over.
	all := make([]byte, 0, 512)
	for i := range 256 {
		all = append(all, byte(i), '\r')
	}
	must(t, o.put(t.Context(), "bytes", all))
	wantObject(t, o, "bytes", all)
}

// testObjectSections puts bodies that are a part of something, or of which something
// was read before.
func testObjectSections(t *testing.T, o *patientObjects) {
	const size = 200_000
	whole := bytes.NewReader(objectBody(1, size))
	for i, s := range []struct{ offset, n int64 }{{0, size}, {0, 1000}, {70_001, 100_003}, {size - 1, 1}, {size, 0}, {33, 0}} {
		key := fmt.Sprintf("a/%d", i)
		section := io.NewSectionReader(whole, s.offset, s.n)
		if _, err := section.Seek(s.n/2, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			must(t, o.PutObject(t.Context(), key, section))
			wantObject(t, o, key, objectBody(1, size)[s.offset:s.offset+s.n])
		}
		if at, err := section.Seek(0, io.SeekCurrent); err != nil || at != s.n/2 {
			t.Errorf("the reader stood at %d, and stands at %d, %v", s.n/2, at, err)
		}
	}
}

// readerAt is a function as an [io.ReaderAt].
type readerAt func(p []byte, offset int64) (int, error)

func (r readerAt) ReadAt(p []byte, offset int64) (int, error) { return r(p, offset) }

// testObjectBodyFails puts bodies that cannot be read to their end.
func testObjectBodyFails(t *testing.T, o *patientObjects) {
	const size = 300_000
	body := bytes.NewReader(objectBody(1, size))
	broken := errors.New("broken")
	until := func(end int64) io.ReaderAt {
		return readerAt(func(p []byte, offset int64) (int, error) {
			if offset+int64(len(p)) <= end {
				return body.ReadAt(p, offset)
			}
			return 0, broken
		})
	}
	for _, c := range []struct {
		name string
		body *io.SectionReader
		want error
	}{
		{"at once", io.NewSectionReader(until(0), 0, size), broken},
		{"after a part", io.NewSectionReader(until(150_000), 0, size), broken},
		{"at its end", io.NewSectionReader(until(size-1), 0, size), broken},
		{"too short", io.NewSectionReader(body, 1, size), nil},
		{"empty", io.NewSectionReader(strings.NewReader(""), 0, 1), nil},
	} {
		err := o.PutObject(t.Context(), "a/1", c.body)
		if err == nil || errors.Is(err, stream.ErrObjectExists) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("a body that fails %s: %v", c.name, err)
		}
		wantKeys(t, o, "")
	}
	// The same in place of an object that is there.
	whole := objectBody(1, size)
	must(t, o.put(t.Context(), "a/1", whole))
	if err := o.PutObject(t.Context(), "a/1", io.NewSectionReader(until(size-1), 0, size)); !errors.Is(err, broken) {
		t.Errorf("again, with a body that fails: %v", err)
	}
	wantObject(t, o, "a/1", whole)
}

// testLargeObject puts more than a process holds for a client.
func testLargeObject(t *testing.T, o *patientObjects) {
	const size, step = 16<<20 + 5, 1 << 20
	// It repeats itself, but not with the period of any buffer.
	block := objectBody(1, 65_521)
	at := func(p []byte, offset int64) {
		for n := 0; n < len(p); {
			n += copy(p[n:], block[(offset+int64(n))%int64(len(block)):])
		}
	}
	body := readerAt(func(p []byte, offset int64) (int, error) { at(p, offset); return len(p), nil })
	const from = 7
	for range 2 {
		must(t, o.PutObject(t.Context(), "a/1", io.NewSectionReader(body, from, size)))
	}
	want := make([]byte, step)
	for offset := int64(0); offset < size; offset += step {
		n := min(step, size-offset)
		got, err := o.Object(t.Context(), "a/1", offset, n)
		must(t, err)
		at(want[:n], from+offset)
		if !bytes.Equal(got, want[:n]) {
			t.Fatalf("%d bytes from %d on: got %d bytes that differ", n, offset, len(got))
		}
	}
	other := readerAt(func(p []byte, offset int64) (int, error) {
		at(p, offset)
		if last := from + size - 1 - offset; last >= 0 && last < int64(len(p)) {
			p[last] ^= 1
		}
		return len(p), nil
	})
	if err := o.PutObject(t.Context(), "a/1", io.NewSectionReader(other, from, size)); !errors.Is(err, stream.ErrObjectExists) {
		t.Errorf("a body whose last byte differs: %v, want ErrObjectExists", err)
	}
}

func testObjectRanges(t *testing.T, o *patientObjects) {
	const size = 1<<20 + 17
	body := objectBody(1, size)
	must(t, o.put(t.Context(), "a/1", body))
	must(t, o.put(t.Context(), "a/empty", nil))
	for _, r := range []struct{ offset, n int64 }{
		{0, 1}, {0, size}, {0, size - 1}, {1, size - 1}, {size - 1, 1}, {4093, 100_003}, {size - 17, 17},
		{1, -1}, {size - 1, -1}, {size / 2, -1}, {0, -1},
	} {
		got, err := o.Object(t.Context(), "a/1", r.offset, r.n)
		must(t, err)
		end := r.offset + r.n
		if r.n < 0 {
			end = size
		}
		if !bytes.Equal(got, body[r.offset:end]) {
			t.Errorf("%d bytes from %d on: got %d bytes that differ", r.n, r.offset, len(got))
		}
	}
	for _, r := range []struct {
		key       string
		offset, n int64
	}{
		{"a/1", 0, size + 1}, {"a/1", 1, size}, {"a/1", size - 1, 2}, {"a/1", size, 1}, {"a/1", size, -1}, {"a/1", size + 1, -1}, {"a/1", 1 << 40, 1},
		{"a/1", 0, 0}, {"a/1", -1, 1}, {"a/1", 1, 1<<63 - 1},
		{"a/empty", 0, 1}, {"a/empty", 1, -1},
	} {
		if got, err := o.Object(t.Context(), r.key, r.offset, r.n); !errors.Is(err, stream.ErrRejected) {
			t.Errorf("%d bytes from %d on of %s: got %d bytes, %v, want ErrRejected", r.n, r.offset, r.key, len(got), err)
		}
	}
}

func testObjectMissing(t *testing.T, o *patientObjects) {
	must(t, o.put(t.Context(), "a/10", []byte("ten")))
	for _, key := range []string{"a/1", "a/100", "b/10", "10", "A/10"} {
		for _, r := range []struct{ offset, n int64 }{{0, -1}, {0, 1}, {5, -1}, {5, 2}} {
			if got, err := o.Object(t.Context(), key, r.offset, r.n); !errors.Is(err, stream.ErrNoItem) {
				t.Errorf("%d bytes from %d on of %s: got %d bytes, %v, want ErrNoItem", r.n, r.offset, key, len(got), err)
			}
		}
	}
	keys, err := o.ListObjects(t.Context(), "b/", "", 10)
	must(t, err)
	if len(keys) != 0 {
		t.Errorf("keys in an empty folder: %v", keys)
	}
}

func testObjectPutIfAbsent(t *testing.T, o *patientObjects) {
	first := objectBody(1, 1000)
	must(t, o.put(t.Context(), "a/1", first))
	// The same again is no error: a caller repeats what it does not know.
	must(t, o.put(t.Context(), "a/1", slices.Clone(first)))
	for _, other := range [][]byte{nil, first[:999], objectBody(2, 1000), objectBody(1, 1001)} {
		err := o.put(t.Context(), "a/1", other)
		if !errors.Is(err, stream.ErrObjectExists) || errors.Is(err, stream.ErrNotApplied) {
			t.Errorf("another body of %d bytes: %v, want ErrObjectExists", len(other), err)
		}
	}
	wantObject(t, o, "a/1", first)
	must(t, o.put(t.Context(), "a/empty", nil))
	must(t, o.put(t.Context(), "a/empty", []byte{}))
	if err := o.put(t.Context(), "a/empty", first); !errors.Is(err, stream.ErrObjectExists) {
		t.Errorf("a body in place of an empty one: %v, want ErrObjectExists", err)
	}
}

func testObjectRacePut(t *testing.T, o *patientObjects) {
	const writers = 8
	for round := range 5 {
		key := fmt.Sprintf("race/%d", round)
		won := make([]bool, writers)
		together(t, writers, func(i int) error {
			// Two writers each have the same body.
			err := o.put(t.Context(), key, objectBody(uint16(i/2), 10_000))
			won[i] = err == nil
			if errors.Is(err, stream.ErrObjectExists) {
				err = nil
			}
			return err
		})
		winner := slices.Index(won, true)
		if winner < 0 {
			t.Fatal("nobody won")
		}
		for i := range won {
			if won[i] != (i/2 == winner/2) {
				t.Errorf("writer %d, with body %d: told that it is stored: %v; body %d won", i, i/2, won[i], winner/2)
			}
		}
		wantObject(t, o, key, objectBody(uint16(winner/2), 10_000))
	}
}

// testObjectKeys uses keys that differ in little, or that something on the way
// could take for something else.
func testObjectKeys(t *testing.T, o *patientObjects) {
	// Four parts of 255 bytes, each with a slash after it.
	long := strings.Repeat(strings.Repeat("0123456789abcdef", 16)[:255]+"/", 4)
	keys := []string{
		"a", "A", "0", "00", "-", "_", "=", "a.b", ".a", "...", "a..b", "a=b=", "d.e.f/.g/..h/i.", "x/y", "x-y", "x.y", "x_y", "x=y", "x0y",
		"index.html", "favicon.ico", "logs/2024-01-01.gz", strings.Repeat("z", 255), long[:1023], long[:1020] + "/z/z", long[1:] + "z",
	}
	for i, key := range keys {
		must(t, o.put(t.Context(), key, objectBody(uint16(i), i)))
	}
	for i, key := range keys {
		wantObject(t, o, key, objectBody(uint16(i), i))
	}
	got, err := o.ListObjects(t.Context(), "", "", len(keys)+1)
	must(t, err)
	if want := sorted(keys); !slices.Equal(got, want) {
		t.Errorf("the list is %v, want %v", got, want)
	}
}

func testObjectBadArguments(t *testing.T, o *patientObjects) {
	rejected := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, stream.ErrRejected) {
			t.Errorf("%s: %v, want ErrRejected", what, err)
		}
	}
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/../b", "a/.", "a b", "a\x00", "a\n", "ä", "a\xff", "a?b", "a#b", "a%2fb", "a&b", "a<b", `a\b`, "a*",
		strings.Repeat("a", 256), "a/" + strings.Repeat("a", 256) + "/a", strings.Repeat("a/", 512) + "a",
	} {
		rejected(fmt.Sprintf("put %q", key), o.put(t.Context(), key, []byte("x")))
		_, err := o.Object(t.Context(), key, 0, -1)
		rejected(fmt.Sprintf("read %q", key), err)
		rejected(fmt.Sprintf("remove %q", key), o.RemoveObjects(t.Context(), []string{key}))
	}
	_, err := o.DiscardObjects(t.Context(), "", 1)
	rejected("discard everything", err)
	_, err = o.DiscardObjects(t.Context(), "a*", 1)
	rejected("discard a*", err)
	_, err = o.DiscardObjects(t.Context(), "a", 0)
	rejected("discard nothing", err)
	_, err = o.ListObjects(t.Context(), "a b", "", 1)
	rejected("list a bad prefix", err)
	_, err = o.ListObjects(t.Context(), "a", "a b", 1)
	rejected("list after a bad key", err)
	_, err = o.ListObjects(t.Context(), "a", "", 0)
	rejected("list nothing", err)
}
