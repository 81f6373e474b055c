package s3standin_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A slow reader gets the object that it asked for, though that is deleted and its
// place in the file is taken by another one while it reads.
func TestReadOutlivesItsObject(t *testing.T) {
	s := start(t, t.TempDir())
	defer stop(t, s)
	store := storeAt(t, s.Endpoint(), "objects")
	const size = 16 << 20 // more than fits into the buffers of a connection
	if err := put(t, store, "a", strings.Repeat("a", size)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(s.Endpoint() + "/objects/a")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	if _, err := store.DiscardObjects(t.Context(), "a", 1); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"b", "c"} {
		if err := put(t, store, key, strings.Repeat(key, size)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil || len(got) != size {
		t.Fatalf("%d bytes of %d, %v", len(got), size, err)
	}
	if !bytes.Equal(got, bytes.Repeat([]byte{'a'}, size)) {
		t.Errorf("it has bytes of other objects: %d of b, %d of c", bytes.Count(got, []byte{'b'}), bytes.Count(got, []byte{'c'}))
	}
}
