package stream_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

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

// A long buffer is trimmed in steps. One that was not applied is repeated where it is, and
// after one whose outcome is unknown the next flush goes on.
func TestLongTrim(t *testing.T) {
	const n = stream.MaxTrim
	for _, c := range []struct {
		entries int
		faults  []fault
		want    string
		left    int
		err     error
	}{
		{n, nil, "trim", 0, nil},
		{n + 1, nil, "trim trim", 0, nil},
		{2 * n, nil, "trim trim", 0, nil},
		{2*n + 1, []fault{fine, notApplied, notApplied}, "trim trim trim trim trim", 0, nil},
		{2*n + 1, []fault{fine, lost}, "trim trim", n + 1, errTimeout},
		{2*n + 1, []fault{fine, applied}, "trim trim", 1, errTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			lim := stream.DefaultLimits()
			l, s := open(t, lim)
			create(t, l)
			for range c.entries {
				put(t, l, text("a"))
			}
			s.faults("trim", c.faults...)
			s.took()
			err := l.Flush(t.Context(), name, stream.Appended{})
			if got := strings.TrimPrefix(s.took(), "head chunk "); got != c.want || !errors.Is(err, c.err) {
				t.Errorf("%d entries, %v: %s, %v", c.entries, c.faults, got, err)
			}
			if h := stored(t, s, lim); len(h.Buffer) != c.left {
				t.Errorf("%d entries, %v: %d are left", c.entries, c.faults, len(h.Buffer))
			}
			if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil || len(stored(t, s, lim).Buffer) > 0 {
				t.Errorf("%d entries, %v: the next flush: %v", c.entries, c.faults, err)
			}
			if got := content(t, l); got != strings.Repeat("a", c.entries) {
				t.Errorf("%d entries, %v: content of %d bytes", c.entries, c.faults, len(got))
			}
		})
	}
}
