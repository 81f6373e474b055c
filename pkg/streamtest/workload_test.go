package streamtest_test

import (
	"context"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// TestWorkload: a store that is in order passes, with calls that fail and without; one that
// is not does not.
func TestWorkload(t *testing.T) {
	for _, share := range []float64{0, 0.1} {
		w, faults := workloadOn(t, memory.New(), share)
		if err := w.Run(t.Context()); err != nil {
			t.Fatalf("share %v: %v", share, err)
		}
		for _, f := range faults {
			f.Stop()
			f.ReleaseLate()
		}
		if err := w.Verify(t.Context()); err != nil {
			t.Errorf("share %v: %v", share, err)
		}
	}
	w, _ := workloadOn(t, forgetful{memory.New()}, 0)
	if w.Run(t.Context()) == nil && w.Verify(t.Context()) == nil {
		t.Error("a store that forgets chunks passes")
	}
}

// forgetful is a driver that forgets each chunk it is given.
type forgetful struct{ stream.Driver }

func (forgetful) PutChunk(context.Context, stream.Life, stream.Chunk) error { return nil }

func workloadOn(t *testing.T, d stream.Driver, share float64) (*streamtest.Workload, []*streamtest.Faults) {
	t.Helper()
	objects := new(memory.Objects)
	var faults []*streamtest.Faults
	var processes []streamtest.Store
	for i := range 3 {
		f := streamtest.NewFaults(d)
		f.Random(uint64(i), share)
		faults = append(faults, f)
		processes = append(processes, streamtest.Store{Driver: f, Objects: streamtest.NewObjectFaults(objects, f)})
	}
	w, err := streamtest.NewWorkload(t.Context(), 1, streamtest.NewClock(), streamtest.Store{Driver: d, Objects: objects}, processes)
	if err != nil {
		t.Fatal(err)
	}
	return w, faults
}
