package stream_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func TestHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		if _, err := l.Head(t.Context(), name); !errors.Is(err, stream.ErrNotFound) {
			t.Errorf("no stream: %v", err)
		}
		want := create(t, l, ttl(time.Minute))
		s.took()
		time.Sleep(30 * time.Second)
		h, err := l.Head(t.Context(), name)
		if err != nil || h != want {
			t.Errorf("%+v, %v", h, err)
		}
		if ops := s.took(); ops != "head" {
			t.Errorf("took %q", ops)
		}
		s.faults("head", lost)
		if _, err := l.Head(t.Context(), name); !errors.Is(err, stream.ErrUnavailable) || !errors.Is(err, errTimeout) {
			t.Errorf("the store is away: %v", err)
		}
	})
}

func TestDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		if err := l.Delete(t.Context(), name); !errors.Is(err, stream.ErrNotFound) {
			t.Errorf("no stream: %v", err)
		}
		h := create(t, l)
		s.took()
		if err := l.Delete(t.Context(), name); err != nil {
			t.Error(err)
		}
		if ops := s.took(); ops != "head delete" {
			t.Errorf("took %q", ops)
		}
		if alive(t, l) {
			t.Error("the stream is still there")
		}
		works, _ := s.Owed(t.Context(), 9)
		if len(works) != 1 || works[0] != h.Life(name) {
			t.Errorf("owed: %v", works)
		}
		if err := l.Delete(t.Context(), name); !errors.Is(err, stream.ErrNotFound) {
			t.Errorf("twice: %v", err)
		}
	})
}

// An expired stream is gone for clients, but it may be so by one clock only: a deletion
// leaves it to the sweep.
func TestDeleteExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l, ttl(time.Second))
		ahead := clocked(t, s, 20*time.Millisecond)
		time.Sleep(1040 * time.Millisecond) // it lives 1050 ms
		put(t, l, text("acknowledged"))
		time.Sleep(1040 * time.Millisecond)
		s.took()
		if err := ahead.Delete(t.Context(), name); !errors.Is(err, stream.ErrNotFound) {
			t.Error(err)
		}
		if ops := s.took(); ops != "head" {
			t.Errorf("took %q", ops)
		}
		if got := content(t, l); got != "acknowledged" {
			t.Errorf("left %q", got)
		}
	})
}

// A client that leaves in the middle of a deletion does not stop it.
func TestDeleteIsNotCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		ctx, cancel := context.WithCancel(t.Context())
		s.hook(func(op string) fault {
			if op == "delete" {
				cancel()
				return applied
			}
			return fine
		})
		if err := l.Delete(ctx, name); err != nil {
			t.Error(err)
		}
	})
}

func TestDeleteFaults(t *testing.T) {
	for _, c := range []struct {
		why    string
		op     string
		faults []fault
		want   error
		gone   bool
	}{
		{"the head cannot be read", "head", []fault{lost}, stream.ErrUnavailable, false},
		{"throttled once", "delete", []fault{notApplied}, nil, true},
		{"throttled for long", "delete", []fault{notApplied, notApplied, notApplied, notApplied, notApplied}, stream.ErrUnavailable, false},
		{"unknown, and it happened", "delete", []fault{applied}, nil, true},
		{"unknown, and it did not happen", "delete", []fault{lost}, stream.ErrUnsettled, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, l)
			s.faults(c.op, c.faults...)
			if err := l.Delete(t.Context(), name); !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%s: %v", c.why, err)
			}
			if alive(t, l) == c.gone {
				t.Errorf("%s: gone is %v", c.why, !c.gone)
			}
		})
	}
}

// Of two deletions that race, and of one that races with a new life, one life
// ends once.
func TestDeleteRaces(t *testing.T) {
	l, s := open(t, stream.DefaultLimits())
	create(t, l)
	s.hook(func(op string) fault {
		if op == "delete" {
			s.hook(nil)
			if err := l.Delete(context.Background(), name); err != nil {
				t.Error(err)
			}
			create(t, l)
		}
		return fine
	})
	if err := l.Delete(t.Context(), name); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("the later deletion: %v", err)
	}
	if !alive(t, l) {
		t.Error("the new life was deleted too")
	}

	// The same, with an answer that was lost: the life that was to end is over.
	s.hook(func(op string) fault {
		if op == "delete" {
			s.hook(nil)
			l.Delete(context.Background(), name)
			create(t, l)
			return lost
		}
		return fine
	})
	if err := l.Delete(t.Context(), name); err != nil {
		t.Errorf("a deletion that was lost, of a life that is over: %v", err)
	}
}

