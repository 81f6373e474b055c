package streamtest_test

import (
	"context"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// TestWorkload: a store that is in order passes, and one that is not does not.
func TestWorkload(t *testing.T) {
	for _, c := range []struct {
		name  string
		d     stream.Driver
		right bool
	}{{"right", memory.New(), true}, {"forgetful", forgetful{memory.New()}, false}} {
		s := streamtest.Store{Driver: c.d, Objects: new(memory.Objects)}
		w, err := streamtest.NewWorkload(t.Context(), 1, streamtest.NewClock(), s, []streamtest.Store{s, s, s})
		if err != nil {
			t.Fatal(err)
		}
		if err = w.Run(t.Context()); err == nil {
			err = w.Verify(t.Context())
		}
		if c.right != (err == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// forgetful is a driver that forgets each chunk it is given.
type forgetful struct{ stream.Driver }

func (forgetful) PutChunk(context.Context, stream.Life, stream.Chunk) error { return nil }
