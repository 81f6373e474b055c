package streamtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// RunFaults lets every write of a stream's life fail in every way, and checks that
// what clients were told is what the stream holds. Then it lets calls fail at
// random while several clients work at once.
func RunFaults(t *testing.T, open func(t *testing.T) (stream.Driver, stream.Objects)) {
	for _, part := range []struct {
		name string
		run  func(t *testing.T, d stream.Driver, o stream.Objects)
	}{{"Each", eachFault}, {"GivenUp", givenUp}, {"Random", randomFaults}} {
		t.Run(part.name, func(t *testing.T) {
			d, o := open(t)
			part.run(t, d, o)
		})
	}
}

// trial is one run of the scenario with certain faults.
type trial struct {
	name string
	// producers says that all appends have one.
	producers bool
	// release says when late writes take effect.
	release release
	// crash says that the process ends with the first fault.
	crash bool
	arm   func(f *Faults)
}

type release string

const (
	// soon: after the operation that gave up.
	soon release = "soon"
	// atEnd: when the stream is about to be checked.
	atEnd release = "at the end"
	// nextLife: after the stream was deleted and created again.
	nextLife release = "in the next life"
)

// eachFault runs the scenario for each call and kind.
func eachFault(t *testing.T, d stream.Driver, o stream.Objects) {
	var trials []trial
	for _, producers := range []bool{false, true} {
		dry := trial{name: fmt.Sprint("dry run ", producers), producers: producers, release: atEnd, arm: func(*Faults) {}}
		calls, err := dry.run(t.Context(), d, o)
		if err != nil {
			t.Fatalf("without any fault: %v", err)
		}
		for _, m := range slices.Concat(Writes, ObjectWrites) {
			// What only the sweep calls, RunBackground lets fail, and RunRegistry what
			// writes registries.
			elsewhere := m == SetCursor || m == RemoveObjects || m == Tell
			if calls[m] == 0 && !elsewhere && (producers || m != SpillProducer) {
				t.Errorf("the scenario never calls %s", m)
			}
			// Items are much alike, and there are many of them.
			stride := 1
			if (m == PutChunk || m == PutStaged || m == PutObject) && !everything() {
				stride = 3
			}
			for n := 1; n <= calls[m]; n += stride {
				trials = append(trials, trialsOf(m, n, producers)...)
			}
		}
		for _, m := range slices.Concat(Reads, ObjectReads) {
			for n := 1; n <= calls[m]; n++ {
				for _, k := range []Kind{Lost, Rejected} {
					trials = append(trials, trial{name: fmt.Sprintf("%s %d %v twice", m, n, k), producers: producers, release: atEnd,
						arm: func(f *Faults) { f.Script(m, n, k, k) }})
				}
			}
		}
	}
	t.Logf("%d trials", len(trials))
	runTrials(t, d, o, trials)
}

// everythingVariable, if set, lets every write fail in every combination that is
// known here, instead of each in one of them.
const everythingVariable = "STREAMTEST_ALL"

func everything() bool { return os.Getenv(everythingVariable) != "" }

