package stream_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// slowCommit makes the first commit take some time, and the next ones what a test says.
func slowCommit(s *store, takes time.Duration, then fault) {
	n := 0
	s.hook(func(op string) fault {
		if op != "commit" {
			return fine
		}
		if n++; n == 1 {
			time.Sleep(takes)
			return fine
		}
		return then
	})
}

// Who waits for a lane does so no longer than he has time, and then nothing was done for
// him.
func TestLaneDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, tight())
		create(t, l)
		slowCommit(s, 9*time.Second, fine)
		slow := tryAppend(t.Context(), l, text("slow"))
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		hasty := tryAppend(short, l, text("hasty"))
		synctest.Wait()
		patient := tryAppend(t.Context(), l, text("patient"))
		began := time.Now()
		if o := <-hasty; !errors.Is(o.err, stream.ErrUnavailable) || time.Since(began) >= 2*time.Second {
			t.Errorf("after %v: %+v", time.Since(began), o)
		}
		for _, o := range []outcome{<-slow, <-patient} {
			if o.err != nil {
				t.Error(o.err)
			}
		}
		if got := content(t, l); got != "slowpatient" || l.Lanes() != 0 {
			t.Errorf("%q, %d lanes", got, l.Lanes())
		}
	})
}

// A group is tried for as long as the most patient of it has time, whoever leads it.
func TestGroupDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, tight())
		create(t, l)
		slowCommit(s, time.Second, notApplied)
		slow := tryAppend(t.Context(), l, text("slow"))
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		hasty := tryAppend(short, l, text("hasty"))
		synctest.Wait()
		patient := tryAppend(t.Context(), l, text("patient"))
		<-slow
		time.Sleep(3 * time.Second)
		s.hook(nil)
		if o := <-patient; o.err != nil {
			t.Error(o.err)
		}
		<-hasty
	})
}
