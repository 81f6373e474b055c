package simulation_test

import (
	"flag"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest/simulation"
)

var (
	simTime = flag.Duration("simtime", 0, "how long TestWorlds simulates worlds from random seeds; 0: a fixed number of them")
	simSeed = flag.Uint64("simseed", 0, "the seed of the only world that TestWorlds simulates, and shows call by call; 0: many")
)

// run runs the world of a seed.
func run(t *testing.T, seed uint64, log func(string)) (r simulation.Report) {
	synctest.Test(t, func(t *testing.T) { r = simulation.Run(seed, memory.New(), new(memory.Objects), log) })
	return r
}

func TestWorlds(t *testing.T) {
	if *simSeed != 0 {
		r := run(t, *simSeed, func(line string) { t.Log(line) })
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", *simSeed, v)
		}
		return
	}
	var sum simulation.Report
	begun, n := time.Now(), 0
	seed := uint64(1)
	if *simTime > 0 {
		seed = rand.Uint64()
	}
	for ; *simTime == 0 && n < worlds || time.Since(begun) < *simTime; n++ {
		r := run(t, seed+uint64(n), nil)
		if len(r.Violations) > 0 {
			t.Errorf("seed %d: %v\nagain, call by call: make simulate SEED=%d", seed+uint64(n), r.Violations[0], seed+uint64(n))
			break
		}
		sum.Calls += r.Calls
		sum.Requests += r.Requests
		sum.Processes += r.Processes
		sum.Lives += r.Lives
		sum.Span += r.Span
	}
	took := time.Since(begun)
	t.Logf("%d worlds in %v, from seed %d: %d requests, %d calls of the store, %d processes, %d lives of streams; %.0f worlds an hour",
		n, took.Round(time.Millisecond), seed, sum.Requests, sum.Calls, sum.Processes, sum.Lives, float64(n)/took.Hours())
}

// The same seed is the same world, call by call.
func TestSameSeed(t *testing.T) {
	for seed := range uint64(25) {
		one, two := run(t, seed, nil), run(t, seed, nil)
		if one.Trace != two.Trace || one.Calls != two.Calls {
			t.Errorf("seed %d: %d calls (%x), and then %d (%x)", seed, one.Calls, one.Trace, two.Calls, two.Trace)
		}
	}
}
