package dynamo_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// cancelled is the answer to a transaction that is cancelled for these reasons.
func cancelled(codes ...string) breakage {
	type reason struct{ Code string }
	answer := struct {
		Type    string `json:"__type"`
		Message string
		Reasons []reason `json:"CancellationReasons,omitempty"`
	}{Type: "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"}
	for _, c := range codes {
		answer.Reasons = append(answer.Reasons, reason{c})
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	return func(_ *door, w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		w.Write(body)
	}
}

// What transactions say for each reason that they may be cancelled for.
func TestCancelledTransactions(t *testing.T) {
	direct := sdk(t, processes.dynoxide)
	table := newTable(t, direct)
	ready := writes(t, newStore(t, direct, table))
	d := newDoor(t)
	s := d.store(t, table)
	const none = "None"
	for _, f := range []struct {
		fails breakage
		want  outcome
	}{
		{cancelled(none, "TransactionConflict"), notApplied},
		{cancelled("TransactionConflict", none, none, none), notApplied},
		{cancelled(none, "ThrottlingError"), notApplied},
		{cancelled("ProvisionedThroughputExceeded", "TransactionConflict"), notApplied},
		{cancelled(none, "ValidationError"), rejected},
		{cancelled("TransactionConflict", "ValidationError"), rejected},
		{cancelled(none, "ItemCollectionSizeLimitExceeded"), rejected},
		{cancelled(none, "SomethingNew"), unknown},
		{cancelled(), unknown},
		{answers(400, "TransactionInProgressException"), unknown},
		{answers(400, "IdempotentParameterMismatchException"), rejected},
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
			if n := d.count(w.op); n != 1 {
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
		fails    breakage
	}{
		{"free", nil, lost}, {"grave", nil, secondOnly(lost)}, {"replaced", aHead(3), lost},
	} {
		h := aFork(byte(10+i), source)
		d.breaking(c.fails, "TransactWriteItems")
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
		d.breaking(lost, "TransactWriteItems")
		if _, err := s.Release(within(t), source, h.Life(c.name)); outcomeOf(err) != unknown {
			t.Errorf("release of %s: it is %s: %v", c.name, outcomeOf(err), err)
		}
		counts("released", 0)
		d.breaking(nil)
		got, err := s.Release(t.Context(), source, h.Life(c.name))
		if err != nil || got == nil || got.Forks != 0 {
			t.Errorf("released once more: %+v, %v", got, err)
		}
	}
}

// secondOnly breaks the second request; the others get through.
func secondOnly(b breakage) breakage {
	var came atomic.Int32
	return func(d *door, w http.ResponseWriter, r *http.Request) {
		if came.Add(1) == 2 {
			b(d, w, r)
			return
		}
		d.behind.ServeHTTP(w, r)
	}
}
