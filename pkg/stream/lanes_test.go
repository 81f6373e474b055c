package stream_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// group makes appends arrive, in this order, while a commit of "|" is under way.
// It returns their outcomes, and what the driver was called for after the "|".
// It is called in a bubble.
func group(t *testing.T, l *stream.Log, s *store, appends ...*stream.Append) (all []outcome, ops string) {
	t.Helper()
	s.took()
	release := s.hold("commit")
	lead := tryAppend(t.Context(), l, text("|"))
	synctest.Wait()
	var done []chan outcome
	for i, a := range appends {
		done = append(done, tryAppend(t.Context(), l, a))
		synctest.Wait()
		if l.Waiting(name) != i+1 {
			t.Fatalf("%d appends wait, want %d", l.Waiting(name), i+1)
		}
	}
	release()
	if o := <-lead; o.err != nil {
		t.Fatal(o.err)
	}
	for _, d := range done {
		all = append(all, <-d)
	}
	s.hook(nil)
	if l.Lanes() != 0 {
		t.Errorf("%d lanes are busy", l.Lanes())
	}
	return all, strings.TrimSpace(strings.TrimPrefix(s.took(), "commit"))
}

// Appends that arrive while a commit is under way share the next one.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		var appends []*stream.Append
		want := "|"
		for i := range 20 {
			record := fmt.Sprintf("<%d>", i)
			appends = append(appends, text(record))
			want += record
		}
		all, ops := group(t, l, s, appends...)
		if ops != "commit" {
			t.Errorf("took %q", ops)
		}
		if got := content(t, l); got != want {
			t.Errorf("content %q, want the order of arrival", got)
		}
		last := at(0, 1)
		for i, o := range all {
			last.Position += uint64(appends[i].Records.Size)
			if o.err != nil || o.Tail != last {
				t.Errorf("append %d: %+v, want tail %v", i, o, last)
			}
		}
		h := stored(t, s, stream.DefaultLimits())
		if h.Commits != 3 || len(h.Buffer) != 2 {
			t.Errorf("%d commits, %d entries", h.Commits, len(h.Buffer))
		}
	})
}

// Other streams do not wait.
func TestLanesAreIndependent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		if _, _, err := l.Create(t.Context(), "other", &stream.Create{}); err != nil {
			t.Fatal(err)
		}
		release := s.hold("commit")
		done := tryAppend(t.Context(), l, text("x"))
		synctest.Wait()
		s.hook(nil)
		if _, err := l.Append(t.Context(), "other", text("x", contentType(""))); err != nil {
			t.Error(err)
		}
		if l.Lanes() != 1 {
			t.Errorf("%d lanes are busy", l.Lanes())
		}
		release()
		<-done
	})
}

// What does not fit into one commit goes into the next ones, in order, and the
// lead passes from one to the next.
func TestLeadership(t *testing.T) {
	small := tight()
	small.StageSize, small.PartSize, small.BufferSize, small.FlushSize = 30, 30, 40, 40
	large := strings.Repeat("L", 26) // 30 bytes with its frame
	for _, c := range []struct {
		why   string
		texts []string
		ops   string
	}{
		{"all fit exactly", []string{"123456", "123456", "123456", "123456"}, "commit"},
		{"a byte too much", []string{"123456", "123456", "123456", "1234567"}, "commit commit chunk trim commit"},
		{"a large one goes alone", []string{"a", large, "b"}, "commit stage commit commit"},
		{"a large one leads alone", []string{large, "a", "b"}, "stage commit commit"},
		{"two large ones", []string{large, large}, "stage commit stage commit"},
		{"just not large", []string{large[1:]}, "commit"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, small)
			create(t, l)
			var appends []*stream.Append
			for _, record := range c.texts {
				appends = append(appends, text(record))
			}
			// The buffer is emptied, so that only the group's own size matters.
			s.mu.Lock()
			s.after = func(op string) {
				if op == "commit" {
					s.mu.Lock()
					s.after = nil
					s.mu.Unlock()
					h := stored(t, s, small)
					for _, chunk := range h.Chunks(small) {
						s.Store.PutChunk(t.Context(), h.Life(name), chunk)
					}
					if _, err := s.Store.Trim(t.Context(), name, h, h.Tail, small); err != nil {
						t.Error(err)
					}
				}
			}
			s.mu.Unlock()
			all, ops := group(t, l, s, appends...)
			if ops != c.ops {
				t.Errorf("%s: took %q, want %q", c.why, ops, c.ops)
			}
			for i, o := range all {
				if o.err != nil {
					t.Errorf("%s: append %d: %v", c.why, i, o.err)
				}
			}
			if got, want := content(t, l), "|"+strings.Join(c.texts, ""); got != want {
				t.Errorf("%s: content %q", c.why, got)
			}
		})
	}
}

// Whoever is in the lane of a commit that panics is told, and the lane goes on.
func TestLanePanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		gate := make(chan struct{})
		n := 0
		s.hook(func(op string) fault {
			if n++; n == 1 {
				<-gate
			}
			if n == 2 {
				panic("driver")
			}
			return fine
		})
		lead := tryAppend(t.Context(), l, text("a"))
		synctest.Wait()
		panicked := make(chan any, 1)
		go func() {
			defer func() { panicked <- recover() }()
			l.Append(t.Context(), name, text("b"))
		}()
		synctest.Wait()
		shares := tryAppend(t.Context(), l, text("c"))
		synctest.Wait()
		close(gate)
		if o := <-lead; o.err != nil {
			t.Error(o.err)
		}
		if p := <-panicked; p != "driver" {
			t.Errorf("panic: %v", p)
		}
		if o := <-shares; !errors.Is(o.err, stream.ErrUnsettled) {
			t.Errorf("who shared the commit: %+v", o)
		}
		put(t, l, text("d"))
		if l.Lanes() != 0 {
			t.Error("the lane is busy")
		}
	})
}
