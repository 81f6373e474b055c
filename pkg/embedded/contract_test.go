package embedded_test

import (
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

// roomy is inMemory without small caches, for the suites that only compute.
func roomy(t *testing.T) stream.Driver {
	o := embedded.DefaultOptions()
	o.FS = vfs.NewMem()
	return openClosing(t, "data", o)
}

// onDisk opens an empty store in a directory.
func onDisk(t *testing.T) stream.Driver { return openClosing(t, t.TempDir(), smallOptions()) }

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

func TestDriver(t *testing.T)       { streamtest.RunDriver(t, inMemory) }
func TestDriverOnDisk(t *testing.T) { streamtest.RunDriver(t, onDisk) }
func TestLog(t *testing.T)          { streamtest.RunLog(t, inMemory) }
func TestFaults(t *testing.T)       { streamtest.RunFaults(t, roomy) }
func TestModel(t *testing.T)        { streamtest.RunModel(t, inMemory) }
