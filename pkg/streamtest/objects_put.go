package streamtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
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
func wantObject(t *testing.T, o stream.Objects, key string, want []byte) {
	t.Helper()
	got, err := o.Object(t.Context(), key, 0, -1)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Fatalf("object %s: got %d bytes that differ from the %d that were put", key, len(got), len(want))
	}
}

func testObjectRoundTrip(t *testing.T, o stream.Objects) {
	for i, size := range []int{0, 1, 100, 64 << 10, 1<<20 + 1, 6 << 20} {
		key := fmt.Sprintf("%s/staged/%016x-%d", newIncarnation(), i, i)
		body := objectBody(uint16(i), size)
		must(t, o.PutObject(t.Context(), key, body))
		wantObject(t, o, key, body)
	}
	// Bytes that a text protocol would trip over.
	all := make([]byte, 0, 512)
	for i := range 256 {
		all = append(all, byte(i), '\r')
	}
	must(t, o.PutObject(t.Context(), "bytes", all))
	wantObject(t, o, "bytes", all)
}

func testObjectRanges(t *testing.T, o stream.Objects) {
	const size = 1<<20 + 17
	body := objectBody(1, size)
	must(t, o.PutObject(t.Context(), "a/1", body))
	must(t, o.PutObject(t.Context(), "a/empty", nil))
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

func testObjectMissing(t *testing.T, o stream.Objects) {
	must(t, o.PutObject(t.Context(), "a/10", []byte("ten")))
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

func testObjectPutIfAbsent(t *testing.T, o stream.Objects) {
	first := objectBody(1, 1000)
	must(t, o.PutObject(t.Context(), "a/1", first))
	// The same again is no error: a caller repeats what it does not know.
	must(t, o.PutObject(t.Context(), "a/1", slices.Clone(first)))
	for _, other := range [][]byte{nil, first[:999], objectBody(2, 1000), objectBody(1, 1001)} {
		err := o.PutObject(t.Context(), "a/1", other)
		if !errors.Is(err, stream.ErrObjectExists) || errors.Is(err, stream.ErrNotApplied) {
			t.Errorf("another body of %d bytes: %v, want ErrObjectExists", len(other), err)
		}
	}
	wantObject(t, o, "a/1", first)
	must(t, o.PutObject(t.Context(), "a/empty", nil))
	must(t, o.PutObject(t.Context(), "a/empty", []byte{}))
	if err := o.PutObject(t.Context(), "a/empty", first); !errors.Is(err, stream.ErrObjectExists) {
		t.Errorf("a body in place of an empty one: %v, want ErrObjectExists", err)
	}
}

func testObjectRacePut(t *testing.T, o stream.Objects) {
	const writers = 8
	for round := range 5 {
		key := fmt.Sprintf("race/%d", round)
		won := make([]bool, writers)
		together(t, writers, func(i int) error {
			// Two writers each have the same body.
			err := o.PutObject(t.Context(), key, objectBody(uint16(i/2), 10_000))
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
func testObjectKeys(t *testing.T, o stream.Objects) {
	long := strings.Repeat("0123456789abcdef", 10)
	keys := []string{
		"a", "A", "0", "00", "-", "_", "=", "a.b", ".a", "...", "a..b", "a=b=", "d.e.f/.g/..h/i.", "x/y", "x-y", "x.y", "x_y", "x=y", "x0y",
		"index.html", "favicon.ico", "logs/2024-01-01.gz", long + "/" + long + "/" + long,
	}
	for i, key := range keys {
		must(t, o.PutObject(t.Context(), key, objectBody(uint16(i), i)))
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

func testObjectBadArguments(t *testing.T, o stream.Objects) {
	rejected := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, stream.ErrRejected) {
			t.Errorf("%s: %v, want ErrRejected", what, err)
		}
	}
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/../b", "a/.", "a b", "a\x00", "a\n", "ä", "a\xff", "a?b", "a#b", "a%2fb", "a&b", "a<b", `a\b`, "a*",
		strings.Repeat("a", 513),
	} {
		rejected(fmt.Sprintf("put %q", key), o.PutObject(t.Context(), key, []byte("x")))
		_, err := o.Object(t.Context(), key, 0, -1)
		rejected(fmt.Sprintf("read %q", key), err)
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
