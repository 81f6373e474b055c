package embedded

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// logSizes returns how long the files of a store's log are.
func logSizes(t *testing.T, fs vfs.FS, dir string) map[string]int64 {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	sizes := make(map[string]int64)
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		info, err := fs.Stat(fs.PathJoin(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sizes[name] = info.Size()
	}
	return sizes
}

// The log is written into files that are longer already: most writes make none of them
// grow, and a file that is used again never does.
func TestLogIsWrittenOverZeros(t *testing.T) {
	o := Options{CacheBytes: 1 << 20, HeadBytes: 1 << 20, MemTableBytes: 256 << 10, FS: vfs.NewMem()}
	s, err := Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	const writes, size = 4000, 1000
	grown := 0
	before := logSizes(t, o.FS, "data")
	for i := range writes {
		if err := s.db.Set(fmt.Append(nil, "c", i), make([]byte, size), pebble.Sync); err != nil {
			t.Fatal(err)
		}
		after := logSizes(t, o.FS, "data")
		for name, n := range after {
			if n != before[name] {
				grown++
			}
		}
		before = after
	}
	// A handful of files are made, each of which grows logsAhead times, and is used again
	// by other names.
	if grown == 0 || grown > writes/10 {
		t.Errorf("in %d writes, files of the log grew %d times", writes, grown)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open("data", o); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i := range writes {
		if _, found, err := get(s.db, fmt.Append(nil, "c", i)); !found || err != nil {
			t.Fatalf("write %d is not there: %v", i, err)
		}
	}
}
