package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func openObjects(t *testing.T, dir string, system vfs.FS) *Objects {
	t.Helper()
	o, err := OpenObjects(dir, system)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func section(body []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(body), 0, int64(len(body)))
}

func putObject(t *testing.T, o *Objects, key string, body []byte) {
	t.Helper()
	if err := o.PutObject(t.Context(), key, section(body)); err != nil {
		t.Fatal(err)
	}
}

// files returns the paths of everything in a folder and below it.
func files(t *testing.T, system vfs.FS, folder string) (paths []string) {
	t.Helper()
	names, err := system.List(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := system.PathJoin(folder, name)
		paths = append(paths, path)
		info, err := system.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			paths = append(paths, files(t, system, path)...)
		}
	}
	return paths
}

// An object that was put is there after a crash that loses all that is not synced,
// with every folder that leads to it, and one that was removed is not.
func TestObjectsAreDurable(t *testing.T) {
	eachCase(t, func(t *testing.T, on func(vfs.FS) vfs.FS) {
		disk := vfs.NewCrashableMem()
		o := openObjects(t, "some/data", on(disk))
		crashed := func() *Objects { return openObjects(t, "some/data", on(disk.CrashClone(vfs.CrashCloneCfg{}))) }
		long := strings.Repeat("D", 200)
		keys := []string{"a", "b/c/d", "b/c/e", "b/C/d", "b/f/g", "b/c/d2", "b/" + long + "/d", "b/" + long + "D/d"}
		for n, key := range keys {
			putObject(t, o, key, []byte(key))
			left := crashed()
			got, err := left.ListObjects(t.Context(), "", "", 10)
			want := slices.Sorted(slices.Values(keys[:n+1]))
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("after a crash: %v, %v, want %v", got, err, want)
			}
			for _, key := range want {
				if body, err := left.Object(t.Context(), key, 0, -1); err != nil || string(body) != key {
					t.Errorf("after a crash: object %s is %q, %v", key, body, err)
				}
			}
		}
		for n, key := range keys {
			if err := o.RemoveObjects(t.Context(), []string{key}); err != nil {
				t.Fatal(err)
			}
			got, err := crashed().ListObjects(t.Context(), "", "", 10)
			if want := slices.Sorted(slices.Values(keys[n+1:])); err != nil || !slices.Equal(got, want) {
				t.Fatalf("after a removal and a crash: %v, %v, want %v", got, err, want)
			}
		}
		if left := files(t, disk, "some/data/objects"); len(left) > 0 {
			t.Errorf("the last object left %v", left)
		}
	})
}

// A process that died between renaming an object and syncing its folders leaves one
// that is not durable. Who puts it again makes sure that it is.
func TestPutAgainMakesDurable(t *testing.T) {
	disk := vfs.NewCrashableMem()
	o := openObjects(t, "data", disk)
	body := []byte("body")
	if err := disk.MkdirAll(o.folder("a/b/c"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := o.write(o.path("a/b/c"), section(body)); err != nil {
		t.Fatal(err)
	}
	putObject(t, o, "a/b/c", body)
	left := openObjects(t, "data", disk.CrashClone(vfs.CrashCloneCfg{}))
	if got, err := left.Object(t.Context(), "a/b/c", 0, -1); err != nil || !bytes.Equal(got, body) {
		t.Errorf("after a crash: %q, %v", got, err)
	}
}

func TestOpeningRemovesWhatWasBeingPut(t *testing.T) {
	disk := vfs.NewMem()
	o := openObjects(t, "data", disk)
	putObject(t, o, "a/b", []byte("body"))
	if err := o.write(disk.PathJoin(o.temp, "7"), section([]byte("half"))); err != nil {
		t.Fatal(err)
	}
	o = openObjects(t, "data", disk)
	if got, want := files(t, disk, "data"), []string{"data/objects", "data/objects.new", "data/objects/a", "data/objects/a/b"}; !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("files are %v, want %v", got, want)
	}
	if got, err := o.Object(t.Context(), "a/b", 0, -1); err != nil || string(got) != "body" {
		t.Errorf("the object is %q, %v", got, err)
	}
}

// brokenReader fails once it was read up to some offset.
type brokenReader struct{ after int64 }

var errBroken = errors.New("broken")

func (r brokenReader) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > r.after {
		return 0, errBroken
	}
	return len(b), nil
}

// A body that cannot be read leaves nothing behind.
func TestBodyThatCannotBeRead(t *testing.T) {
	disk := vfs.NewMem()
	o := openObjects(t, "data", disk)
	for want, body := range map[error]*io.SectionReader{
		io.ErrUnexpectedEOF: io.NewSectionReader(strings.NewReader("short"), 0, 6),
		errBroken:           io.NewSectionReader(brokenReader{3 * copyBuffer}, 0, 4*copyBuffer),
	} {
		if err := o.PutObject(t.Context(), "a/b", body); !errors.Is(err, want) {
			t.Errorf("put: %v, want %v", err, want)
		}
		if got := files(t, disk, "data"); len(got) != 2 {
			t.Errorf("left behind: %v", got)
		}
	}
	// Nor does it matter to what is there.
	putObject(t, o, "a/b", make([]byte, 4*copyBuffer))
	if err := o.PutObject(t.Context(), "a/b", io.NewSectionReader(brokenReader{3 * copyBuffer}, 0, 4*copyBuffer)); !errors.Is(err, errBroken) {
		t.Errorf("put again: %v, want %v", err, errBroken)
	}
}

