package faults_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/faults"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

var (
	faultTime = flag.Duration("faulttime", 0, "how long worlds with random faults are run one after the other; 0 runs one")
	seedFlag  = flag.Uint64("seed", 0, "the seed of the first world; 0 draws one")
)

// tally is what happened in all worlds.
type tally struct {
	worlds, requests int
	// alarms are reports of damage that was none.
	alarms   int
	injected map[string]int
}

// TestRandomFaults: three processes use a table and a bucket while requests of all of them
// go wrong in all ways at random. When that is over, what clients were told is what is
// stored, and the background work comes to its end.
func TestRandomFaults(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	all := tally{injected: make(map[string]int)}
	for begin := time.Now(); ; {
		world(t, seed, &all)
		if t.Failed() {
			break
		}
		seed++
		if time.Since(begin) >= *faultTime {
			break
		}
	}
	t.Log(all)
}

func (a tally) String() string {
	var b strings.Builder
	faults := 0
	for _, name := range slices.Sorted(maps.Keys(a.injected)) {
		fmt.Fprintf(&b, "\n%8d %s", a.injected[name], name)
		faults += a.injected[name]
	}
	return fmt.Sprintf("%d worlds, %d requests, %d false alarms, %d faults:%s", a.worlds, a.requests, a.alarms, faults, b.String())
}

// world runs one workload.
func world(t *testing.T, seed uint64, all *tally) {
	p, clock := newPlace(t), streamtest.NewClock()
	const processes = 3
	var layers []*faults.Layer
	var stores []streamtest.Store
	for i := range uint64(processes) {
		l := faults.New()
		layers, stores = append(layers, l), append(stores, p.under(l, clock))
		l.Use(faults.Random{Seed: seed + i<<32, Share: float64(2+seed%3*4) / 100})
	}
	w, err := streamtest.NewWorkload(t.Context(), seed, clock, p.store(clock), stores)
	if err != nil {
		t.Fatal(err)
	}
	err = w.Run(t.Context())
	for _, l := range layers {
		l.Stop()
		all.requests += l.Requests()
		for name, n := range l.Injected() {
			all.injected[name] += n
		}
	}
	all.worlds++
	all.alarms += w.Alarms()
	if err == nil {
		err = w.Verify(t.Context())
	}
	if err == nil {
		return
	}
	t.Errorf("make faults SEED=%d: %v", seed, err)
	for i, l := range layers {
		t.Logf("the last faults of process %d:\n%s", i, strings.Join(l.Last(), "\n"))
	}
}
