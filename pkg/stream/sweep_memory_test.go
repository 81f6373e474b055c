package stream_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"weak"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// reread is a store that hands out a head of its own for each read, as one that is not in
// this process does, and counts how many of them are in use at most when a place is noted.
type reread struct {
	*store
	heads []weak.Pointer[stream.Head]
	held  int
}

func (r *reread) Head(ctx context.Context, name string, c stream.Consistency) (*stream.Head, error) {
	h, err := r.store.Head(ctx, name, c)
	if err != nil {
		return nil, err
	}
	h = h.Clone()
	r.heads = append(r.heads, weak.Make(h))
	return h, nil
}

func (r *reread) SetCursor(ctx context.Context, key, value string) error {
	runtime.GC()
	held := 0
	for _, h := range r.heads {
		if h.Value() != nil {
			held++
		}
	}
	r.held = max(r.held, held)
	return r.store.SetCursor(ctx, key, value)
}

// A sweep looks at many streams in a run and keeps none of their heads, which have buffers.
func TestSweepKeepsNoHeads(t *testing.T) {
	const streams = 300
	r := &reread{store: newStore()}
	l, err := stream.New(r, stream.Options{Limits: short()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range streams {
		name := fmt.Sprint("s", i)
		if _, _, err := l.Create(t.Context(), name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), name, text("a")); err != nil {
			t.Fatal(err)
		}
		if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
			t.Fatal(err)
		}
	}
	r.heads = nil
	if swept, err := l.Sweep(t.Context(), stream.SweepOptions{IdleAfter: 1 << 62, Items: 10 * streams}); err != nil || swept.Items != 2*streams {
		t.Errorf("%+v, %v", swept, err)
	}
	if len(r.heads) != streams || r.held > streams/10 {
		t.Errorf("of %d heads that were read, %d were kept", len(r.heads), r.held)
	}
}