// Whatever is altered in an object, or missing from it, is noticed.
func TestAlteredObjectIsAnError(t *testing.T) {
	disk := vfs.NewMem()
	o := openObjects(t, "data", disk)
	body := []byte("the body of an object")
	putObject(t, o, "a", body)
	whole, err := disk.UnsafeGetFileDataBuffer(o.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	whole = bytes.Clone(whole)
	store := func(content []byte) {
		file, err := disk.Create(o.path("a"), vfs.WriteCategoryUnspecified)
		if err == nil {
			_, err = file.Write(bytes.Clone(content))
		}
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for n := range len(whole) {
		store(whole[:n])
		if got, err := o.Object(t.Context(), "a", 0, -1); !errors.Is(err, errCorrupt) {
			t.Errorf("cut to %d bytes: %q, %v", n, got, err)
		}
		altered := bytes.Clone(whole)
		altered[n] ^= 1
		store(altered)
		if got, err := o.Object(t.Context(), "a", 0, -1); !errors.Is(err, errCorrupt) {
			t.Errorf("bit flipped in byte %d: %q, %v", n, got, err)
		}
		if got, err := o.Object(t.Context(), "a", 0, int64(len(body))); !errors.Is(err, errCorrupt) {
			t.Errorf("bit flipped in byte %d, the range of all: %q, %v", n, got, err)
		}
		if err := o.PutObject(t.Context(), "a", section(body)); err == nil {
			t.Errorf("bit flipped in byte %d: putting the object again says that it is there", n)
		}
	}
	store(whole)
	if got, err := o.Object(t.Context(), "a", 0, -1); err != nil || !bytes.Equal(got, body) {
		t.Errorf("unaltered: %q, %v", got, err)
	}
	// Even what cannot be read can be removed.
	store(nil)
	if err := o.RemoveObjects(t.Context(), []string{"a"}); err != nil {
		t.Error(err)
	}
	if got := files(t, disk, o.root); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}

// pattern is a large body that is nowhere in memory.
type pattern struct {
	mu      sync.Mutex
	largest int
}

func (p *pattern) ReadAt(b []byte, off int64) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.largest = max(p.largest, len(b))
	for i := range b {
		n := off + int64(i)
		b[i] = byte(n ^ n>>8 ^ n>>16)
	}
	return len(b), nil
}

// The memory that a put needs does not depend on the size of the object, nor does that
// of comparing with one that is there, or of reading a range.
func TestLargeObjectIsNeverInMemory(t *testing.T) {
	const size, most = 32 << 20, 1 << 20
	o := openObjects(t, t.TempDir(), vfs.Default)
	body := &pattern{}
	allocated := func(what string, do func() error) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := do()
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > most {
			t.Errorf("%s took %d bytes of memory", what, n)
		}
	}
	put := func() error { return o.PutObject(t.Context(), "a/b", io.NewSectionReader(body, 0, size)) }
	allocated("a put", put)
	allocated("a put of what is there", put)
	allocated("reading a range", func() error {
		got, err := o.Object(t.Context(), "a/b", size-1000, 1000)
		want := make([]byte, 1000)
		if _, err := body.ReadAt(want, size-1000); err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("the range differs: %w", err)
		}
		return err
	})
	if body.largest > copyBuffer {
		t.Errorf("%d bytes of the body were read at once", body.largest)
	}
}

// Prefixes that no key has lead nowhere, least of all out of the folder.
func TestListDoesNotLeaveTheFolder(t *testing.T) {
	for name, system := range systems(t) {
		o := openObjects(t, name, system)
		putObject(t, o, "a/b", []byte("body"))
		if err := o.write(system.PathJoin(o.temp, "x"), section(nil)); err != nil {
			t.Fatal(err)
		}
		for _, prefix := range []string{"../", "../objects.new/", "..", "a/../", "a/../../objects.new/x", "/", "//", "./", "a/b/", "A/", strings.Repeat("n", 300) + "/"} {
			got, err := o.ListObjects(t.Context(), prefix, "", 10)
			if err != nil || len(got) > 0 {
				t.Errorf("%s*: %v, %v", prefix, got, err)
			}
			if done, err := o.DiscardObjects(t.Context(), prefix, 10); err != nil || !done {
				t.Errorf("discard %s*: %v, %v", prefix, done, err)
			}
		}
		if got, err := o.Object(t.Context(), "a", 0, -1); !errors.Is(err, stream.ErrNoItem) {
			t.Errorf("a folder: %q, %v", got, err)
		}
		if err := o.RemoveObjects(t.Context(), []string{"a", "a/c", "b/c", "A/b", "a/B"}); err != nil {
			t.Errorf("removing what is not there: %v", err)
		}
		if got, err := o.Object(t.Context(), "a/b", 0, -1); err != nil || string(got) != "body" {
			t.Errorf("the object is %q, %v", got, err)
		}
		if _, err := system.Stat(system.PathJoin(o.temp, "x")); err != nil {
			t.Error(err)
		}
	}
}
