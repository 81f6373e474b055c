package embedded

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func TestFiles(t *testing.T) {
	fs := vfs.NewCrashableMem()
	if err := fs.MkdirAll("data", 0o700); err != nil {
		t.Fatal(err)
	}
	root, err := fs.OpenDir("")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(root.Sync(), root.Close()); err != nil {
		t.Fatal(err)
	}
	f := newFiles(fs, "data")
	inc, other, id := stream.Incarnation{1}, stream.Incarnation{2}, stream.StagedID{Commit: 3, Part: 4}
	want := stream.AppendFrame(nil, bytes.Repeat([]byte("x"), fileSize))
	if err := errors.Join(f.put(inc, id, want), f.put(other, id, want[:9])); err != nil {
		t.Fatal(err)
	}
	// It is durable at once: a crash that loses all that is not synced keeps it.
	survived := newFiles(fs.CrashClone(vfs.CrashCloneCfg{}), "data")
	if got, err := survived.get(inc, id); err != nil || !bytes.Equal(got, want) {
		t.Errorf("after a crash: %d bytes, %v", len(got), err)
	}
	if _, err := f.get(inc, stream.StagedID{Commit: 3}); !errors.Is(err, stream.ErrNoItem) {
		t.Errorf("another part: %v", err)
	}
	if err := errors.Join(f.drop(inc), f.drop(inc), f.drop(stream.Incarnation{9})); err != nil {
		t.Error(err)
	}
	if _, err := f.get(inc, id); !errors.Is(err, stream.ErrNoItem) {
		t.Errorf("after the drop: %v", err)
	}
	if got, err := f.get(other, id); err != nil || len(got) != 9 {
		t.Errorf("another incarnation: %q, %v", got, err)
	}
}

// Whatever is altered in a file, or missing from it, is noticed.
func TestAlteredFileIsAnError(t *testing.T) {
	fs := vfs.NewMem()
	f := newFiles(fs, "data")
	inc, id := stream.Incarnation{1}, stream.StagedID{Commit: 1}
	frames := stream.AppendFrame(nil, []byte("record"))
	if err := f.put(inc, id, frames); err != nil {
		t.Fatal(err)
	}
	whole, err := fs.UnsafeGetFileDataBuffer(f.path(inc, id))
	if err != nil {
		t.Fatal(err)
	}
	whole = bytes.Clone(whole)
	store := func(content []byte) {
		file, err := fs.Create(f.path(inc, id), vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		// A vfs.File may change what it is given.
		if _, err := file.Write(bytes.Clone(content)); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for n := range len(whole) {
		store(whole[:n])
		if got, err := f.get(inc, id); !errors.Is(err, errCorrupt) {
			t.Errorf("cut to %d bytes: %q, %v", n, got, err)
		}
		altered := bytes.Clone(whole)
		altered[n] ^= 1
		store(altered)
		if got, err := f.get(inc, id); !errors.Is(err, errCorrupt) {
			t.Errorf("bit flipped in byte %d: %q, %v", n, got, err)
		}
	}
	store(whole)
	if got, err := f.get(inc, id); err != nil || !bytes.Equal(got, frames) {
		t.Errorf("unaltered: %q, %v", got, err)
	}
}
