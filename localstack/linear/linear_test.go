package linear

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seed     = flag.Uint64("seed", 0, "run the world of this seed only")
	worlds   = flag.Int("worlds", 60, "how many worlds are run, unless there is a time for it")
	lasting  = flag.Duration("time", 0, "run worlds for so long")
	patience = flag.Duration("patience", time.Minute, "how long the search for an order may take")
)

// shown is where histories are put that are not linearizable.
func shown() string { return filepath.Join(os.TempDir(), "durable-streams-linear") }

// TestWorlds runs worlds, one of each seed: the whole server above a driver in memory, several
// processes of it, under a schedule that the seed decides, with faults of the store and crashes.
// A seed that fails is run again by
//
//	go test ./localstack/linear -run TestWorlds -seed N
func TestWorlds(t *testing.T) {
	began := time.Now()
	first, last := uint64(1), uint64(*worlds)
	if *seed > 0 {
		first, last = *seed, *seed
	}
	var total Checked
	var ran, crashes, faults int
	for n := first; *seed == 0 && *lasting > 0 && time.Since(began) < *lasting || n <= last && (*seed > 0 || *lasting == 0); n++ {
		w := inBubble(t, n)
		c, err := w.history.Check(shown(), *patience)
		if err != nil {
			t.Errorf("seed %d: %v", n, err)
		}
		ran++
		total.Operations += c.Operations
		total.Unknown += c.Unknown
		crashes += w.crashes
		faults += w.injected
	}
	t.Logf("%d worlds, %d operations, %d of unknown outcome, %d faults, %d crashes", ran, total.Operations, total.Unknown, faults, crashes)
	if *seed == 0 && (total.Unknown < ran/3 || crashes < ran/10 || total.Operations < 25*ran) {
		t.Error("the worlds are too quiet")
	}
}

// inBubble runs the world of a seed.
func inBubble(t *testing.T, seed uint64) (w *world) {
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(seed)
		w.run(t.Context())
	})
	return w
}

// TestASeedIsAWorld: the same seed gives the same schedule. It need not if two goroutines of a
// process go on at the same instant and then wait for the same, which nothing tells apart: so a
// few seeds may not.
func TestASeedIsAWorld(t *testing.T) {
	const seeds, most = 12, 3
	var differ []string
	for seed := uint64(1); seed <= seeds; seed++ {
		one, other := inBubble(t, seed), inBubble(t, seed)
		if one.schedule.trace != other.schedule.trace {
			differ = append(differ, fmt.Sprintf("seed %d gives one schedule of %d turns, and another of %d", seed, one.schedule.step, other.schedule.step))
		}
	}
	if len(differ) > most {
		t.Errorf("of %d seeds, %d give more than one schedule: %s", seeds, len(differ), strings.Join(differ, "; "))
	}
}
