package stream_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// staging are limits under which ten bytes are a large append.
func staging() stream.Limits {
	l := stream.DefaultLimits()
	l.StageSize = 8
	return l
}

const large = "0123456789"

// A large append takes two round trips in a process that has used the stream, and one
// more in one that has not.
func TestStagedAppendCost(t *testing.T) {
	const known, unknown = "stage commit", "head stage commit"
	for _, c := range []struct {
		why string
		do  func(t *testing.T, l, other *stream.Log)
		ops string
	}{
		{"unknown", func(*testing.T, *stream.Log, *stream.Log) {}, unknown},
		{"used by another process", func(t *testing.T, _, other *stream.Log) { put(t, other, text("x")) }, unknown},
		{"appended to", func(t *testing.T, l, _ *stream.Log) { put(t, l, text("x")) }, known},
		{"appended to, largely", func(t *testing.T, l, _ *stream.Log) { put(t, l, text(large)) }, known},
		{"read", func(t *testing.T, l, _ *stream.Log) { content(t, l) }, known},
		{"refused to append", func(t *testing.T, l, _ *stream.Log) {
			if _, err := l.Append(t.Context(), name, text("x", contentType("image/png"))); !errors.Is(err, stream.ErrContentType) {
				t.Error(err)
			}
		}, known},
		{"read by its head alone", func(t *testing.T, l, _ *stream.Log) {
			if _, err := l.Head(t.Context(), name); err != nil {
				t.Error(err)
			}
		}, unknown},
		{"another one", func(t *testing.T, l, _ *stream.Log) {
			if _, _, err := l.Create(t.Context(), "other", &stream.Create{}); err != nil {
				t.Error(err)
			}
			if _, err := l.Read(t.Context(), "other", stream.Start()); err != nil {
				t.Error(err)
			}
		}, unknown},
	} {
		other, s := open(t, staging())
		create(t, other)
		l := join(t, s, staging(), stream.Poll{})
		c.do(t, l, other)
		before := content(t, other)
		s.took()
		for _, ops := range []string{c.ops, known} {
			put(t, l, text(large))
			if got := s.took(); got != ops {
				t.Errorf("%s: took %q, want %q", c.why, got, ops)
			}
		}
		if got := content(t, other); got != before+large+large {
			t.Errorf("%s: content %q", c.why, got)
		}
	}
}

