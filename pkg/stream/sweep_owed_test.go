package stream_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// notDue is a store whose ended lives are owed and not due yet, as those of DynamoDB are
// for minutes.
type notDue struct{ *store }

func (notDue) Owed(context.Context, int) ([]stream.Life, error) { return nil, nil }

// The sweep leaves what is owed until it is due: readers with a head from before still
// find it. What nothing owes any more is an orphan.
func TestSweepWaitsUntilDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		l, err := stream.New(notDue{s}, stream.Options{Limits: short(), Objects: objects{s}})
		if err != nil {
			t.Fatal(err)
		}
		life := create(t, l).Life(name)
		putAll(t, l, "a", "b", "c")
		compact(t, l, 1)
		put(t, l, text("d"))
		flushed(t, l)
		if err := l.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		before := holding(t, s, life)
		for range 2 {
			if swept := sweep(t, l); did(swept) != (stream.Swept{}) {
				t.Errorf("%+v", swept)
			}
		}
		if after := holding(t, s, life); after != before || after == "" || len(keys(t, s)) == 0 {
			t.Errorf("left %q of %q, and the objects %q", after, before, keys(t, s))
		}
		if err := s.Settle(t.Context(), life); err != nil {
			t.Fatal(err)
		}
		if swept := sweep(t, l); did(swept) != (stream.Swept{Orphans: 1}) {
			t.Errorf("settled: %+v", swept)
		}
		if after := holding(t, s, life); after != "" || len(keys(t, s)) != 0 {
			t.Errorf("left %q, and the objects %q", after, keys(t, s))
		}
	})
}
