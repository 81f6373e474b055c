package streamtest

import (
	"math/rand/v2"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A lazy driver keeps what was retired, tells so, and lets it go when it is told to.
func TestLazy(t *testing.T) {
	ctx, d := t.Context(), NewLazy(memory.New())
	h := hold(t, d, newLife(), 6, 3)
	for range 2 {
		h.retire(t, d, h.chunks[:4], h.staged[1:])
	}
	there := func() (all, retired int) {
		found, err := inventory(ctx, d, 2, nil)
		must(t, err)
		for _, s := range found {
			if s.Retired {
				retired++
			}
		}
		return len(found), retired
	}
	random := rand.New(rand.NewPCG(1, 1))
	for left := 6; left >= 0; left-- {
		if all, retired := there(); d.RetiredLeft() != left || retired != left || all != left+3 {
			t.Fatalf("%d things, %d of them retired, and %d are left to go, want %d", all, retired, d.RetiredLeft(), left)
		}
		h.check(t, d)
		must(t, d.Expire(ctx, random, 1))
	}

	// What cannot go yet goes later.
	f := NewFaults(memory.New())
	d = NewLazy(f)
	h = hold(t, d, newLife(), 2, 0)
	h.retire(t, d, h.chunks, nil)
	f.Script(Retire, 2, NotApplied)
	if err := d.Expire(ctx, random, 10); err == nil || d.RetiredLeft() != 1 {
		t.Errorf("%d things are left to go after %v, want one", d.RetiredLeft(), err)
	}
	must(t, d.Expire(ctx, random, 10))
	if chunks := allChunks(t, d, h.life, stream.Offset{}, 100); d.RetiredLeft() != 0 || len(chunks) > 0 {
		t.Errorf("%d things are left to go, and the chunks %+v are there", d.RetiredLeft(), chunks)
	}
}
