package stream_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// long is more often than any call is repeated.
func long(what fault) []fault {
	all := make([]fault, 2*stream.MaxAttempts)
	for i := range all {
		all[i] = what
	}
	return all
}

// Whatever becomes of any call of a compaction: it fails as it should or goes on,
// nothing is lost, and the next one finishes what is left.
func TestCompactFaults(t *testing.T) {
	const compacted = "manifest 0, object segment"
	for _, c := range []struct {
		op     string
		faults []fault
		n      int // segments, or -1 if it must fail
		left   string
	}{
		{"head", []fault{lost}, -1, ""},
		{"head", []fault{rejected}, -1, ""},
		{"head", []fault{fine, lost}, -1, compacted}, // the last look, to see that nothing is owed
		{"chunk", []fault{lost}, -1, ""},
		{"chunk", []fault{applied}, -1, "chunk 0_2"},
		{"chunk", []fault{notApplied, notApplied}, 1, compacted},
		{"chunk", long(notApplied), -1, ""},
		{"trim", []fault{lost}, -1, "chunk 0_2, chunk 1_1"},
		{"trim", []fault{applied}, -1, "chunk 0_2, chunk 1_1"},
		{"chunks", []fault{lost}, -1, "chunk 0_2"},
		{"manifests", []fault{lost}, -1, "chunk 0_2"},
		{"put", []fault{notApplied, notApplied}, 1, compacted},
		{"put", long(notApplied), -1, "chunk 0_2"},
		{"put", []fault{rejected}, -1, "chunk 0_2"},
		{"put", []fault{lost}, -1, "chunk 0_2"},
		{"put", []fault{applied}, -1, "chunk 0_2, object segment"},
		{"get", []fault{lost}, -1, "chunk 0_2, object segment"},
		{"manifest", []fault{notApplied, notApplied}, 1, compacted},
		{"manifest", long(notApplied), -1, "chunk 0_2, object segment"},
		{"manifest", []fault{rejected}, -1, "chunk 0_2, object segment"},
		{"manifest", []fault{lost}, -1, "chunk 0_2, object segment"},
		{"manifest", []fault{applied}, 1, compacted},
		{"compact", []fault{notApplied, notApplied}, 1, compacted},
		{"compact", []fault{lost, lost, lost}, 1, compacted},
		{"compact", []fault{applied}, 1, compacted},
		{"compact", []fault{rejected}, -1, "chunk 0_2, manifest 0, object segment"},
		{"compact", long(lost), -1, "chunk 0_2, manifest 0, object segment"},
		{"retire", []fault{notApplied, notApplied}, 1, compacted},
		{"retire", []fault{lost}, -1, "chunk 0_2, manifest 0, object segment"},
		{"retire", []fault{applied}, -1, compacted},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := openCold(t, short())
			h := create(t, l)
			putAll(t, l, "a", "b", "c")
			s.faults(c.op, c.faults...)
			done, err := l.Compact(t.Context(), name)
			s.hook(nil)
			switch {
			case c.n < 0 && !errors.Is(err, stream.ErrUnavailable):
				t.Errorf("%s, %v: %+v, %v", c.op, c.faults, done, err)
			case errors.Is(err, stream.ErrDamaged):
				t.Errorf("%s, %v: nothing is damaged: %v", c.op, c.faults, err)
			case c.n >= 0 && (err != nil || done.Segments != c.n):
				t.Errorf("%s, %v: %+v, %v", c.op, c.faults, done, err)
			}
			left := strings.TrimSuffix(strings.ReplaceAll(holding(t, s, h.Life(name)), "chunk 1_1, ", ""), ", chunk 1_1")
			if want := strings.TrimSuffix(c.left, ", chunk 1_1"); left != want {
				t.Errorf("%s, %v: it left %s, want %s", c.op, c.faults, left, want)
			}
			if got := content(t, joinCold(t, s, short())); got != "abc" {
				t.Errorf("%s, %v: content %q", c.op, c.faults, got)
			}
			if _, err := l.Compact(t.Context(), name); err != nil {
				t.Errorf("%s, %v: the next: %v", c.op, c.faults, err)
			}
			if after := stored(t, s, short()); after.Compacted != 1 {
				t.Errorf("%s, %v: the next left %d segments compacted", c.op, c.faults, after.Compacted)
			}
			if got := content(t, l); got != "abc" {
				t.Errorf("%s, %v: content %q", c.op, c.faults, got)
			}
		})
	}
}

