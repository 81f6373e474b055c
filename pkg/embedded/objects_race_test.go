package embedded

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Objects are put into folders from which others are removed at the same time, so that
// the folders come and go. Every put must find its way.
func TestPutWhileFoldersAreRemoved(t *testing.T) {
	for name, system := range systems(t) {
		o := openObjects(t, name, system)
		var group sync.WaitGroup
		for w := range 8 {
			group.Go(func() {
				for n := range 100 {
					key := fmt.Sprintf("a/%c/c/%d-%d", "bB"[n%2], w, n)
					if err := o.PutObject(t.Context(), key, section([]byte(key))); err != nil {
						t.Error(err)
						return
					}
					if got, err := o.Object(t.Context(), key, 0, -1); err != nil || string(got) != key {
						t.Errorf("object %s is %q, %v", key, got, err)
					}
					if err := o.RemoveObjects(t.Context(), []string{key}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if left := append(files(t, system, o.root), files(t, system, o.temp)...); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
}

// objectWriter puts objects into folders that it shares with others, and removes them
// again.
type objectWriter struct {
	id int
	// put counts those that were acknowledged, removing those whose removal began,
	// removed those whose removal was acknowledged.
	put, removing, removed atomic.Int64
}

func (w *objectWriter) key(n int64) string { return fmt.Sprintf("s/%c/o-%d-%d", "aAb"[n%3], w.id, n) }

// run puts count objects, and calls each after every one of them.
func (w *objectWriter) run(t *testing.T, o *Objects, count int64, each func(n int64)) {
	for n := range count {
		if err := o.PutObject(t.Context(), w.key(n), section([]byte(w.key(n)))); err != nil {
			t.Error(err)
			return
		}
		w.put.Add(1)
		if n%5 == 4 {
			// All but the newest, so that folders become empty.
			for n := w.removing.Load(); n < w.put.Load()-1; n++ {
				w.removing.Add(1)
				if err := o.RemoveObjects(t.Context(), []string{w.key(n)}); err != nil {
					t.Error(err)
					return
				}
				w.removed.Add(1)
			}
		}
		each(n)
	}
}

// TestObjectsPowerFailure takes the power away, again and again, while objects are put
// and removed. What was acknowledged must be on the disk that is left, whole; and what
// was removed must not.
func TestObjectsPowerFailure(t *testing.T) {
	const puts, between = 400, 25
	eachCase(t, func(t *testing.T, on func(vfs.FS) vfs.FS) {
		disk := vfs.NewCrashableMem()
		o := openObjects(t, "data", on(disk))
		writers := make([]*objectWriter, 4)
		for i := range writers {
			writers[i] = &objectWriter{id: i}
		}
		var group sync.WaitGroup
		for _, w := range writers {
			group.Go(func() {
				w.run(t, o, puts, func(n int64) {
					if n%between == int64(w.id) {
						checkObjectsAfterPowerFailure(t, disk, on, writers, n)
					}
				})
			})
		}
		group.Wait()
	})
}

// checkObjectsAfterPowerFailure checks what would be left if the power failed now.
func checkObjectsAfterPowerFailure(t *testing.T, disk *vfs.MemFS, on func(vfs.FS) vfs.FS, writers []*objectWriter, n int64) {
	put, removed := make([]int64, len(writers)), make([]int64, len(writers))
	for i, w := range writers {
		put[i], removed[i] = w.put.Load(), w.removed.Load()
	}
	random := rand.New(rand.NewPCG(uint64(n), 1))
	clone := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(n % 3 * 50), RNG: random})
	removing := make([]int64, len(writers))
	for i, w := range writers {
		removing[i] = w.removing.Load()
	}
	left, err := OpenObjects("data", on(clone))
	if err != nil {
		t.Error(err)
		return
	}
	keys, err := left.ListObjects(t.Context(), "", "", 10_000)
	if err != nil {
		t.Error(err)
	}
	for _, key := range keys {
		if got, err := left.Object(t.Context(), key, 0, -1); err != nil || string(got) != key {
			t.Errorf("failure at %d: object %s is %q, %v", n, key, got, err)
		}
	}
	for i, w := range writers {
		for number := range removed[i] {
			if slices.Contains(keys, w.key(number)) {
				t.Errorf("failure at %d: object %s was removed, and is there", n, w.key(number))
			}
		}
		for number := removing[i]; number < put[i]; number++ {
			if !slices.Contains(keys, w.key(number)) {
				t.Errorf("failure at %d: object %s was put, and is not there", n, w.key(number))
			}
		}
	}
}
