package embedded_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/commoncurriculum/durable-streams-aws/pkg/embedded"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// smallOptions make heads leave the cache and data leave the write buffer early,
// so that tests see both sides.
func smallOptions() embedded.Options {
	return embedded.Options{CacheBytes: 1 << 20, HeadBytes: 8 << 10, MemTableBytes: 256 << 10}
}

func open(t *testing.T, dir string) *embedded.Store {
	t.Helper()
	s, err := embedded.Open(dir, smallOptions())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newLog(t *testing.T, d stream.Driver) *stream.Log {
	t.Helper()
	l := stream.DefaultLimits()
	l.FlushCount, l.SegmentCount = 4, 10
	log, err := stream.New(d, stream.Options{Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// Whatever is acknowledged is there after the store was closed and opened again,
// head by head: those in the cache and those that left it.
func TestReopen(t *testing.T) {
	const streams, appends = 50, 23
	dir := t.TempDir()
	s := open(t, dir)
	log := newLog(t, s)
	var group sync.WaitGroup
	for i := range streams {
		group.Go(func() {
			name := fmt.Sprint("s", i)
			if _, _, err := log.Create(t.Context(), name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}}); err != nil {
				t.Error(err)
			}
			for n := range appends {
				var r stream.Records
				r.Add(fmt.Appendf(nil, "%d:%d;", i, n))
				tag := &stream.ProducerTag{ID: "p", Producer: stream.Producer{Seq: uint64(n)}}
				done, err := log.Append(t.Context(), name, &stream.Append{ContentType: "text/plain", Records: r, Producer: tag})
				if err == nil && done.FlushDue() {
					err = log.Flush(t.Context(), name, done)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	heads := map[string]*stream.Head{}
	for i := range streams {
		name := fmt.Sprint("s", i)
		h, err := s.Head(t.Context(), name, stream.Strong)
		if err != nil {
			t.Fatal(err)
		}
		heads[name] = h
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, dir)
	defer s.Close()
	log = newLog(t, s)
	for i := range streams {
		name := fmt.Sprint("s", i)
		h, err := s.Head(t.Context(), name, stream.Strong)
		if err != nil || !reflect.DeepEqual(h, heads[name]) {
			t.Errorf("%s: head is %+v, %v, was %+v", name, h, err, heads[name])
		}
		var want, got strings.Builder
		for n := range appends {
			fmt.Fprintf(&want, "%d:%d;", i, n)
		}
		page, err := log.Read(t.Context(), name, stream.Start())
		if err != nil {
			t.Fatal(err)
		}
		for record := range page.Records() {
			got.Write(record)
		}
		if got.String() != want.String() {
			t.Errorf("%s: read %q, want %q", name, got.String(), want.String())
		}
	}
}

// A store that was written by another version of the layout, before or after this
// one, is refused and left as it is.
func TestOtherFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	for _, format := range []byte{1, 2, 3, 4, 6} {
		db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatNewest})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Set([]byte("f"), []byte{format}, pebble.Sync), db.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := embedded.Open(dir, smallOptions()); !errors.Is(err, embedded.ErrFormat) {
			t.Fatalf("opened a store of format %d: %v", format, err)
		}
	}
	// The refusal let go of the directory.
	db, err := pebble.Open(dir, &pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestDirectoryThatCannotBeMade(t *testing.T) {
	if s, err := embedded.Open("/dev/null/data", smallOptions()); err == nil {
		s.Close()
		t.Fatal("opened a directory below /dev/null")
	}
}
