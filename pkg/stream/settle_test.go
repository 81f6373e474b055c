package stream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// How an append ends whose driver calls fail in some way: it is applied once if
// it is acknowledged, not at all if it is refused, and at most once otherwise.
func TestUnknownOutcomes(t *testing.T) {
	for _, c := range []struct {
		why    string
		op     string
		faults []fault
		append *stream.Append
		want   error
		ops    string
	}{
		{"throttled", "commit", []fault{notApplied, notApplied}, text("x"), nil, "commit commit commit"},
		{"it happened", "commit", []fault{applied}, text("x"), nil, "commit head"},
		{"it did not happen: burned, and done again", "commit", []fault{lost}, text("x"), nil, "commit head update update"},
		{"it did not happen: a producer's is done again", "commit", []fault{lost}, text("x", by("p", 0, 0)), nil, "commit head update"},
		{"a producer's happened", "commit", []fault{applied}, text("x", by("p", 0, 0)), nil, "commit head"},
		{"again and again", "commit", []fault{lost, notApplied}, text("", closing), nil, "commit head update update"},
		{"the burning is unknown, and did not happen", "update", []fault{lost}, text("x"), nil, "commit head update head update update"},
		{"the burning is unknown, and happened", "update", []fault{applied}, text("x"), nil, "commit head update head update update"},
		{"the burning is throttled", "update", []fault{notApplied}, text("x"), nil, "commit head update head update update"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, l)
			s.took()
			if c.op == "commit" {
				s.faults("commit", c.faults...)
			} else {
				s.hook(onceEach(map[string]fault{"commit": lost, c.op: c.faults[0]}))
			}
			r, err := l.Append(t.Context(), name, c.append)
			if !errors.Is(err, c.want) || c.want == nil && err != nil || r.Duplicate {
				t.Errorf("%s: %+v, %v", c.why, r, err)
			}
			if ops := s.took(); ops != c.ops {
				t.Errorf("%s: took %q, want %q", c.why, ops, c.ops)
			}
			want := strings.Repeat("x", c.append.Records.Count)
			if got := content(t, l); got != want {
				t.Errorf("%s: content %q", c.why, got)
			}
			h := stored(t, s, stream.DefaultLimits())
			if r.Tail != h.Tail || h.Closed != c.append.Close {
				t.Errorf("%s: %+v, head %+v", c.why, r, h)
			}
		})
	}
}

// onceEach fails the first call of each operation.
func onceEach(faults map[string]fault) func(string) fault {
	return func(op string) fault {
		what := faults[op]
		delete(faults, op)
		return what
	}
}

// A write that was given up cannot happen later: its id is burned.
func TestLateWriteIsExcluded(t *testing.T) {
	for _, c := range []struct {
		why    string
		append *stream.Append
		burned int
	}{
		{"by its id", text("x"), 1},
		{"by its sequence number", text("x", by("p", 0, 0)), 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, l)
			s.faults("commit", late)
			put(t, l, c.append)
			if h := stored(t, s, stream.DefaultLimits()); len(h.Burned) != c.burned {
				t.Errorf("%s: burned %v", c.why, h.Burned)
			}
			s.arrive()
			put(t, l, text("y"))
			if got := content(t, l); got != "xy" {
				t.Errorf("%s: content %q", c.why, got)
			}
		})
	}
}

// While it is being found out what happened, it happens.
func TestLateWriteArrivesBeforeBurning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		n := 0
		s.hook(func(op string) fault {
			n++
			if n == 1 {
				return late
			}
			if op == "update" {
				s.arrive()
			}
			return fine
		})
		s.took()
		if r := put(t, l, text("x")); r.Tail != at(0, 1) {
			t.Errorf("%+v", r)
		}
		if ops := s.took(); ops != "commit head update" {
			t.Errorf("took %q", ops)
		}
		if got := content(t, l); got != "x" {
			t.Errorf("content %q", got)
		}
	})
}

