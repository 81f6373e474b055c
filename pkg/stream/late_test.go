package stream_test

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// An attempt that was made for a known life, and given up, does not reach the next
// one: it was burned in the head of its own life only.
func TestLateCommitMissesTheNextLife(t *testing.T) {
	l := stream.DefaultLimits()
	l.BufferCount, l.FlushCount = 1, 1
	log, s := open(t, l)
	create(t, log)
	put(t, log, text("a"))
	// The first commit finds no room, so the second one knows the head.
	s.faults("commit", fine, late)
	put(t, log, text("b"))
	if got := content(t, log); got != "ab" {
		t.Errorf("content %q", got)
	}
	if err := log.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	create(t, log)
	s.arrive()
	if got := content(t, log); got != "" {
		t.Errorf("the next life begins with %q", got)
	}
}