func TestCollect(t *testing.T) {
	l, s := open(t, stream.DefaultLimits())
	ctx := t.Context()
	h := create(t, l)
	chunk := stream.Chunk{From: at(0, 0), To: at(0, 1), Count: 1, Size: 1, Frames: records("x").Frames}
	if err := s.PutChunk(ctx, h.Life(name), chunk); err != nil {
		t.Fatal(err)
	}
	if err := l.Delete(ctx, name); err != nil {
		t.Fatal(err)
	}
	s.faults("discard", lost)
	if done, err := l.Collect(ctx, 9); err != nil || done != (stream.Collected{Failed: 1}) {
		t.Errorf("a run that fails: %+v, %v", done, err)
	}
	s.faults("settle", lost)
	if done, err := l.Collect(ctx, 9); err != nil || done != (stream.Collected{Failed: 1}) {
		t.Errorf("a run that is not recorded: %+v, %v", done, err)
	}
	if done, err := l.Collect(ctx, 9); err != nil || done != (stream.Collected{Settled: 1}) {
		t.Errorf("the next run: %+v, %v", done, err)
	}
	if left, _ := s.Chunks(ctx, h.Life(name), at(0, 0), 99); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if done, err := l.Collect(ctx, 9); err != nil || done != (stream.Collected{}) {
		t.Errorf("nothing owed: %+v, %v", done, err)
	}
	s.faults("owed", lost)
	if _, err := l.Collect(ctx, 9); !errors.Is(err, stream.ErrUnavailable) {
		t.Errorf("the store is away: %v", err)
	}
}

// Data that takes several steps to discard is settled only after the last.
func TestCollectInSteps(t *testing.T) {
	s := &slowDiscard{store: newStore(), left: 3}
	l, err := stream.New(s, stream.Options{Limits: stream.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	create(t, l)
	if err := l.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if done, err := l.Collect(t.Context(), 1); err != nil || done.Settled != 1 || s.left != 0 {
		t.Errorf("%+v, %v, %d steps left", done, err, s.left)
	}
}

type slowDiscard struct {
	*store
	left int
}

func (s *slowDiscard) Discard(context.Context, stream.Life, int) (bool, error) {
	s.left--
	return s.left == 0, nil
}

// Pauses between repetitions grow, and end with the context.
func TestRetryPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		s.took()
		s.hook(func(op string) fault {
			if op == "delete" {
				return notApplied
			}
			return fine
		})
		l.Delete(t.Context(), name)
		times := s.times("delete")
		if len(times) != 5 {
			t.Fatalf("%d attempts", len(times))
		}
		full := 10 * time.Millisecond
		for i := 1; i < len(times); i++ {
			if d := times[i].Sub(times[i-1]); d < full/2 || d > full {
				t.Errorf("pause %d is %v, want %v to %v", i, d, full/2, full)
			}
			full *= 2
		}

		s.took()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		begin := time.Now()
		if err := l.Delete(ctx, name); !errors.Is(err, stream.ErrUnavailable) {
			t.Error(err)
		}
		if n := len(s.times("delete")); n != 1 || time.Since(begin) > time.Millisecond {
			t.Errorf("%d attempts in %v after the context ended", n, time.Since(begin))
		}
	})
}

// Stores keep milliseconds, so the log's clock has no more.
func TestClock(t *testing.T) {
	s := newStore()
	now := time.Date(2026, 3, 1, 12, 0, 0, 987_654_321, time.FixedZone("", 3600))
	l, err := stream.New(s, stream.Options{Limits: stream.DefaultLimits(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if h := create(t, l); !h.CreatedAt.Equal(now.Truncate(time.Millisecond)) || h.CreatedAt.Location() != time.UTC {
		t.Errorf("created at %v", h.CreatedAt)
	}
}

// Ids come from the given source; a zero is no commit id; and without randomness
// there is nothing safe to do.
func TestRandom(t *testing.T) {
	s := newStore()
	zeros := strings.NewReader(strings.Repeat("\x00", 8) + strings.Repeat("i", 16))
	l, err := stream.New(s, stream.Options{Limits: stream.DefaultLimits(), Random: zeros})
	if err != nil {
		t.Fatal(err)
	}
	h := create(t, l)
	if h.Incarnation.String() != strings.Repeat("69", 16) || h.Recent[0].ID&(1<<30-1) != 1 {
		t.Errorf("incarnation %v, commit %x", h.Incarnation, h.Recent[0].ID)
	}
	l, err = stream.New(s, stream.Options{Limits: stream.DefaultLimits(), Random: iotest.ErrReader(errTimeout)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("it went on without randomness")
		}
	}()
	l.Create(t.Context(), "other", &stream.Create{})
}

// What cannot be listed does not keep the rest from being collected, and is told.
func TestCollectDespiteAnError(t *testing.T) {
	l, err := stream.New(&halfListed{store: newStore()}, stream.Options{Limits: stream.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	create(t, l)
	if err := l.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	done, err := l.Collect(t.Context(), 9)
	if done.Settled != 1 || !errors.Is(err, stream.ErrUnavailable) {
		t.Errorf("collected %+v, %v", done, err)
	}
}

// halfListed is a store in whose list of works something cannot be read.
type halfListed struct{ *store }

func (h *halfListed) Owed(ctx context.Context, max int) ([]stream.Life, error) {
	works, err := h.store.Owed(ctx, max)
	return works, errors.Join(err, errors.New("one item cannot be read"))
}