// A producer's write may still happen that was done again instead of being burned.
// Until it was seen to be applied no refusal is certain, so none is told.
func TestRefusalInDoubt(t *testing.T) {
	for _, c := range []struct {
		why    string
		append *stream.Append
		then   string // what fails after the write whose outcome is unknown
		want   string
	}{
		{"what follows fails", text("x", by("p", 0, 0)), "chunk", "123x"},
		{"its predecessor comes later", text("x", by("p", 0, 1)), "", "12x"},
	} {
		synctest.Test(t, func(t *testing.T) {
			lim := stream.DefaultLimits()
			lim.FlushCount, lim.BufferCount = 3, 3
			l, s := open(t, lim)
			create(t, l)
			put(t, l, text("1"))
			if c.then != "" {
				put(t, l, text("2"))
				put(t, l, text("3")) // now the buffer is full
			}
			s.hook(onceEach(map[string]fault{"commit": late, c.then: lost}))
			if _, err := l.Append(t.Context(), name, c.append); !errors.Is(err, stream.ErrUnsettled) || errors.Is(err, stream.ErrUnavailable) {
				t.Errorf("%s: %v", c.why, err)
			}
			s.hook(nil)
			if c.then != "" {
				if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
					t.Fatal(err)
				}
			} else {
				put(t, l, text("2", by("p", 0, 0)))
			}
			s.arrive()
			if got := content(t, l); got != c.want {
				t.Errorf("%s: content %q", c.why, got)
			}
			// The producer asks again, and learns that it is there.
			if r := put(t, l, c.append); !r.Duplicate {
				t.Errorf("%s: %+v", c.why, r)
			}
		})
	}
}

// When the memory of the head has moved on, nobody knows; nothing is guessed.
func TestMemoryMovedOn(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.Remember = 3
	for _, c := range []struct {
		why     string
		before  int // commits before the append, by the same process but not in the same lane
		between int // commits by another process before the head is read
		what    fault
		append  *stream.Append
		want    error
	}{
		{"the head remembers its whole life", 1, 0, lost, text("x"), nil},
		{"and still does", 0, 2, lost, text("x"), nil},
		{"the life is longer than the memory", 0, 3, lost, text("x"), stream.ErrUnsettled},
		{"so it is if it happened long before", 0, 3, applied, text("x"), stream.ErrUnsettled},
		{"but not if it happened a moment ago", 2, 2, applied, text("x"), nil},
		{"a producer's request can be judged at any time", 0, 3, lost, text("x", by("p", 0, 0)), nil},
		{"though not told from a repetition", 0, 3, applied, text("x", by("p", 0, 0)), nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, lim)
			create(t, l)
			other := join(t, &store{Store: s.Store}, lim, stream.Poll{})
			want := ""
			for range c.before {
				put(t, l, text("b"))
				want += "b"
			}
			s.hook(func(op string) fault {
				if op == "head" {
					s.hook(nil)
					for range c.between {
						put(t, other, text("o"))
					}
					// As long as records are in the buffer, so are their commits.
					if err := other.Flush(t.Context(), name, stream.Appended{}); err != nil {
						t.Error(err)
					}
				}
				if op == "commit" {
					return c.what
				}
				return fine
			})
			r, err := l.Append(t.Context(), name, c.append)
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%s: %v", c.why, err)
			}
			n := strings.Count(content(t, l), "x")
			if err == nil && n != 1 || n > 1 {
				t.Errorf("%s: it is there %d times", c.why, n)
			}
			if moved := c.what == applied && c.append.Producer != nil; err == nil && r.Duplicate != moved {
				t.Errorf("%s: %+v", c.why, r)
			}
		})
	}
}

// Within a busy lane the newest head seen tells what to remember, however long
// the stream's life is.
func TestLaneRemembersHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := stream.DefaultLimits()
		lim.Remember = 1
		l, s := open(t, lim)
		create(t, l)
		for range 5 {
			put(t, l, text("."))
		}
		release := s.hold("commit")
		s.mu.Lock()
		s.after = func(string) {
			s.mu.Lock()
			s.after = nil
			s.mu.Unlock()
			s.faults("commit", lost)
		}
		s.mu.Unlock()
		first := tryAppend(t.Context(), l, text("a"))
		synctest.Wait()
		second := tryAppend(t.Context(), l, text("b"))
		synctest.Wait()
		release()
		for _, done := range []chan outcome{first, second} {
			if o := <-done; o.err != nil {
				t.Error(o.err)
			}
		}
		if got := content(t, l); got != ".....ab" {
			t.Errorf("content %q", got)
		}
	})
}

// The stream ends while it is being found out what happened.
func TestStreamEndsWhileSettling(t *testing.T) {
	for _, c := range []struct {
		why   string
		again bool
		known bool
	}{
		{"deleted", false, false},
		{"deleted and created again, seen before", true, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			lim := stream.DefaultLimits()
			lim.StageSize = 8
			l, s := open(t, lim)
			create(t, l)
			heads := 0
			s.hook(func(op string) fault {
				switch op {
				case "commit":
					return applied
				case "head":
					if heads++; heads == 1 && c.known {
						return fine // the one before the records are staged
					}
					s.hook(nil)
					other := join(t, &store{Store: s.Store}, lim, stream.Poll{})
					other.Delete(t.Context(), name)
					if c.again {
						create(t, other)
					}
				}
				return fine
			})
			record := "x"
			if c.known {
				record = "xxxxxxxxxx"
			}
			if _, err := l.Append(t.Context(), name, text(record)); !errors.Is(err, stream.ErrUnsettled) {
				t.Errorf("%s: %v", c.why, err)
			}
		})
	}
}