// Chunks that were not retired because a compaction stopped are not read, and not
// compacted again.
func TestCompactLeavesStaleChunks(t *testing.T) {
	l, s := openCold(t, short())
	h := create(t, l)
	putAll(t, l, "a", "b", "c")
	s.faults("retire", lost)
	if _, err := l.Compact(t.Context(), name); err == nil {
		t.Fatal("no error")
	}
	putAll(t, l, "d", "e")
	compact(t, l, 1)
	if got := holding(t, s, h.Life(name)); got != "chunk 0_2, chunk 2_1, manifest 0, manifest 1, object segment, object segment" {
		t.Errorf("left %s", got)
	}
	s.took()
	if got := content(t, joinCold(t, s, short())); got != "abcde" {
		t.Errorf("content %q", got)
	}
	if ops := s.took(); strings.Count(ops, "get") != 2 {
		t.Errorf("reading took %q", ops)
	}
}

// Only one compaction of a stream runs at a time in a process. Others are not held up.
func TestOneCompactionAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := openCold(t, short())
		create(t, l)
		putAll(t, l, "a", "b", "c")
		release := s.hold("put")
		done := make(chan error, 1)
		go func() {
			got, err := l.Compact(t.Context(), name)
			if got.Segments != 2 {
				t.Errorf("%+v: what ended meanwhile is found too", got)
			}
			done <- err
		}()
		synctest.Wait()
		s.took()
		compact(t, l, 0)
		if ops := s.took(); ops != "" {
			t.Errorf("the other one took %q", ops)
		}
		// Writers and readers do not wait for it.
		putAll(t, l, "d", "e")
		if got := content(t, l); got != "abcde" {
			t.Errorf("content %q", got)
		}
		release()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := content(t, l); got != "abcde" {
			t.Errorf("content %q", got)
		}
	})
}

// Two processes compact one stream: at every call of the first the second one does all
// of it. Neither fails, and each segment is compacted once.
func TestTwoCompactors(t *testing.T) {
	calls := 0
	for at := 0; at <= calls; at++ {
		for _, linked := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				lim := short()
				if linked {
					lim.StageSize, lim.PartSize, lim.ObjectSize = 8, 8, 11
				}
				l, s := openCold(t, lim)
				other := joinCold(t, s, lim)
				h := create(t, l)
				putAll(t, l, "anobject", "b", "c", "item", "e")
				var n atomic.Int64
				var second stream.Compaction
				s.hook(func(op string) fault {
					if int(n.Add(1))-1 != at {
						return fine
					}
					var err error
					if second, err = other.Compact(context.Background(), name); err != nil {
						t.Errorf("call %d, %s: the second: %v", at, op, err)
					}
					return fine
				})
				first, err := l.Compact(t.Context(), name)
				s.hook(nil)
				if err != nil {
					t.Errorf("call %d: the first: %v", at, err)
				}
				if got := first.Segments + second.Segments; got < 2 || got > 3 {
					// One that is half done when the other does it is done by both.
					t.Errorf("call %d: %d and %d segments", at, first.Segments, second.Segments)
				}
				if at == 0 {
					calls = max(calls, int(n.Load()))
				}
				// A flush may have come late. What it put of segments that are in objects is
				// read by nobody, and the sweep retires it.
				if swept, err := l.Sweep(t.Context(), everything()); err != nil || swept.Retired > 0 && at == 0 {
					t.Errorf("call %d: %+v, %v", at, swept, err)
				}
				if got := holding(t, s, h.Life(name)); got != "chunk 2_1, manifest 0, manifest 1, object segment, object segment" {
					t.Errorf("call %d: left %s", at, got)
				}
				if h := stored(t, s, lim); h.Compacted != 2 {
					t.Errorf("call %d: %d segments", at, h.Compacted)
				}
				if got := content(t, joinCold(t, s, lim)); got != "anobjectbciteme" {
					t.Errorf("call %d: content %q", at, got)
				}
			})
		}
	}
	if calls < 10 {
		t.Errorf("only %d calls were looked at", calls)
	}
}

