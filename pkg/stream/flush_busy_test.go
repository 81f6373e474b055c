package stream_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// busy are limits with which a text stream's head is too large from 20 bytes on: each
// record of one byte takes five.
func busy() stream.Limits {
	l := stream.DefaultLimits()
	l.FlushSize, l.FlushCount = 20, 100
	return l
}

// dueAfter appends records until a flush is due.
func dueAfter(t *testing.T, l *stream.Log) stream.Appended {
	t.Helper()
	for range 20 {
		if r := put(t, l, text("x")); r.FlushDue() {
			return r
		}
	}
	t.Fatal("no flush is due")
	return stream.Appended{}
}

// TestFlushGoesOn: if others append so much during a flush that the head is too large
// again when it has ended, it goes on. Otherwise every append would pay for that until
// the buffer has doubled; and where a store has a limit, appends that cost more are fewer,
// and flushes, too, until next to nothing is admitted.
func TestFlushGoesOn(t *testing.T) {
	for _, c := range []struct {
		during int // appends of others during the first flush
		want   string
	}{
		{3, "chunk trim"},
		{4, "chunk trim chunk trim"},
	} {
		l, s := open(t, busy())
		create(t, l)
		r := dueAfter(t, l)
		other, flushes := join(t, s, busy(), stream.Poll{}), 0
		s.hook(func(op string) fault {
			if op != "chunk" {
				return fine
			}
			if flushes++; flushes == 1 {
				for range c.during {
					put(t, other, text("y"))
				}
			}
			return fine
		})
		s.took()
		if err := l.Flush(t.Context(), name, r); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strings.Fields(strings.ReplaceAll(s.took(), "commit", "")), " "); got != c.want {
			t.Errorf("%d appends meanwhile: %s", c.during, got)
		}
	}
}

// TestFlushEnds: a flush that never catches up does not keep its process for ever.
func TestFlushEnds(t *testing.T) {
	l, s := open(t, busy())
	create(t, l)
	r := dueAfter(t, l)
	other, flushes := join(t, s, busy(), stream.Poll{}), 0
	s.hook(func(op string) fault {
		if op == "chunk" && flushes < 1000 {
			flushes++
			for range 4 {
				put(t, other, text("y"))
			}
		}
		return fine
	})
	if err := l.Flush(t.Context(), name, r); err != nil {
		t.Fatal(err)
	}
	if flushes < 2 || flushes > 100 {
		t.Errorf("it flushed %d times", flushes)
	}
}

// TestThrottledTrim: a store that is too busy for the trim is asked again, as for any
// write that was not applied. Given up, the buffer would grow on, and make the store
// busier.
func TestThrottledTrim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, busy())
		create(t, l)
		r := dueAfter(t, l)
		s.faults("trim", notApplied, notApplied)
		s.took()
		if err := l.Flush(t.Context(), name, r); err != nil {
			t.Fatal(err)
		}
		if got := s.took(); got != "chunk trim trim trim" {
			t.Errorf("%s", got)
		}
		if h := stored(t, s, busy()); len(h.Buffer) != 0 {
			t.Errorf("%d entries are left", len(h.Buffer))
		}
	})
}
