package stream_test

import (
	"context"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A flush that fails half-way keeps what it did, so that a large buffer is flushed at last
// where a flush of all of it would never come to its end.
func TestFlushKeepsWhatItDid(t *testing.T) {
	const records = 12
	lim := stream.DefaultLimits()
	lim.PartSize = 1 // each record is a chunk
	l, s := open(t, lim)
	create(t, l)
	for range records {
		put(t, l, text("a"))
	}
	// Of four chunks that are put one after the other, one always fails.
	puts := 0
	s.hook(func(op string) fault {
		if op == "chunk" {
			if puts++; puts%4 == 0 {
				return lost
			}
		}
		return fine
	})
	left := records
	for n := 0; left > 0; n++ {
		if n == records {
			t.Fatalf("after %d flushes %d records are in the buffer", n, left)
		}
		err := l.Flush(context.Background(), name, stream.Appended{})
		h := stored(t, s, lim)
		if got := len(h.Buffer); got >= left || err == nil && got > 0 {
			t.Fatalf("a flush left %d of %d records: %v", got, left, err)
		}
		left = len(h.Buffer)
	}
	s.hook(nil)
	if got := content(t, l); got != strings.Repeat("a", records) {
		t.Errorf("content %q", got)
	}
}
