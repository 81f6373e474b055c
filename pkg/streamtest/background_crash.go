package streamtest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// crash is what happens to a process in one call of its background work.
type crash struct {
	n    int
	kind Kind
	// dies says that the process ends there; release, when a late call takes effect.
	dies    bool
	release release
}

func (c crash) String() string {
	return fmt.Sprintf("call %d %v, dies: %v, released %s", c.n, c.kind, c.dies, c.release)
}

// backgroundCrashes lets a process die at every call of its background work: before the
// call, after it was applied, and with the call still on its way. Then everything is
// done again, and checked.
func backgroundCrashes(t *testing.T, open func(t *testing.T) (stream.Driver, stream.Objects)) {
	d, o := open(t)
	calls, err := crash{}.run(t.Context(), d, o)
	if err != nil {
		t.Fatalf("without a crash: %v", err)
	}
	var crashes []crash
	for n := 1; n <= calls; n++ {
		for _, kind := range Kinds {
			if kind == Late {
				crashes = append(crashes, crash{n, kind, true, soon}, crash{n, kind, true, atEnd})
				continue
			}
			if kind != NotApplied {
				// One that is told to try again does not die of it.
				crashes = append(crashes, crash{n, kind, true, atEnd})
			}
			crashes = append(crashes, crash{n, kind, false, atEnd})
		}
	}
	all := len(crashes)
	crashes = slices.DeleteFunc(crashes, func(c crash) bool { return !sampled(d, c.String()) || !everything() && c.number()%4 != 0 })
	inParallel(d, crashes, func(c crash) {
		own, objects := open(t)
		if _, err := c.run(t.Context(), own, objects); err != nil {
			t.Errorf("%v: %v", c, err)
		}
	})
	t.Logf("%d calls, %d ways to fail, %d of them tried", calls, all, len(crashes))
}

// number numbers the ways to fail, so that of four that follow each other, each at
// another call, one can be tried.
func (c crash) number() int {
	n := c.n + int(c.kind)
	if c.dies {
		n++
	}
	if c.release == soon {
		n += 2
	}
	return n
}

// crashedFor bounds what a process that has crashed goes on trying.
const crashedFor = 60 * time.Millisecond

// run does the background work of a world with one crash, and then without, and returns
// how many calls there were until the crash.
func (c crash) run(ctx context.Context, d stream.Driver, o stream.Objects) (calls int, err error) {
	w, err := newWorld(ctx, d, o)
	if err != nil {
		return 0, err
	}
	f := NewFaults(w.driver)
	if c.kind != None {
		f.ScriptNth(c.n, c.kind)
	}
	if c.dies {
		f.ThenDie()
	}
	working, cancel := ctx, context.CancelFunc(func() {})
	if c.dies {
		long := crashedFor
		if isSlow(d) {
			long = 20 * crashedFor
		}
		working, cancel = context.WithTimeout(ctx, long)
	}
	err = w.background(working, w.process(f, NewObjectFaults(o, f)))
	cancel()
	if c.kind == None && err != nil {
		return 0, err
	}
	calls = f.Total()
	f.Stop()
	if c.release == soon {
		f.ReleaseLate()
	}
	// What was retired may go at once.
	if err := w.driver.Expire(ctx, w.random, w.driver.RetiredLeft()); err != nil {
		return 0, err
	}
	if err := w.settle(ctx); err != nil {
		return 0, err
	}
	if c.kind != Late || c.release == soon {
		return calls, nil
	}
	f.ReleaseLate()
	return calls, w.settle(ctx)
}
