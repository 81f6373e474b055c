package stream_test

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Two batches that are admitted to one trimmed head do not meet in the room that
// the trim left behind its empty buffer.
func TestClonesOfATrimmedHeadAreApart(t *testing.T) {
	l := stream.DefaultLimits()
	log, s := open(t, l)
	create(t, log)
	put(t, log, text("one"))
	put(t, log, text("two"))
	h := stored(t, s, l)
	trimmed, ok := stream.Trimmed(h, h, h.Tail, stream.DefaultLimits())
	if !ok {
		t.Fatal("the trim was refused")
	}
	admit := func(id stream.CommitID, record string) *stream.Head {
		next, ok := stream.Admit(trimmed, &stream.Batch{ID: id, Appends: []*stream.Append{text(record)}, Now: trimmed.CreatedAt}, l)
		if !ok {
			t.Fatal("the batch was refused")
		}
		return next
	}
	first, second := admit(1, "first"), admit(2, "2nd")
	for _, next := range []*stream.Head{first, second} {
		if err := invariants(next, l); err != nil {
			t.Error(err)
		}
	}
	if got := string(first.Buffer[0].Frames); got != "\x00\x00\x00\x05first" {
		t.Errorf("the first head has %q", got)
	}
}
