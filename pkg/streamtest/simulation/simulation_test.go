package simulation_test

import (
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest/simulation"
)

// run runs the world of a seed.
func run(t *testing.T, seed uint64, log func(string)) (r simulation.Report) {
	synctest.Test(t, func(t *testing.T) { r = simulation.Run(seed, memory.New(), new(memory.Objects), log) })
	return r
}

func TestWorlds(t *testing.T) {
	begun := time.Now()
	n := 300
	first := 0
	if s := os.Getenv("SEED"); s != "" {
		first, _ = strconv.Atoi(s)
		n = 1
		r := run(t, uint64(first), func(l string) { t.Log(l) })
		t.Logf("%+v", r)
		return
	}
	calls := 0
	failed := 0
	for seed := first; seed < first+n; seed++ {
		r := run(t, uint64(seed), nil)
		calls += r.Calls
		if len(r.Violations) > 0 {
			failed++
			t.Errorf("seed %d: %v", seed, r.Violations[0])
		}
		if failed > 20 {
			break
		}
	}
	t.Logf("%d worlds, %d calls, %v", n, calls, time.Since(begun))
}

func TestSame(t *testing.T) {
	for seed := range uint64(50) {
		a, b := run(t, seed, nil), run(t, seed, nil)
		if a.Trace != b.Trace {
			t.Errorf("seed %d: %x %x, %d and %d calls", seed, a.Trace, b.Trace, a.Calls, b.Calls)
		}
	}
}
