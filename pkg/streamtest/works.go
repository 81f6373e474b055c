package streamtest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// owed returns all work that the driver lists now, sorted.
func owed(t *testing.T, d stream.Driver) []stream.Life {
	t.Helper()
	works, err := d.Owed(t.Context(), 1000)
	must(t, err)
	slices.SortFunc(works, func(a, b stream.Life) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.Incarnation[:], b.Incarnation[:]))
	})
	return works
}

// settlesWithin is how long an eventually consistent list may lag behind.
const settlesWithin = 2 * time.Minute

// wantOwed awaits that exactly these lives are listed.
func wantOwed(t *testing.T, d stream.Driver, want ...stream.Life) {
	t.Helper()
	key := func(lives []stream.Life) string {
		var keys []string
		for _, w := range lives {
			keys = append(keys, fmt.Sprintf("%q %v", w.Name, w.Incarnation))
		}
		return fmt.Sprint(sorted(keys))
	}
	eventually(t, func() error {
		if got := owed(t, d); key(got) != key(want) {
			return fmt.Errorf("owed is %s, want %s", key(got), key(want))
		}
		return nil
	})
}

// eventually awaits a condition.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	end := time.Now().Add(settlesWithin)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after %v: %v", settlesWithin, err)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

func testWorks(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	if got := owed(t, d); len(got) != 0 {
		t.Fatalf("a new store owes %v", got)
	}
	// Settling what never was is no error.
	must(t, d.Settle(ctx, stream.Life{Name: "never", Incarnation: newIncarnation()}))

	var want []stream.Life
	for i := range 25 {
		// Lives of one name, and names that are prefixes of each other.
		name := names[i%5]
		h := openHead()
		mustCreate(t, d, name, h)
		must(t, d.Delete(ctx, name, h.Incarnation))
		want = append(want, stream.Life{Name: name, Incarnation: h.Incarnation})
	}
	wantOwed(t, d, want...)
	for _, max := range []int{1, 7, 25, 26} {
		works, err := d.Owed(ctx, max)
		must(t, err)
		if len(works) > max {
			t.Errorf("Owed(%d) returned %d works", max, len(works))
		}
	}

	unsettled := func(want bool, life stream.Life) {
		t.Helper()
		if got, err := d.Unsettled(ctx, life); err != nil || got != want {
			t.Errorf("%q, life %v is unsettled: %v, %v, want %v", life.Name, life.Incarnation, got, err, want)
		}
	}
	for _, life := range want {
		unsettled(true, life)
	}
	unsettled(false, stream.Life{Name: want[3].Name, Incarnation: newIncarnation()})
	unsettled(false, stream.Life{Name: "never", Incarnation: newIncarnation()})
	living := openHead()
	mustCreate(t, d, want[3].Name, living)
	unsettled(false, living.Life(want[3].Name))
	unsettled(true, want[3])

	must(t, d.Settle(ctx, want[3]))
	must(t, d.Settle(ctx, want[3]))
	unsettled(false, want[3])
	wantOwed(t, d, slices.Delete(slices.Clone(want), 3, 4)...)

	// Working it off in small steps reaches everything.
	eventually(t, func() error {
		works, err := d.Owed(ctx, 4)
		must(t, err)
		for _, w := range works {
			must(t, d.Settle(ctx, w))
		}
		if left := len(owed(t, d)); left > 0 {
			return fmt.Errorf("%d works are left", left)
		}
		return nil
	})
}
