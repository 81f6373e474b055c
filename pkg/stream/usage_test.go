package stream_test

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

var (
	get   = stream.Call{Store: stream.Table, Operation: "Get"}
	place = stream.Call{Store: stream.Bucket, Operation: "Put"}
)

func TestUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var u stream.Usage
		u.Begin(get)
		time.Sleep(time.Second)
		u.Begin(place)
		time.Sleep(time.Second)
		u.End(get, 2, 0.5, 0)
		if busy := u.Spent().Busy; busy != 2*time.Second {
			t.Errorf("while one is under way it was busy for %v", busy)
		}
		time.Sleep(time.Second)
		u.End(place, 0, 0, 3)
		time.Sleep(time.Hour)
		u.Begin(get)
		u.End(get, 0, 1, 0)
		want := stream.Spent{
			Calls: []stream.Calls{{Call: get, Requests: 4}, {Call: place, Requests: 1}}, ReadUnits: 1.5, WriteUnits: 3,
			// Time in which two are under way counts once, and what is in between does not.
			Busy: 3 * time.Second,
		}
		got := u.Spent()
		if !reflect.DeepEqual(got, want) || got.Requests(stream.Table) != 4 || got.Requests(stream.Bucket) != 1 {
			t.Errorf("spent %+v, want %+v", got, want)
		}
		u.Begin(get)
		if got.Requests(stream.Table) != 4 {
			t.Error("what was spent at one moment changed later")
		}
	})
}

func TestNobodyAsksForUsage(t *testing.T) {
	u := stream.UsageOf(t.Context())
	if u != nil {
		t.Fatal("a context without usage has one")
	}
	u.Begin(get)
	u.End(get, 1, 1, 1)
	if got := u.Spent(); !reflect.DeepEqual(got, stream.Spent{}) {
		t.Errorf("spent %+v", got)
	}
}

// asked returns a context with a usage.
func asked(t *testing.T) (context.Context, *stream.Usage) {
	u := new(stream.Usage)
	return stream.WithUsage(t.Context(), u), u
}

// What the write of a head meets is counted for the append that it is for.
func TestAttemptsOfAnAppend(t *testing.T) {
	limits := stream.DefaultLimits()
	limits.SegmentCount, limits.EarlyWait = 2, 0
	l, s := open(t, limits)
	create(t, l)
	for _, c := range []struct {
		what                string
		a                   *stream.Append
		attempts, conflicts int
	}{
		{"an append", text("1"), 1, 0},
		{"a producer's first", text("2", by("p", 0, 0)), 1, 0},
		{"its repetition", text("2", by("p", 0, 0)), 1, 1},
		{"a gap", text("4", by("p", 0, 9)), 1, 1},
		{"the first of a segment", text("5"), 2, 1},
	} {
		ctx, u := asked(t)
		_, _ = l.Append(ctx, name, c.a) // some are refused
		if got := u.Spent(); got.Attempts != c.attempts || got.Conflicts != c.conflicts {
			t.Errorf("%s: %d attempts, %d in conflict; want %d and %d", c.what, got.Attempts, got.Conflicts, c.attempts, c.conflicts)
		}
	}
	s.faults("commit", notApplied)
	ctx, u := asked(t)
	if _, err := l.Append(ctx, name, text("6")); err != nil {
		t.Fatal(err)
	}
	if got := u.Spent(); got.Attempts != 2 || got.Conflicts != 0 {
		t.Errorf("after one that was not applied: %+v", got)
	}
}

// All appends that share a commit have its attempts.
func TestAttemptsAreShared(t *testing.T) {
	l, s := open(t, stream.DefaultLimits())
	create(t, l)
	release := s.hold("commit")
	var all sync.WaitGroup
	usages := make([]*stream.Usage, 5)
	for i := range usages {
		var ctx context.Context
		ctx, usages[i] = asked(t)
		all.Go(func() {
			if _, err := l.Append(ctx, name, text("x")); err != nil {
				t.Error(err)
			}
		})
	}
	release()
	all.Wait()
	for i, u := range usages {
		if got := u.Spent(); got.Attempts != 1 {
			t.Errorf("append %d: %d attempts", i, got.Attempts)
		}
	}
}

// watched counts what the log asks it for, as drivers do that make requests.
type watched struct{ stream.Driver }

func (w watched) Head(ctx context.Context, name string, c stream.Consistency) (*stream.Head, error) {
	u := stream.UsageOf(ctx)
	u.Begin(get)
	defer u.End(get, 0, 0, 0)
	return w.Driver.Head(ctx, name, c)
}

// A poll is for all who wait, and is counted once: for the one who has waited longest.
func TestPollsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		reader, err := stream.New(watched{s}, stream.Options{Limits: stream.DefaultLimits(), Poll: stream.Poll{Fast: time.Second}})
		if err != nil {
			t.Fatal(err)
		}
		join := func() (*stream.Follower, func() int) {
			ctx, u := asked(t)
			f, _, err := reader.Follow(ctx, name, stream.Now())
			if err != nil {
				t.Fatal(err)
			}
			return f, func() int { return u.Spent().Requests(stream.Table) }
		}
		first, ofFirst := join()
		time.Sleep(2500 * time.Millisecond)
		second, ofSecond := join()
		time.Sleep(2 * time.Second)
		if a, b := ofFirst(), ofSecond(); a != 1+4 || b != 1 {
			t.Errorf("while both wait: %d and %d requests", a, b)
		}
		first.Close()
		time.Sleep(3 * time.Second)
		second.Close()
		time.Sleep(time.Minute)
		if a, b := ofFirst(), ofSecond(); a != 1+4 || b != 1+3 {
			t.Errorf("in the end: %d and %d requests", a, b)
		}
	})
}

// So is a renewal that keeps the stream alive for all who wait.
func TestRenewalsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l, ttl(2*time.Second))
		reader, err := stream.New(watched{s}, stream.Options{Limits: stream.DefaultLimits()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, u := asked(t)
		first, _, err := reader.Follow(ctx, name, stream.Now())
		if err != nil {
			t.Fatal(err)
		}
		second, _ := follow(t, reader, stream.Now())
		defer second.Close()
		s.took()
		time.Sleep(time.Minute)
		renewals := len(s.times("update"))
		first.Close()
		time.Sleep(time.Minute)
		if got := u.Spent().Requests(stream.Table); got != 1+renewals {
			t.Errorf("%d reads for one reader and %d renewals", got, renewals)
		}
	})
}
