package stream_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// sameBits is randomness that is none.
type sameBits struct{}

func (sameBits) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 7
	}
	return len(b), nil
}

// A process whose clock is behind what a head forgot makes its ids as if later, and each of
// them another one: who has the id of an earlier commit is taken for applied.
func TestIDsOfAClockThatIsBehind(t *testing.T) {
	for _, behind := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, clocked(t, s, -time.Hour))
			time.Sleep(time.Minute)
			for range 20 {
				time.Sleep(time.Millisecond)
				put(t, l, text("o"))
			}
			if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
				t.Fatal(err)
			}
			other, err := stream.New(s, stream.Options{Limits: stream.DefaultLimits(), Random: sameBits{},
				Now: func() time.Time { return time.Now().Add(-behind) }})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 5 {
				time.Sleep(100 * time.Millisecond)
				before := stored(t, s, stream.DefaultLimits()).Commits
				r, err := other.Append(t.Context(), name, text("x"))
				if got := stored(t, s, stream.DefaultLimits()).Commits - before; err != nil || got != 1 || r.Tail != at(0, uint64(21+i)) {
					t.Errorf("%v behind, append %d: %v, %v, %d commits", behind, i, r.Tail, err, got)
				}
			}
		})
	}
}
