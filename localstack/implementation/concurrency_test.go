package implementation

import (
	"slices"
	"strconv"
	"sync"
	"testing"
)

// Appends that race are all there, once, each writer's in its own order, and every reader sees
// the same.
func TestConcurrentAppends(t *testing.T) {
	st := start(t).create(t, "concurrent", "application/json")
	const writers, each = 10, 20
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range each {
				if _, err := st.try(t.Context(), "POST", "", strconv.Itoa(w*each+n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got := st.messages(t, "-1")
	last := map[int]int{}
	for _, n := range got {
		if before, known := last[n/each]; known && n <= before {
			t.Fatalf("of writer %d, %d comes after %d", n/each, n, before)
		}
		last[n/each] = n
	}
	if again := st.messages(t, "-1"); !slices.Equal(again, got) {
		t.Error("the next reader sees another order")
	}
	slices.Sort(got)
	if !slices.Equal(got, ints(0, writers*each-1)) {
		t.Errorf("%d messages, want %d, each once", len(got), writers*each)
	}
}

// Of writers who claim the same place by Stream-Seq, one gets it.
func TestConcurrentClaims(t *testing.T) {
	st := start(t).create(t, "claims", "application/json")
	const writers = 10
	won := make(chan int, writers)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			a, err := st.try(t.Context(), "POST", "", strconv.Itoa(w), "Stream-Seq", "1")
			if err != nil {
				t.Error(err)
			} else if a.StatusCode == 204 {
				won <- w
			} else if a.StatusCode != 409 {
				t.Errorf("%s: %s", a.Status, a.body)
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Fatalf("%d writers won", len(won))
	}
	if got := st.messages(t, "-1"); !slices.Equal(got, []int{<-won}) {
		t.Errorf("the stream has %v", got)
	}
}
