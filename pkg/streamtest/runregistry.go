package streamtest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// RunRegistry lets streams begin and end in every way, while those who tell the registry
// of them fail in every way, at every step, and are told of them twice, late, in another
// order or not at all. In the end, after sweeps, the registry has told of the beginning and
// of the end of each life once, in order, and what it says by key are the streams that
// there are.
func RunRegistry(t *testing.T, open func(t *testing.T) (stream.Driver, stream.Objects)) {
	t.Run("Each", func(t *testing.T) { registryFaults(t, open) })
	t.Run("Random", func(t *testing.T) { registryRandom(t, open) })
}

// registryLife is what happens to a few streams, and is told at once, until the process
// dies.
func (w *registryWorld) registryLife() {
	l := w.logs[0]
	a, b, fork := w.names[0], w.names[1], w.names[2]
	create := func(name string, c *stream.Create) func() { return func() { w.create(l, name, c) } }
	remove := func(name string) func() { return func() { _ = l.Delete(w, name) } }
	tell := func(names ...string) func() { return func() { _, _ = l.Register(w, names) } }
	for _, do := range []func(){
		create(a, asText(0)), tell(a),
		create(b, asText(time.Minute)), remove(a), tell(b, a, a),
		create(a, asText(0)), create(fork, forkOf(a)), remove(a), tell(w.names...),
		func() { w.clock.Advance(time.Hour) }, create(b, asText(time.Minute)), remove(fork), tell(b),
		create(a, asText(0)), tell(w.names...),
	} {
		if do(); w.faults.Dead() {
			return
		}
	}
}

// registryFaults lets each call of a short history fail in every way, once with those after
// it, as in a crash.
func registryFaults(t *testing.T, open func(t *testing.T) (stream.Driver, stream.Objects)) {
	sample, _ := open(t)
	run := func(t *testing.T, arm func(f *Faults)) map[Method]int {
		d, o := open(t)
		w, err := newRegistryWorld(t.Context(), d, o, "each")
		must(t, err)
		arm(w.faults)
		w.registryLife()
		calls := w.faults.Calls()
		if err := w.verify(); err != nil {
			t.Error(err)
		}
		return calls
	}
	calls := run(t, func(*Faults) {})
	for _, m := range []Method{Create, Fork, Update, Delete, Tell, Owing, Head, PutObject, PutChunk, Trim} {
		if calls[m] == 0 {
			t.Errorf("nobody calls %s", m)
		}
		for n := 1; n <= calls[m]; n++ {
			for _, k := range Kinds {
				for _, dies := range []bool{false, true} {
					name := fmt.Sprintf("%s %d %v, dies %v", m, n, k, dies)
					if !sampled(sample, name) {
						continue
					}
					t.Run(name, func(t *testing.T) {
						run(t, func(f *Faults) {
							f.Script(m, n, k)
							if dies {
								f.ThenDie()
							}
						})
					})
				}
			}
		}
	}
}

// registryRandom does random things, while calls fail at random.
func registryRandom(t *testing.T, open func(t *testing.T) (stream.Driver, stream.Objects)) {
	d, o := open(t)
	worlds := 40
	if isSlow(d) {
		worlds = 3
	}
	for seed := range uint64(worlds) {
		w, err := newRegistryWorld(t.Context(), d, o, fmt.Sprint("random ", seed))
		must(t, err)
		w.faults.Random(seed, float64(seed%4)/10)
		r := rand.New(rand.NewPCG(seed, 1))
		for range 60 {
			w.step(r)
		}
		if err := w.verify(); err != nil {
			t.Errorf("seed %d, faults %v: %v", seed, w.faults.Injected(), err)
		}
	}
}

// step does something at random.
func (w *registryWorld) step(r *rand.Rand) {
	l, name := w.logs[r.IntN(2)], w.names[r.IntN(len(w.names))]
	switch r.IntN(12) {
	case 0, 1, 2:
		w.create(l, name, asText([]time.Duration{0, time.Second, time.Minute}[r.IntN(3)]))
	case 3:
		w.create(l, name, forkOf(w.names[r.IntN(len(w.names))]))
	case 4, 5:
		_ = l.Delete(w, name)
	case 6:
		_, _ = l.Append(w, name, plain("x"))
	case 7:
		w.clock.Advance([]time.Duration{time.Second, time.Minute, time.Hour}[r.IntN(3)])
	case 8, 9:
		// Hints arrive in another order, some of them twice, or to two at once.
		hints := append([]string{name, name}, w.takeHints()...)
		r.Shuffle(len(hints), func(i, j int) { hints[i], hints[j] = hints[j], hints[i] })
		done := make(chan bool)
		go func() {
			defer close(done)
			_, _ = w.logs[0].Register(w, hints[:len(hints)/2])
		}()
		_, _ = w.logs[1].Register(w, hints[len(hints)/3:])
		<-done
	case 10:
		w.takeHints() // they are lost
		w.faults.ReleaseLate()
	case 11:
		_, _ = l.Sweep(w, stream.SweepOptions{IdleAfter: time.Hour, Items: 10, Objects: 10, Lives: 10})
	}
}