// A life is trusted for a minute by the log's clock, whatever other clocks say, and for
// one more whenever it is seen.
func TestStagedAppendTrustsForAMinute(t *testing.T) {
	s := newStore()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	l, err := stream.New(s, stream.Options{Limits: staging(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	create(t, l)
	put(t, l, text("x"))
	for i, c := range []struct {
		later time.Duration
		use   func()
		ops   string
	}{
		{stream.Trusted - time.Millisecond, nil, "stage commit"},
		{stream.Trusted - time.Millisecond, nil, "stage commit"}, // since the last one
		{stream.Trusted, nil, "head stage commit"},
		{stream.Trusted - time.Millisecond, func() { put(t, l, text("x")) }, "stage commit"},
		{stream.Trusted - time.Millisecond, func() { content(t, l) }, "stage commit"},
		{time.Hour, nil, "head stage commit"},
	} {
		now = now.Add(c.later)
		if c.use != nil {
			c.use()
			now = now.Add(c.later)
		}
		s.took()
		put(t, l, text(large))
		if ops := s.took(); ops != c.ops {
			t.Errorf("%d: took %q, want %q", i, ops, c.ops)
		}
	}
}

// aims records the batches that are committed, and the lives that are staged for.
type aims struct {
	*store
	mu      sync.Mutex
	batches []stream.Batch
	staged  []stream.Incarnation
}

func openAims(t *testing.T) (*stream.Log, *aims) {
	t.Helper()
	s := &aims{store: newStore()}
	l, err := stream.New(s, stream.Options{Limits: staging()})
	if err != nil {
		t.Fatal(err)
	}
	return l, s
}

func (a *aims) PutStaged(ctx context.Context, life stream.Life, id stream.StagedID, f stream.Frames) error {
	a.mu.Lock()
	a.staged = append(a.staged, life.Incarnation)
	a.mu.Unlock()
	return a.store.PutStaged(ctx, life, id, f)
}

func (a *aims) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (*stream.Head, error) {
	a.mu.Lock()
	a.batches = append(a.batches, *b)
	a.mu.Unlock()
	return a.store.Commit(ctx, name, b, l)
}

// What was staged for a life is committed to no other one.
func TestStagedAppendNamesItsLife(t *testing.T) {
	l, s := openAims(t)
	old := create(t, l)
	put(t, l, text("x"))
	put(t, l, text(large))
	// Another process ends that life, and begins a new one.
	other := join(t, &store{Store: s.Store}, staging(), stream.Poll{})
	if err := other.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Collect(t.Context(), 9); err != nil {
		t.Fatal(err)
	}
	next := create(t, other)
	put(t, other, text("new "))
	s.took()
	put(t, l, text(large))
	if ops := s.took(); ops != "stage commit stage update" {
		t.Errorf("took %q", ops)
	}
	put(t, l, text(large)) // the new one is known now
	if ops := s.took(); ops != "stage commit" {
		t.Errorf("then took %q", ops)
	}
	want := []stream.Incarnation{{}, old.Incarnation, old.Incarnation, next.Incarnation}
	for i, b := range s.batches {
		if len(want) != len(s.batches) || b.Incarnation != want[i] || (len(b.Staged) > 0) != (i > 0) {
			t.Errorf("commit %d of %d is for %v, with %d items", i, len(s.batches), b.Incarnation, len(b.Staged))
		}
	}
	if got := content(t, l); got != "new "+large+large {
		t.Errorf("content %q", got)
	}
	stored(t, s.store, staging())
}

// What the head rules out is refused all the same by a process that stages without
// looking; one that looks puts nothing.
func TestStagedAppendRefused(t *testing.T) {
	gap := func(err error) bool { var gap *stream.GapError; return errors.As(err, &gap) }
	closed := func(err error) bool { var closed *stream.ClosedError; return errors.As(err, &closed) }
	is := func(want error) func(error) bool {
		return func(err error) bool { return errors.Is(err, want) }
	}
	for _, c := range []struct {
		why    string
		before *stream.Append
		append *stream.Append
		want   func(error) bool
	}{
		{"closed", text("", closing), text(large), closed},
		{"another content type", text("y"), text(large, contentType("image/png")), is(stream.ErrContentType)},
		{"another unit", text("y"), messages(`"0123456789"`), is(stream.ErrContentType)},
		{"a gap", text("y", by("p", 0, 0)), text(large, by("p", 0, 2)), gap},
		{"a duplicate", text("y", by("p", 0, 0)), text(large, by("p", 0, 0)), is(nil)},
		{"Stream-Seq", text("y", seq("2")), text(large, seq("1")), is(stream.ErrSeqRegression)},
	} {
		for ops, known := range map[string]bool{"head": false, "stage commit": true} {
			lim := staging()
			lim.EarlyWait = 0
			l, s := open(t, lim)
			create(t, l)
			put(t, l, text("x"))
			put(t, l, c.before)
			before := stored(t, s, lim)
			if !known {
				l = join(t, s, lim, stream.Poll{})
			}
			s.took()
			if _, err := l.Append(t.Context(), name, c.append); !c.want(err) {
				t.Errorf("%s, known %v: %v", c.why, known, err)
			}
			if got := s.took(); got != ops {
				t.Errorf("%s, known %v: took %q, want %q", c.why, known, got, ops)
			}
			if after := stored(t, s, lim); dump(after) != dump(before) {
				t.Errorf("%s, known %v: it changed %s", c.why, known, dump(after))
			}
		}
	}
}

// A life that is over, by a refusal that said so or by this process itself, is not
// trusted any more: nobody would collect what is staged for it.
func TestStagedAppendForgetsAnEndedLife(t *testing.T) {
	ends := func(t *testing.T, l *stream.Log) {
		t.Helper()
		if err := l.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Collect(t.Context(), 9); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		why string
		end func(t *testing.T, l, other *stream.Log)
		ops []string
		err error
	}{
		{"deleted here", func(t *testing.T, l, _ *stream.Log) { ends(t, l) }, []string{"head", "head"}, stream.ErrNotFound},
		{"deleted elsewhere", func(t *testing.T, _, other *stream.Log) { ends(t, other) }, []string{"stage commit", "head"}, stream.ErrNotFound},
		{"expired", func(*testing.T, *stream.Log, *stream.Log) { time.Sleep(3 * time.Second) }, []string{"stage commit", "head"}, stream.ErrNotFound},
		{"replaced here", func(t *testing.T, l, _ *stream.Log) {
			time.Sleep(3 * time.Second)
			create(t, l)
			if _, err := l.Collect(t.Context(), 9); err != nil {
				t.Fatal(err)
			}
		}, []string{"head stage commit", "stage commit"}, nil},
		{"deleted and created here", func(t *testing.T, l, _ *stream.Log) {
			ends(t, l)
			create(t, l)
		}, []string{"head stage commit", "stage commit"}, nil},
		{"closed in another life", func(t *testing.T, _, other *stream.Log) {
			ends(t, other)
			create(t, other)
			put(t, other, text("", closing))
		}, []string{"stage commit", "stage commit"}, &stream.ClosedError{}},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := openAims(t)
			old := create(t, l, ttl(2*time.Second)).Incarnation
			put(t, l, text("x"))
			c.end(t, l, join(t, &store{Store: s.Store}, staging(), stream.Poll{}))
			s.took()
			for _, ops := range c.ops {
				s.staged = nil
				_, err := l.Append(t.Context(), name, text(large))
				var closed *stream.ClosedError
				if !errors.Is(err, c.err) && !errors.As(err, &closed) || c.err == nil && err != nil {
					t.Errorf("%s: %v", c.why, err)
				}
				if got := s.took(); got != ops {
					t.Errorf("%s: took %q, want %q", c.why, got, ops)
				}
			}
			// The last one was not for the life that is over, if it staged anything.
			if slices.Contains(s.staged, old) {
				t.Errorf("%s: staged for %v, which is over", c.why, s.staged)
			}
		})
	}
}

// Whether a commit to a life that has ended happened before its end is not to be found
// out: it is not repeated in the next one, which would be a second copy.
func TestStagedAppendUnknownInAnEndedLife(t *testing.T) {
	for _, what := range []fault{applied, lost} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, staging())
			create(t, l)
			put(t, l, text("x"))
			other := join(t, &store{Store: s.Store}, staging(), stream.Poll{})
			s.faults("commit", what)
			s.mu.Lock()
			s.after = func(op string) {
				if op != "commit" {
					return
				}
				s.mu.Lock()
				s.after = nil
				s.mu.Unlock()
				if err := other.Delete(t.Context(), name); err != nil {
					t.Error(err)
				}
				create(t, other)
			}
			s.mu.Unlock()
			s.took()
			if _, err := l.Append(t.Context(), name, text(large)); !errors.Is(err, stream.ErrUnsettled) {
				t.Errorf("%v", err)
			}
			if ops := s.took(); ops != "stage commit head" {
				t.Errorf("took %q", ops)
			}
			if got := content(t, other); got != "" {
				t.Errorf("content of the next life %q", got)
			}
		})
	}
}

// A large append that finds the lane busy does not look at the head either.
func TestStagedAppendInABusyLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, staging())
		create(t, l)
		all, ops := group(t, l, s, text(large), text("y"), text(large))
		for i, o := range all {
			if o.err != nil {
				t.Errorf("append %d: %v", i, o.err)
			}
		}
		if ops != "stage commit commit stage commit" {
			t.Errorf("took %q", ops)
		}
		if got := content(t, l); got != "|"+large+"y"+large {
			t.Errorf("content %q", got)
		}
	})
}

// A commit that was throttled is repeated for what is staged already.
func TestStagedAppendIsStagedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, staging())
		create(t, l)
		put(t, l, text("x"))
		s.took()
		s.faults("commit", notApplied, notApplied)
		put(t, l, text(large))
		if ops := s.took(); ops != "stage commit commit commit" {
			t.Errorf("took %q", ops)
		}
		if got := content(t, l); got != "x"+large {
			t.Errorf("content %q", got)
		}
	})
}