// The store fails for as long as an append may take: then it is over.
func TestStoreIsAway(t *testing.T) {
	for _, c := range []struct {
		why  string
		hook func(op string) fault
		want error
	}{
		{"throttled all the time", func(op string) fault { return notApplied }, stream.ErrUnavailable},
		{"unknown all the time", func(op string) fault { return lost }, stream.ErrUnsettled},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, l)
			s.hook(c.hook)
			begin := time.Now()
			_, err := l.Append(t.Context(), name, text("x"))
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v", c.why, err)
			}
			if d := time.Since(begin); d > stream.DefaultLimits().WriteTimeout || d < stream.DefaultLimits().WriteTimeout/2 {
				t.Errorf("%s: it took %v", c.why, d)
			}
			s.hook(nil)
			if got := content(t, l); got != "" {
				t.Errorf("%s: content %q", c.why, got)
			}
		})
	}
}

// Writes of the slow path, which are conditional on the head's version.
func TestUnknownUpdates(t *testing.T) {
	other := func(t *testing.T, s *store, lim stream.Limits, do func(l *stream.Log)) {
		do(join(t, &store{Store: s.Store}, lim, stream.Poll{}))
	}
	for _, c := range []struct {
		why    string
		faults []fault
		// before runs before the given call of update.
		call   int
		before func(t *testing.T, l *stream.Log)
		want   error
		ops    string
		n      int // how often x is there at the end
	}{
		{"it happened", []fault{applied}, 0, nil, nil, "commit update update", 1},
		{"it did not happen", []fault{lost}, 0, nil, nil, "commit update update", 1},
		{"it happened at the second attempt", []fault{lost, applied}, 0, nil, nil, "commit update update update", 1},
		{"throttled", []fault{notApplied}, 0, nil, nil, "commit update update", 1},
		{"throttled after the unknown", []fault{lost, notApplied, notApplied}, 0, nil, nil, "commit update update update update", 1},
		{"it happened, and others followed", []fault{applied}, 2, func(t *testing.T, l *stream.Log) { put(t, l, text("o")) }, nil, "commit update update", 1},
		{"it did not happen, and others were faster", []fault{lost}, 2, func(t *testing.T, l *stream.Log) { put(t, l, text("o")) }, nil, "commit update update commit", 1},
		{"others were faster", nil, 1, func(t *testing.T, l *stream.Log) { put(t, l, text("o")) }, nil, "commit update commit", 1},
		{"it happened, and the memory moved on", []fault{applied}, 2, func(t *testing.T, l *stream.Log) {
			put(t, l, text("o"))
			put(t, l, text("o"))
			l.Flush(t.Context(), name, stream.Appended{})
		}, stream.ErrUnsettled, "commit update update", 1},
		{"it did not happen, and the memory moved on", []fault{lost}, 2, func(t *testing.T, l *stream.Log) {
			for range 3 {
				put(t, l, text("o"))
			}
			l.Flush(t.Context(), name, stream.Appended{})
		}, stream.ErrUnsettled, "commit update update", 0},
		{"others were faster, and the memory moved on", nil, 1, func(t *testing.T, l *stream.Log) {
			for range 3 {
				put(t, l, text("o"))
			}
			l.Flush(t.Context(), name, stream.Appended{})
		}, nil, "", 1},
		{"unknown, and the stream was deleted", []fault{lost}, 2, func(t *testing.T, l *stream.Log) { l.Delete(t.Context(), name) }, stream.ErrUnsettled, "commit update update", 0},
		{"the stream was deleted", nil, 1, func(t *testing.T, l *stream.Log) { l.Delete(t.Context(), name) }, stream.ErrNotFound, "commit update", 0},
		{"unknown, and it was created again", []fault{lost}, 2, func(t *testing.T, l *stream.Log) {
			l.Delete(t.Context(), name)
			create(t, l)
		}, stream.ErrUnsettled, "commit update update", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			lim := stream.DefaultLimits()
			lim.SegmentCount, lim.Remember = 2, 2
			l, s := open(t, lim)
			create(t, l, stream.Create{Records: records("1", "2")})
			s.took()
			calls, faults := 0, c.faults
			s.hook(func(op string) fault {
				if op != "update" {
					return fine
				}
				if calls++; calls == c.call {
					other(t, s, lim, func(l *stream.Log) { c.before(t, l) })
				}
				if len(faults) == 0 {
					return fine
				}
				what := faults[0]
				faults = faults[1:]
				return what
			})
			_, err := l.Append(t.Context(), name, text("x"))
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%s: %v", c.why, err)
			}
			if ops := s.took(); ops != c.ops && c.ops != "" {
				t.Errorf("%s: took %q, want %q", c.why, ops, c.ops)
			}
			s.hook(nil)
			got := ""
			if alive(t, l) {
				got = content(t, l)
			}
			if strings.Count(got, "x") != c.n {
				t.Errorf("%s: content %q", c.why, got)
			}
		})
	}
}

func TestUnknownUpdateOfStoreThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := stream.DefaultLimits()
		lim.SegmentCount = 1
		l, s := open(t, lim)
		create(t, l, stream.Create{Records: records("1")})
		s.hook(func(op string) fault {
			if op == "update" {
				return lost
			}
			return fine
		})
		if _, err := l.Append(t.Context(), name, text("x")); !errors.Is(err, stream.ErrUnsettled) {
			t.Error(err)
		}
	})
}

// Others are always faster: after many attempts the append gives up, unapplied.
func TestAttemptsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := stream.DefaultLimits()
		lim.SegmentCount = 1
		l, s := open(t, lim)
		create(t, l, stream.Create{Records: records("1")})
		other := join(t, &store{Store: s.Store}, lim, stream.Poll{})
		s.hook(func(op string) fault {
			if op == "update" {
				put(t, other, text("o"))
			}
			return fine
		})
		s.took()
		if _, err := l.Append(t.Context(), name, text("x")); !errors.Is(err, stream.ErrUnavailable) {
			t.Error(err)
		}
		if n := len(strings.Fields(s.took())); n != stream.MaxAttempts {
			t.Errorf("%d attempts", n)
		}
		if strings.Contains(content(t, l), "x") {
			t.Error("it was applied")
		}
	})
}

func TestBurn(t *testing.T) {
	h := head(func(h *stream.Head) {
		h.Burned = []stream.Burned{{ID: 1, At: noon.Add(-stream.BurnFor)}, {ID: 2, At: noon.Add(-stream.BurnFor + 1)}}
	})
	next := h.Burn(3, noon)
	if len(next.Burned) != 2 || next.Burned[0].ID != 2 || next.Burned[1] != (stream.Burned{ID: 3, At: noon}) {
		t.Errorf("burned %v", next.Burned)
	}
	if next.Version != h.Version+1 || next.Commits != h.Commits || len(h.Burned) != 2 || h.Burned[0].ID != 1 {
		t.Errorf("%+v from %+v", next, h)
	}
	if !next.Excludes(3) || !next.Excludes(2) || next.Excludes(1) {
		t.Error("excludes")
	}
}

// The list of burned ids is bounded: when it is full of ones that may still
// arrive, an unknown outcome stays unknown.
func TestBurnedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := stream.DefaultLimits()
		lim.Remember = 100
		l, s := open(t, lim)
		create(t, l)
		for i := range stream.MaxBurned {
			s.faults("commit", lost)
			if _, err := l.Append(t.Context(), name, text("x")); err != nil {
				t.Fatalf("append %d: %v", i, err)
			}
		}
		s.faults("commit", lost)
		if _, err := l.Append(t.Context(), name, text("x")); !errors.Is(err, stream.ErrUnsettled) {
			t.Errorf("one too many: %v", err)
		}
		time.Sleep(stream.BurnFor)
		s.faults("commit", lost)
		put(t, l, text("x"))
		if h := stored(t, s, lim); len(h.Burned) > stream.MaxBurned {
			t.Errorf("%d burned ids", len(h.Burned))
		}
		if got := content(t, l); got != strings.Repeat("x", stream.MaxBurned+1) {
			t.Errorf("content %q", got)
		}
	})
}