// trialsOf lists what is tried with one write: that it fails once, in each way,
// and that what follows fails too.
func trialsOf(m Method, n int, producers bool) (trials []trial) {
	add := func(list *[]trial, what string, r release, arm func(f *Faults)) {
		name := fmt.Sprintf("%s %d %s, released %s", m, n, what, r)
		*list = append(*list, trial{name: name, producers: producers, release: r, arm: arm})
	}
	for _, k := range Kinds {
		once := func(f *Faults) { f.Script(m, n, k) }
		add(&trials, k.String(), soon, once)
		if k == Late {
			add(&trials, k.String(), atEnd, once)
			add(&trials, k.String(), nextLife, once)
		}
		var more []trial
		add(&more, k.String()+", then a crash", atEnd, func(f *Faults) { f.Script(m, n, k); f.ThenDie() })
		more[0].crash = true
		add(&more, k.String()+" twice", atEnd, func(f *Faults) { f.Script(m, n, k, k) })
		if !k.certain() && m == Fork {
			add(&more, k.String()+", then reads fail", atEnd, func(f *Faults) { f.Script(m, n, k); f.Then(Head, Lost, Lost) })
		}
		if !k.certain() && (m == Commit || m == Update) {
			// Finding out what became of it fails as well.
			add(&more, k.String()+", then reads fail", atEnd, func(f *Faults) { f.Script(m, n, k); f.Then(Head, Lost, Lost) })
			for _, second := range Kinds {
				add(&more, fmt.Sprintf("%v, then Update %v", k, second), soon, func(f *Faults) { f.Script(m, n, k); f.Then(Update, second) })
				add(&more, fmt.Sprintf("%v, then Commit %v", k, second), atEnd, func(f *Faults) { f.Script(m, n, k); f.Then(Commit, second) })
			}
		}
		if !everything() {
			more = more[(n+int(k))%len(more):][:1]
		}
		trials = append(trials, more...)
	}
	return trials
}

// runTrials runs trials, many at once: they mostly wait.
func runTrials(t *testing.T, d stream.Driver, o stream.Objects, trials []trial) {
	inParallel(d, trials, func(one trial) {
		one.name = fmt.Sprintf("%s, producers: %v", one.name, one.producers)
		if !sampled(d, one.name) {
			return
		}
		if _, err := one.run(t.Context(), d, o); err != nil {
			t.Errorf("%s: %v", one.name, err)
		}
	})
}

func inParallel[T any](d stream.Driver, all []T, run func(T)) {
	queue := make(chan T)
	var wg sync.WaitGroup
	workers := 64
	if isSlow(d) {
		workers = 8
	}
	for range workers {
		wg.Go(func() {
			for one := range queue {
				run(one)
			}
		})
	}
	for _, one := range all {
		queue <- one
	}
	close(queue)
	wg.Wait()
}

// run runs the scenario, and returns how often each method is called in it.
func (one trial) run(ctx context.Context, d stream.Driver, o stream.Objects) (map[Method]int, error) {
	f := NewFaults(d)
	limits := Tiny()
	if one.crash {
		// Nobody waits for a dead process for long.
		limits.WriteTimeout = 60 * time.Millisecond
		if isSlow(d) {
			limits.WriteTimeout = time.Second
		}
	}
	// A life begins later than all that was done in the one before.
	clock := NewClock()
	ticking := func() time.Time { clock.Advance(time.Millisecond); return clock.Now() }
	log, err := stream.New(f, stream.Options{Objects: NewObjectFaults(o, f), Limits: limits, Now: ticking})
	if err != nil {
		return nil, err
	}
	spare, err := stream.New(d, stream.Options{Objects: o, Limits: Tiny(), Now: ticking})
	if err != nil {
		return nil, err
	}
	one.arm(f)
	c := &client{log: log, spare: spare, faults: f, name: one.name, contentType: "text/plain", history: &History{}}
	if err := one.live(ctx, c, d, o, 0); err != nil {
		return nil, err
	}
	calls := f.Calls()
	// The same name again: nothing of the first life may reach into the second.
	c.history = &History{}
	if err := one.live(ctx, c, d, o, 1); err != nil {
		return nil, fmt.Errorf("second life: %w", err)
	}
	if err := c.collect(ctx); err != nil {
		return nil, err
	}
	if h, err := d.Head(ctx, one.name, stream.Strong); !errors.Is(err, stream.ErrNoHead) {
		return nil, fmt.Errorf("after the last delete: %+v, %w", h, err)
	}
	// What the second life calls is about what the first one did, but for the last step.
	for _, m := range []Method{Discard, DiscardObjects, Settle} {
		calls[m] = f.Calls()[m]
	}
	return calls, nil
}
