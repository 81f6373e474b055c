package implementation

import (
	"slices"
	"strconv"
	"sync"
	"testing"
)

// Whatever was acknowledged before a crash in the middle of appends is there after it, in order;
// what was not is there once or not at all.
func TestAcknowledgedAppendsSurviveACrash(t *testing.T) {
	s := startRestartable(t)
	const writers = 4
	streams := make([]*testStream, writers)
	acknowledged := make([]int, writers)
	progress := make(chan struct{}, 100*writers)
	var all sync.WaitGroup
	for w := range streams {
		streams[w] = s.create(t, "durable", "application/json")
		all.Go(func() {
			for n := range 100_000 {
				a, err := streams[w].try(t.Context(), "POST", "", strconv.Itoa(n))
				if err != nil || a.StatusCode != 204 {
					return // the crash
				}
				acknowledged[w] = n + 1
				select {
				case progress <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 50 * writers {
		<-progress
	}
	s.restart(t, true)
	all.Wait()
	for w, st := range streams {
		got := st.messages(t, "-1")
		if len(got) < acknowledged[w] || len(got) > acknowledged[w]+1 || !slices.Equal(got, ints(0, len(got)-1)) {
			t.Errorf("%d were acknowledged, and there are %d: %v", acknowledged[w], len(got), got)
		}
	}
}
