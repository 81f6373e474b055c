package dynamo_test

import (
	"fmt"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/localstack/faults"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// What transactions say for each reason that they may be cancelled for.
func TestCancelledTransactions(t *testing.T) {
	direct := sdk(t, processes.dynoxide)
	table := newTable(t, direct)
	ready := writes(t, newStore(t, direct, table))
	d := newDoor(t)
	s := d.store(t, table)
	const none = "None"
	for _, f := range []struct {
		fails faults.Fault
		want  outcome
	}{
		{faults.Cancelled(none, "TransactionConflict"), notApplied},
		{faults.Cancelled("TransactionConflict", none, none, none), notApplied},
		{faults.Cancelled(none, "ThrottlingError"), notApplied},
		{faults.Cancelled("ProvisionedThroughputExceeded", "TransactionConflict"), notApplied},
		{faults.Cancelled(none, "ValidationError"), rejected},
		{faults.Cancelled("TransactionConflict", "ValidationError"), rejected},
		{faults.Cancelled(none, "ItemCollectionSizeLimitExceeded"), rejected},
		{faults.Cancelled(none, "SomethingNew"), unknown},
		{faults.Cancelled(), unknown},
		{faults.Error(400, "TransactionInProgressException"), unknown},
		{faults.Error(400, "IdempotentParameterMismatchException"), rejected},
	} {
		n := 0
		for _, w := range ready {
			if w.op != "TransactWriteItems" {
				continue
			}
			n++
			d.breaking(f.fails, w.op)
			err := w.make(within(t), s)
			if got := outcomeOf(err); got != f.want {
				t.Errorf("%s is %s, want %s: %v", w.name, got, f.want, err)
			}
			if n := d.Came(w.op); n != 1 {
				t.Errorf("%s made %d requests: %v", w.name, n, err)
			}
		}
		if n != 4 {
			t.Fatalf("%d transactions were tried", n)
		}
	}
}

// A fork whose answer is lost is found by its head, and asking once more is refused with
// that. A release that is asked for once more counts nothing.
func TestLostForks(t *testing.T) {
	direct := sdk(t, processes.dynoxide)
	table := newTable(t, direct)
	d := newDoor(t)
	s, other := d.store(t, table), newStore(t, direct, table)
	source, lineage := aSource(t, other, "s", 1)
	_, _ = aSource(t, other, "grave", 2)
	check(t, other.Delete(t.Context(), "grave", aLife(2).Incarnation))
	_, _ = aSource(t, other, "replaced", 3)
	counts := func(what string, want int) {
		t.Helper()
		h, err := other.Head(t.Context(), "s", stream.Strong)
		check(t, err)
		noted, err := other.Forks(t.Context(), source, stream.Life{}, 10)
		check(t, err)
		if h.Forks != want || len(noted) != want {
			t.Errorf("%s: %d forks, and %d notes, want %d", what, h.Forks, len(noted), want)
		}
	}
	for i, c := range []struct {
		name     string
		replaced *stream.Head
		// nth is which request of the fork is lost.
		nth int
	}{
		{"free", nil, 1}, {"grave", nil, 2}, {"replaced", aHead(3), 1},
	} {
		h := aFork(byte(10+i), source)
		d.breakingNth(c.nth, faults.Of(faults.Lost), "TransactWriteItems")
		if err := s.Fork(within(t), c.name, h, c.replaced, lineage, clock); outcomeOf(err) != unknown {
			t.Errorf("%s: it is %s: %v", c.name, outcomeOf(err), err)
		}
		counts(fmt.Sprint("forked as ", c.name), 1)
		for range 2 {
			err := other.Fork(t.Context(), c.name, h, c.replaced, lineage, clock)
			if outcomeOf(err) != refused {
				t.Errorf("%s, once more: it is %s: %v", c.name, outcomeOf(err), err)
			}
		}
		counts(fmt.Sprint("once more as ", c.name), 1)
		d.breaking(faults.Of(faults.Lost), "TransactWriteItems")
		if _, err := s.Release(within(t), source, h.Life(c.name)); outcomeOf(err) != unknown {
			t.Errorf("release of %s: it is %s: %v", c.name, outcomeOf(err), err)
		}
		counts("released", 0)
		d.Use(nil)
		got, err := s.Release(t.Context(), source, h.Life(c.name))
		if err != nil || got == nil || got.Forks != 0 {
			t.Errorf("released once more: %+v, %v", got, err)
		}
	}
}
