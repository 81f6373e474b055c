package embedded

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// family is a source, and what was acknowledged of its forks: those that nobody has begun
// to release, and those that were.
type family struct {
	source stream.Life

	mu       sync.Mutex
	forked   map[stream.Life]*stream.Head
	released map[stream.Life]bool
}

// note notes something that was acknowledged, or is about to be done.
func (f *family) note(what func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what()
}

// mostForks bounds how many forks a writer makes, however slow the failures come.
const mostForks = 400

// grow forks the source until it is told to stop, and releases two of three forks.
func (f *family) grow(t *testing.T, s *Store, writer int, stop <-chan struct{}) {
	for n := range mostForks {
		select {
		case <-stop:
			return
		default:
		}
		at := stream.Offset{Position: 7}
		h := &stream.Head{
			Version: 1, Config: stream.Config{ContentType: "text/plain"},
			Origin: &stream.Origin{Source: f.source, At: at, Anchor: at, Sub: 3},
			Tail:   at, Sealed: true, Compacted: 1,
		}
		binary.BigEndian.PutUint64(h.Incarnation[:], rand.Uint64())
		lineage := &stream.Lineage{Source: f.source, Ranges: []stream.Inherited{{Life: f.source, To: at}}}
		life := h.Life(fmt.Sprintf("%s/%d.%d", f.source.Name, writer, n))
		if err := s.Fork(t.Context(), life.Name, h, nil, lineage, time.Now()); err != nil {
			t.Errorf("fork %q: %v", life.Name, err)
			return
		}
		f.note(func() { f.forked[life] = h })
		if n%3 == 0 {
			continue
		}
		f.note(func() { delete(f.forked, life) })
		if _, err := s.Release(t.Context(), f.source, life); err != nil {
			t.Errorf("release %q: %v", life.Name, err)
			return
		}
		f.note(func() { f.released[life] = true })
	}
}

// check compares what a store holds with what was acknowledged before.
func (f *family) check(t *testing.T, s *Store, forked map[stream.Life]*stream.Head, released map[stream.Life]bool) {
	t.Helper()
	source, err := s.Head(t.Context(), f.source.Name, stream.Strong)
	if err != nil {
		t.Fatal(err)
	}
	noted, err := s.Forks(t.Context(), f.source, stream.Life{}, 1<<20)
	if err != nil || len(noted) != source.Forks {
		t.Errorf("%d forks of %q are counted, %d are noted, %v", source.Forks, f.source.Name, len(noted), err)
	}
	for _, life := range noted {
		if released[life] {
			t.Errorf("%q was released, and is noted", life.Name)
		}
		h, err := s.Head(t.Context(), life.Name, stream.Strong)
		if err != nil || h.Life(life.Name) != life {
			t.Errorf("%q is noted, and has the head %+v, %v", life.Name, h, err)
		}
		if lineage, err := s.Lineage(t.Context(), life); err != nil || lineage == nil || lineage.Source != f.source {
			t.Errorf("%q is noted, and has the lineage %+v, %v", life.Name, lineage, err)
		}
	}
	for life, want := range forked {
		h, err := s.Head(t.Context(), life.Name, stream.Strong)
		if err != nil || !reflect.DeepEqual(h, want) || !slices.Contains(noted, life) {
			t.Errorf("%q was forked, and has the head %+v, %v", life.Name, h, err)
		}
	}
}

// After a power failure a fork is there as a whole, or not at all: if it was acknowledged
// it is, and what was released stays so.
func TestPowerFailureForks(t *testing.T) {
	const sources, failures = 2, 9
	disk := vfs.NewCrashableMem()
	o := DefaultOptions()
	o.FS, o.MemTableBytes = disk, 256<<10
	s, err := Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var families []*family
	var group sync.WaitGroup
	stop := make(chan struct{})
	for i := range sources {
		name := fmt.Sprint("source ", i)
		f := &family{source: createStream(t, s, name, 7).Life(name), forked: make(map[stream.Life]*stream.Head), released: make(map[stream.Life]bool)}
		families = append(families, f)
		for w := range 2 {
			group.Go(func() { f.grow(t, s, w, stop) })
		}
	}
	var seen int
	for n := range failures {
		forked, released := make([]map[stream.Life]*stream.Head, sources), make([]map[stream.Life]bool, sources)
		for i, f := range families {
			f.note(func() { forked[i], released[i] = maps.Clone(f.forked), maps.Clone(f.released) })
			seen += len(forked[i]) + len(released[i])
		}
		random := rand.New(rand.NewPCG(uint64(n), 1))
		left := o
		left.FS = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: n % 3 * 50, RNG: random})
		after, err := Open("data", left)
		if err != nil {
			t.Fatalf("open after failure %d: %v", n, err)
		}
		for i, f := range families {
			// What was begun to be released since it was looked at may be gone.
			f.note(func() {
				maps.DeleteFunc(forked[i], func(life stream.Life, _ *stream.Head) bool { return f.forked[life] == nil })
			})
			f.check(t, after, forked[i], released[i])
		}
		if err := after.Close(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	group.Wait()
	if seen == 0 {
		t.Error("nothing was forked between the failures")
	}
}