func TestCovers(t *testing.T) {
	marks := func(commits, n int) func(*stream.Head) {
		return func(h *stream.Head) {
			h.Commits, h.Recent, h.Buffer = uint64(commits), make([]stream.CommitMark, n-1), []*stream.Entry{{}, {Commit: 1}}
		}
	}
	for _, c := range []struct {
		why      string
		h, known *stream.Head
		want     bool
	}{
		{"nothing happened since", head(marks(9, 2)), head(marks(9, 2)), true},
		{"as much as it remembers", head(marks(9, 2)), head(marks(7, 2)), true},
		{"more than it remembers", head(marks(9, 2)), head(marks(6, 2)), false},
		{"it is older", head(marks(9, 2)), head(marks(10, 2)), true},
		{"its whole life", head(marks(2, 2)), nil, true},
		{"not its whole life", head(marks(3, 2)), nil, false},
		{"another life", head(marks(1, 1)), head(marks(1, 1), func(h *stream.Head) { h.Incarnation = stream.Incarnation{9} }), false},
	} {
		if got := stream.Covers(c.h, c.known); got != c.want {
			t.Errorf("%s: %v", c.why, got)
		}
	}
}

// Whatever fails in whatever order: an acknowledged record is there once and in
// order, a refused one is not there, any other at most once.
func TestFaultsProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lim := stream.DefaultLimits()
		lim.SegmentCount = rapid.IntRange(1, 6).Draw(rt, "SegmentCount")
		lim.Remember = rapid.IntRange(1, 6).Draw(rt, "Remember")
		lim.Producers = rapid.IntRange(1, 2).Draw(rt, "Producers")
		lim.BufferCount = rapid.IntRange(1, 4).Draw(rt, "BufferCount")
		lim.FlushCount = lim.BufferCount
		lim.StageSize = rapid.IntRange(6, 60).Draw(rt, "StageSize")
		lim.EarlyWait = 0
		plan := rapid.SliceOfN(rapid.SampledFrom([]fault{fine, fine, fine, notApplied, lost, applied, late}), 0, 60).Draw(rt, "faults")
		appends := rapid.IntRange(1, 12).Draw(rt, "appends")
		withProducer := rapid.SliceOfN(rapid.IntRange(0, 3), appends, appends).Draw(rt, "producers")
		arrive := rapid.SliceOfN(rapid.Bool(), appends, appends).Draw(rt, "arrive")
		synctestRun(t, rt, func(t *testing.T) error {
			l, s := open(t, lim)
			create(t, l)
			s.hook(func(op string) fault {
				if op == "head" || op == "chunks" || op == "staged" || op == "recall" || len(plan) == 0 {
					return fine
				}
				what := plan[0]
				plan = plan[1:]
				if op != "commit" && op != "update" && what == late {
					return lost
				}
				return what
			})
			seqs := make(map[string]uint64)
			acked := make(map[string]bool)
			refused := make(map[string]bool)
			var order []string
			for i := range appends {
				record := fmt.Sprintf("<%d>", i)
				a := text(record)
				id := ""
				if n := withProducer[i]; n > 0 {
					id = fmt.Sprint(n)
					by(id, 0, seqs[id])(a)
				}
				_, err := l.Append(context.Background(), name, a)
				for id != "" && errors.Is(err, stream.ErrUnsettled) {
					// A producer asks again until it knows.
					for err != nil {
						_, err = l.Append(context.Background(), name, a)
					}
				}
				switch {
				case err == nil:
					acked[record] = true
					order = append(order, record)
					if id != "" {
						seqs[id]++
					}
				case errors.Is(err, stream.ErrUnavailable):
					refused[record] = true
				case errors.Is(err, stream.ErrUnsettled):
				default:
					return fmt.Errorf("append %d: %w", i, err)
				}
				if arrive[i] {
					s.arrive()
				}
			}
			s.hook(nil)
			s.arrive()
			stored(t, s, lim)
			rest := content(t, l)
			for record := range refused {
				if strings.Contains(rest, record) {
					return fmt.Errorf("%s was refused, and is in %q", record, rest)
				}
			}
			for i := range appends {
				record := fmt.Sprintf("<%d>", i)
				if n := strings.Count(rest, record); n > 1 || n == 0 && acked[record] {
					return fmt.Errorf("%s is %d times in %q, acknowledged: %v", record, n, rest, acked[record])
				}
			}
			for _, record := range order {
				var found bool
				if _, rest, found = strings.Cut(rest, record); !found {
					return fmt.Errorf("%s is out of order", record)
				}
			}
			return nil
		})
	})
}

// synctestRun runs one case of a property in a bubble, whose context is that of the
// test it is given.
func synctestRun(t *testing.T, rt *rapid.T, run func(t *testing.T) error) {
	var err error
	synctest.Test(t, func(t *testing.T) { err = run(t) })
	if err != nil {
		rt.Fatal(err)
	}
}
