package stream_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A producer of which nothing is stored is new, unless what was stored of it was
// discarded with its life: then no answer about its sequence is true.
func TestRecallFromALifeThatIsOver(t *testing.T) {
	lim := tight()
	lim.Producers, lim.EarlyWait = 1, 0
	for _, again := range []bool{false, true} {
		l, s := open(t, lim)
		create(t, l)
		for n := range 4 {
			put(t, l, text("x", by(fmt.Sprint("p", n), 0, 0)))
		}
		other := join(t, s, lim, stream.Poll{})
		over := false
		s.hook(func(op string) fault {
			if op != "recall" || over {
				return fine
			}
			over = true
			if err := errors.Join(other.Delete(t.Context(), name), second(other.Collect(t.Context(), 10))); err != nil {
				t.Error(err)
			}
			if again {
				create(t, other)
			}
			return fine
		})
		_, err := l.Append(t.Context(), name, text("y", by("p0", 0, 1)))
		var gap *stream.GapError
		if told := errors.As(err, &gap); told != again || !again && !errors.Is(err, stream.ErrNotFound) || !over {
			t.Errorf("created again %v: %v", again, err)
		}
	}
}

// second is the error of a call with a result.
func second[T any](_ T, err error) error { return err }