// A stream that ends while it is compacted, at whatever call, is no error, and its next
// life has nothing of it.
func TestCompactOfAnEndedLife(t *testing.T) {
	for _, collected := range []bool{false, true} {
		for _, again := range []bool{false, true} {
			for _, at := range strings.Fields("chunk trim chunks manifests put get manifest compact retire") {
				synctest.Test(t, func(t *testing.T) {
					l, s := openCold(t, short())
					old := create(t, l)
					putAll(t, l, "a", "b", "c")
					other := joinCold(t, s, short())
					s.hook(func(op string) fault {
						if op != at {
							return fine
						}
						s.hook(nil)
						if err := other.Delete(context.Background(), name); err != nil {
							t.Error(err)
						}
						if collected {
							if done, err := other.Collect(context.Background(), 9); err != nil || done.Settled != 1 {
								t.Errorf("%+v, %v", done, err)
							}
						}
						if again {
							create(t, other)
							putAll(t, other, "x", "y", "z")
						}
						return fine
					})
					if _, err := l.Compact(t.Context(), name); err != nil {
						t.Errorf("at %s, collected %v, again %v: %v", at, collected, again, err)
					}
					if _, err := l.Compact(t.Context(), name); err != nil {
						t.Errorf("at %s, again %v: the next: %v", at, again, err)
					}
					if _, err := l.Sweep(t.Context(), everything()); err != nil {
						t.Error(err)
					}
					if got := holding(t, s, old.Life(name)); got != "" {
						t.Errorf("at %s, collected %v, again %v: left %s", at, collected, again, got)
					}
					if again {
						if got := content(t, l); got != "xyz" {
							t.Errorf("at %s: content %q", at, got)
						}
						if h := stored(t, s, short()); h.Compacted != 1 || h.Incarnation == old.Incarnation {
							t.Errorf("at %s: %d segments are compacted", at, h.Compacted)
						}
					}
				})
			}
		}
	}
}

// A compactor that is refused again and again, though nothing is done, gives up.
func TestCompactIsNotTriedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &refusing{store: newStore()}
		l, err := stream.New(s, stream.Options{Limits: short(), Objects: objects{s.store}})
		if err != nil {
			t.Fatal(err)
		}
		create(t, l)
		putAll(t, l, "a", "b", "c")
		if _, err := l.Compact(t.Context(), name); !errors.Is(err, stream.ErrUnavailable) {
			t.Errorf("%v", err)
		}
		if s.n != stream.MaxAttempts {
			t.Errorf("%d attempts", s.n)
		}
	})
}

// refusing is a store that refuses every compaction.
type refusing struct {
	*store
	n int
}

func (s *refusing) Compact(context.Context, stream.Life, uint64) (*stream.Head, error) {
	s.n++
	return nil, &stream.RefusedError{}
}

// The head that a compaction stored reaches whoever waits, with what is appended next: a
// read from then on knows where to go.
func TestCompactIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := openCold(t, short())
		create(t, l)
		putAll(t, l, "a", "b", "c")
		f, _ := follow(t, l, stream.Now())
		defer f.Close()
		next := later(t, f)
		compact(t, l, 1)
		synctest.Wait()
		s.took()
		put(t, l, text("d"))
		if h := <-next; h.text != "d" || h.err != nil {
			t.Errorf("%+v", h)
		}
		if ops := s.took(); ops != "commit" {
			t.Errorf("took %q", ops)
		}
		if h := f.Head(); h.Compacted != 1 {
			t.Errorf("the follower knows of %d segments", h.Compacted)
		}
	})
}
