package embedded_test

import (
	"os"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/embedded"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// inMemory opens an empty store on a file system in memory: the suites make a
// hundred thousand commits, and a disk's sync would be all that they wait for.
func inMemory(t *testing.T) stream.Driver {
	o := smallOptions()
	o.FS = vfs.NewMem()
	return openClosing(t, "data", o)
}

// onDisk opens an empty store in a directory.
func onDisk(t *testing.T) stream.Driver { return openClosing(t, t.TempDir(), smallOptions()) }

// both opens an empty store and objects beside it, on one file system.
func both(t *testing.T, o embedded.Options) (stream.Driver, stream.Objects) {
	o.FS = vfs.NewMem()
	return openClosing(t, "data", o), openObjects(t, "data", o.FS)
}

func smallBoth(t *testing.T) (stream.Driver, stream.Objects) { return both(t, smallOptions()) }

// roomyBoth is smallBoth without small caches, for the suites that only compute.
func roomyBoth(t *testing.T) (stream.Driver, stream.Objects) {
	return both(t, embedded.DefaultOptions())
}

// sampling lets the suites that try every fault, crash and nap try one in seven of their
// cases, always the same ones, and fewer rounds of random faults; with STREAMTEST_ALL all
// of them. What they are about is how the core copes, whatever the driver is: pkg/memory
// runs every case. Here a case opens a store of its own, and only what this driver makes
// of such a case is new: for that, nearly every call that fails in nearly every way is
// enough. That the store itself keeps what it promises when the power fails is tested
// beside this file.
func sampling(open func(*testing.T) (stream.Driver, stream.Objects)) func(*testing.T) (stream.Driver, stream.Objects) {
	return func(t *testing.T) (stream.Driver, stream.Objects) {
		d, o := open(t)
		if os.Getenv("STREAMTEST_ALL") == "" {
			d = streamtest.Slow{Driver: d, OneIn: 7}
		}
		return d, o
	}
}

func objectsInMemory(t *testing.T) stream.Objects { return openObjects(t, "data", vfs.NewMem()) }

func objectsOnDisk(t *testing.T) stream.Objects { return openObjects(t, t.TempDir(), vfs.Default) }

func openObjects(t *testing.T, dir string, fs vfs.FS) *embedded.Objects {
	t.Helper()
	objects, err := embedded.OpenObjects(dir, fs)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func openClosing(t *testing.T, dir string, o embedded.Options) *embedded.Store {
	t.Helper()
	s, err := embedded.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestDriver(t *testing.T)        { streamtest.RunDriver(t, inMemory) }
func TestDriverOnDisk(t *testing.T)  { streamtest.RunDriver(t, onDisk) }
func TestObjects(t *testing.T)       { streamtest.RunObjects(t, objectsInMemory) }
func TestObjectsOnDisk(t *testing.T) { streamtest.RunObjects(t, objectsOnDisk) }
func TestLog(t *testing.T)           { streamtest.RunLog(t, smallBoth) }
func TestFaults(t *testing.T)        { streamtest.RunFaults(t, sampling(roomyBoth)) }
func TestModel(t *testing.T)         { streamtest.RunModel(t, smallBoth) }
func TestForest(t *testing.T)        { streamtest.RunForest(t, smallBoth) }
func TestRegistry(t *testing.T)      { streamtest.RunRegistry(t, sampling(smallBoth)) }
func TestBackground(t *testing.T)    { streamtest.RunBackground(t, sampling(smallBoth)) }
