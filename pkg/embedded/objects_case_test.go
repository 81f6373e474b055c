package embedded

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// foldingFS takes names that differ in case for the same, as the usual file systems of
// some machines do.
type foldingFS struct{ vfs.FS }

func (f foldingFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.FS.Create(strings.ToLower(name), c)
}

func (f foldingFS) Link(from, to string) error {
	return f.FS.Link(strings.ToLower(from), strings.ToLower(to))
}

func (f foldingFS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	return f.FS.Open(strings.ToLower(name), o...)
}

func (f foldingFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return f.FS.OpenReadWrite(strings.ToLower(name), c, o...)
}

func (f foldingFS) OpenDir(name string) (vfs.File, error) { return f.FS.OpenDir(strings.ToLower(name)) }

func (f foldingFS) Remove(name string) error { return f.FS.Remove(strings.ToLower(name)) }

func (f foldingFS) RemoveAll(name string) error { return f.FS.RemoveAll(strings.ToLower(name)) }

func (f foldingFS) Rename(from, to string) error {
	return f.FS.Rename(strings.ToLower(from), strings.ToLower(to))
}

func (f foldingFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.FS.ReuseForWrite(strings.ToLower(from), strings.ToLower(to), c)
}

func (f foldingFS) MkdirAll(name string, mode os.FileMode) error {
	return f.FS.MkdirAll(strings.ToLower(name), mode)
}

func (f foldingFS) Lock(name string) (io.Closer, error) { return f.FS.Lock(strings.ToLower(name)) }

func (f foldingFS) List(name string) ([]string, error) { return f.FS.List(strings.ToLower(name)) }

func (f foldingFS) Stat(name string) (vfs.FileInfo, error) { return f.FS.Stat(strings.ToLower(name)) }

func (f foldingFS) GetDiskUsage(name string) (vfs.DiskUsage, error) {
	return f.FS.GetDiskUsage(strings.ToLower(name))
}

func (f foldingFS) Unwrap() vfs.FS { return f.FS }

// eachCase runs a test twice: on makes a file system one that does not tell upper case
// from lower, or leaves it as it is.
func eachCase(t *testing.T, test func(t *testing.T, on func(vfs.FS) vfs.FS)) {
	t.Run("Case", func(t *testing.T) { test(t, func(system vfs.FS) vfs.FS { return system }) })
	t.Run("NoCase", func(t *testing.T) { test(t, func(system vfs.FS) vfs.FS { return foldingFS{system} }) })
}

// systems are file systems of all kinds, each with an empty folder for data.
func systems(t *testing.T) map[string]vfs.FS {
	return map[string]vfs.FS{t.TempDir(): vfs.Default, "data": vfs.NewMem(), "folded": foldingFS{vfs.NewMem()}}
}

// The whole contract, where upper case is not told from lower.
func TestObjectsWithoutCase(t *testing.T) {
	streamtest.RunObjects(t, func(t *testing.T) stream.Objects {
		return openObjects(t, "data", foldingFS{vfs.NewMem()})
	})
}

// Objects whose keys file systems might take for each other, or not take at all, are all
// there; and when they are removed, nothing is.
func TestObjectNames(t *testing.T) {
	keys := []string{
		"A", "B/C", "B/c", "a", "b/C", "b/c", "con", "CON", "com1.", "com1", "d./e", "d/e", "D/E.", "D/E",
		strings.Repeat("a", 255), strings.Repeat("A", 255), strings.Repeat("aA", 127), strings.Repeat("Aa", 127),
		strings.Repeat("aA", 127) + "a", strings.Repeat("aA", 100) + "/" + strings.Repeat("A", 255),
		strings.Repeat(strings.Repeat("N", 255)+"/", 4)[:1023], strings.Repeat(strings.Repeat("n", 255)+"/", 4)[:1023],
	}
	slices.Sort(keys)
	for dir, system := range systems(t) {
		o := openObjects(t, dir, system)
		for _, key := range keys {
			if _, err := o.Object(t.Context(), key, 0, -1); !errors.Is(err, stream.ErrNoItem) {
				t.Errorf("%s before it was put: %v, want ErrNoItem", key, err)
			}
			putObject(t, o, key, []byte(key))
		}
		for _, key := range keys {
			if got, err := o.Object(t.Context(), key, 0, -1); err != nil || string(got) != key {
				t.Errorf("%s is %q, %v", key, got, err)
			}
		}
		if got, err := o.ListObjects(t.Context(), "", "", 100); err != nil || !slices.Equal(got, keys) {
			t.Errorf("the keys are %v, %v, want %v", got, err, keys)
		}
		for _, path := range files(t, system, o.root) {
			if path = strings.TrimPrefix(path, o.root); path != strings.ToLower(path) {
				t.Errorf("%s has upper case", path)
			}
		}
		if err := o.RemoveObjects(t.Context(), keys); err != nil {
			t.Error(err)
		}
		if got := files(t, system, o.root); len(got) > 0 {
			t.Errorf("left: %v", got)
		}
	}
}

// What is not there is not, even where an object is in the way.
func TestRemoveBelowAnObject(t *testing.T) {
	o := openObjects(t, t.TempDir(), vfs.Default)
	putObject(t, o, "a/b", []byte("body"))
	for _, key := range []string{"a/b/c", "a/b/c/d"} {
		if err := o.RemoveObjects(t.Context(), []string{key}); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if got, err := o.Object(t.Context(), "a/b", 0, -1); err != nil || string(got) != "body" {
			t.Errorf("after %s was removed, a/b is %q, %v", key, got, err)
		}
	}
}

// A key whose path is longer than the system takes is rejected, and leaves nothing; as
// nothing can be stored under it, it is no obstacle to those who list or remove.
func TestPathThatIsTooLong(t *testing.T) {
	dir := t.TempDir()
	for range 10 {
		dir = vfs.Default.PathJoin(dir, strings.Repeat("d", 250))
	}
	o := openObjects(t, dir, vfs.Default)
	key := strings.Repeat(strings.Repeat("N", 255)+"/", 4)[:1023]
	if err := o.PutObject(t.Context(), key, section([]byte("body"))); !errors.Is(err, stream.ErrRejected) {
		t.Errorf("put: %v, want ErrRejected", err)
	}
	if got := files(t, vfs.Default, dir); len(got) != 2 {
		t.Errorf("left behind: %v", got)
	}
	if err := o.RemoveObjects(t.Context(), []string{key}); err != nil {
		t.Error(err)
	}
	for _, prefix := range []string{key, key[:1000], key[:767], ""} {
		if got, err := o.ListObjects(t.Context(), prefix, "", 10); err != nil || len(got) > 0 {
			t.Errorf("%d bytes of the key: %v, %v", len(prefix), got, err)
		}
	}
	if done, err := o.DiscardObjects(t.Context(), key[:768], 10); err != nil || !done {
		t.Errorf("discard: %v, %v", done, err)
	}
}

func TestOpenObjectsWhereThereIsNoFolder(t *testing.T) {
	if _, err := OpenObjects("/dev/null/data", vfs.Default); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opened a directory below /dev/null: %v", err)
	}
}
