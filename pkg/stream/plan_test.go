package stream_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// One group with everything in it: each append gets the answer that it would get
// alone, and what can be applied is.
func TestMixedGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := stream.DefaultLimits()
		lim.EarlyWait = 0
		l, s := open(t, lim)
		create(t, l)
		put(t, l, text("0", by("p", 0, 0)))
		put(t, l, text("0", by("q", 4, 0)))
		all, ops := group(t, l, s,
			text("dup", by("p", 0, 0)),
			text("1", by("p", 0, 1)),
			text("type", contentType("image/png")),
			text("gap", by("p", 0, 3)),
			text("fenced", by("q", 3, 0)),
			text("2", by("p", 0, 2)),
			text("2", by("p", 0, 2)),
			text("3", seq("b")),
			text("seq", seq("a")),
			text("start", by("q", 5, 1)),
			text("end", closing, by("p", 0, 3)),
			text("late"),
			text("end", closing, by("p", 0, 3)),
			text("", closing),
		)
		if ops != "commit commit" {
			t.Errorf("took %q", ops)
		}
		if got := content(t, l); got != "00|123end" {
			t.Errorf("content %q", got)
		}
		h := stored(t, s, lim)
		end := h.Tail
		p := func(n uint64) stream.Producer { return stream.Producer{Seq: n} }
		for i, want := range []stream.Appended{
			0:  {Tail: end, Closed: true, Duplicate: true, Producer: p(0)},
			1:  {Tail: at(0, 4), Producer: p(1)},
			5:  {Tail: at(0, 5), Producer: p(2)},
			6:  {Tail: end, Closed: true, Duplicate: true, Producer: p(2)},
			7:  {Tail: at(0, 6)},
			10: {Tail: end, Closed: true, Producer: p(3)},
			12: {Tail: end, Closed: true, Duplicate: true, Producer: p(3)},
			13: {Tail: end, Closed: true, Duplicate: true},
		} {
			if want == (stream.Appended{}) {
				continue
			}
			if o := all[i]; o.err != nil || o.Appended != want {
				t.Errorf("append %d: %+v, want %+v", i, o, want)
			}
		}
		for i, want := range map[int]error{2: stream.ErrContentType, 8: stream.ErrSeqRegression, 9: stream.ErrEpochStart} {
			if !errors.Is(all[i].err, want) {
				t.Errorf("append %d: %v, want %v", i, all[i].err, want)
			}
		}
		var (
			gap    *stream.GapError
			fenced *stream.FencedError
			closed *stream.ClosedError
		)
		if !errors.As(all[3].err, &gap) || *gap != (stream.GapError{Expected: 2, Received: 3}) {
			t.Errorf("gap: %v", all[3].err)
		}
		if !errors.As(all[4].err, &fenced) || fenced.Epoch != 4 {
			t.Errorf("fenced: %v", all[4].err)
		}
		// Section 5.2: Stream-Next-Offset is the final offset of the closed stream.
		if !errors.As(all[11].err, &closed) || closed.Tail != end {
			t.Errorf("closed: %v, tail %v, want %v", all[11].err, closed.Tail, end)
		}
	})
}

// A group of which nothing can be applied is answered by the refusal itself.
func TestGroupOfRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		put(t, l, text("0", by("p", 0, 0)))
		all, ops := group(t, l, s, text("0", by("p", 0, 0)), text("x", contentType("image/png")))
		if ops != "commit" || !all[0].Duplicate || all[0].Tail != at(0, 2) || !errors.Is(all[1].err, stream.ErrContentType) {
			t.Errorf("took %q: %+v", ops, all)
		}
	})
}

// Sealing: the append that finds its segment full starts the next one.
func TestSegmentRoll(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.SegmentCount, lim.SegmentSize = 3, 10
	for _, c := range []struct {
		config string
		texts  []string
		tails  []stream.Offset
		ops    string
	}{
		{"text/plain", []string{"a", "b", "c", "d", "e"}, []stream.Offset{at(0, 1), at(0, 2), at(0, 3), at(1, 1), at(1, 2)},
			"commit commit commit commit update commit"},
		{"text/plain", []string{"0123456789", "x"}, []stream.Offset{at(0, 10), at(1, 1)}, "commit commit update"},
		{"text/plain", []string{"012345678", "9x", "y"}, []stream.Offset{at(0, 9), at(0, 11), at(1, 1)}, "commit commit commit update"},
		{"application/json", []string{"1", "2", "3", "4"}, []stream.Offset{at(0, 1), at(0, 2), at(0, 3), at(1, 1)},
			"commit commit commit commit update"},
	} {
		l, s := open(t, lim)
		create(t, l, stream.Create{Config: stream.Config{ContentType: c.config}})
		s.took()
		for i, record := range c.texts {
			if r := put(t, l, text(record, contentType(c.config))); r.Tail != c.tails[i] {
				t.Errorf("%v: append %d ends at %v, want %v", c.texts, i, r.Tail, c.tails[i])
			}
			stored(t, s, lim)
		}
		if ops := s.took(); ops != c.ops {
			t.Errorf("%v: took %q, want %q", c.texts, ops, c.ops)
		}
		if all, _ := readFrom(t, l, stream.Start()); !slices.Equal(all, c.texts) {
			t.Errorf("%v: read %v", c.texts, all)
		}
	}
}

// A group that rolls goes into the new segment as a whole.
func TestGroupRolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := stream.DefaultLimits()
		lim.SegmentCount = 1
		l, s := open(t, lim)
		create(t, l)
		all, ops := group(t, l, s, text("ab"), text("c", by("p", 0, 0)), text("def", by("p", 0, 1)), text("", closing))
		if ops != "commit update" {
			t.Errorf("took %q", ops)
		}
		for i, want := range []stream.Offset{at(1, 2), at(1, 3), at(1, 6), at(1, 6)} {
			if all[i].err != nil || all[i].Tail != want || all[i].Closed != (i == 3) {
				t.Errorf("append %d: %+v, want tail %v", i, all[i], want)
			}
		}
		if h := stored(t, s, lim); h.SegmentCount != 3 || !h.Closed {
			t.Errorf("%+v", h)
		}
	})
}

// Producers that a head has no place for are spilled, and come back with all
// that they know.
func TestSpillAndRecall(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.Producers, lim.EarlyWait = 4, 0
	s := newStore()
	now := noon
	l, err := stream.New(s, stream.Options{Limits: lim, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	create(t, l)
	put(t, l, text("f", by("fenced", 7, 0)))
	put(t, l, text("s", by("seq", 1, 0)))
	put(t, l, text("s", by("seq", 1, 1)))
	for i := range 4 {
		now = now.Add(time.Second)
		put(t, l, text("x", by(fmt.Sprint("busy", i), 0, 0)))
	}
	h := stored(t, s, lim)
	if !h.Spilled || len(h.Producers) > lim.Producers {
		t.Fatalf("spilled %v, %d producers", h.Spilled, len(h.Producers))
	}
	for _, id := range []string{"fenced", "seq"} {
		if _, held := h.Producers[id]; held {
			t.Fatalf("%s wrote longest ago, and is in the head: %v", id, h.Producers)
		}
	}

	s.took()
	var fenced *stream.FencedError
	if _, err := l.Append(t.Context(), name, text("x", by("fenced", 6, 0))); !errors.As(err, &fenced) || fenced.Epoch != 7 {
		t.Errorf("an epoch that was fenced before the spill: %v", err)
	}
	if ops := s.took(); ops != "commit recall" {
		t.Errorf("took %q", ops)
	}
	if r := put(t, l, text("s", by("seq", 1, 1))); !r.Duplicate || r.Producer != (stream.Producer{Epoch: 1, Seq: 1}) {
		t.Errorf("a duplicate of what was applied before the spill: %+v", r)
	}
	var gap *stream.GapError
	if _, err := l.Append(t.Context(), name, text("x", by("seq", 1, 3))); !errors.As(err, &gap) || gap.Expected != 2 {
		t.Errorf("a gap after the spill: %v", err)
	}
	if _, err := l.Append(t.Context(), name, text("x", by("unheard", 1, 3))); !errors.As(err, &gap) || gap.Expected != 0 {
		t.Errorf("a gap of a producer that never wrote: %v", err)
	}
	s.took()
	if r := put(t, l, text("n", by("seq", 1, 2))); r.Duplicate {
		t.Errorf("the next of a spilled producer: %+v", r)
	}
	if ops := s.took(); ops != "commit recall spill spill update" && ops != "commit recall update" {
		t.Errorf("took %q", ops)
	}
	h = stored(t, s, lim)
	if p := h.Producers["seq"]; p.Producer != (stream.Producer{Epoch: 1, Seq: 2}) || !h.Spilled || len(h.Producers) > lim.Producers {
		t.Errorf("spilled %v, producers %v", h.Spilled, h.Producers)
	}
	s.took()
	put(t, l, text("n", by("seq", 1, 3)))
	if ops := s.took(); ops != "commit" {
		t.Errorf("back in the head, it took %q", ops)
	}
}

// Those that wrote longest ago are spilled, by the clock, and not those that wrote
// in the fewest commits.
func TestIdlestAreSpilled(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.Producers, lim.EarlyWait = 4, 0
	s := newStore()
	now := noon
	l, err := stream.New(s, stream.Options{Limits: lim, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	create(t, l)
	for _, w := range []struct {
		id    string
		seq   uint64
		after time.Duration
	}{{"b", 0, 0}, {"a", 0, 0}, {"d", 0, 0}, {"c", 0, time.Minute}, {"a", 1, time.Minute}, {"b", 1, time.Second}, {"b", 2, 0}} {
		now = now.Add(w.after)
		put(t, l, text("x", by(w.id, 0, w.seq)))
	}
	h := stored(t, s, lim)
	for id, want := range map[string]time.Time{"d": noon, "c": noon.Add(time.Minute), "a": noon.Add(2 * time.Minute), "b": now} {
		if got := time.Unix(int64(h.Producers[id].Used), 0); !got.Equal(want) {
			t.Errorf("%s was used at %v, want %v", id, got, want)
		}
	}
	// The commit's own is never among them, though its clock is behind all others. One
	// more than needed is spilled.
	now = noon.Add(-time.Hour)
	put(t, l, text("x", by("e", 0, 0)))
	h = stored(t, s, lim)
	if held := slices.Sorted(maps.Keys(h.Producers)); !slices.Equal(held, []string{"a", "b", "e"}) {
		t.Errorf("%v are left", held)
	}
	s.took()
	if r := put(t, l, text("x", by("d", 0, 0))); !r.Duplicate {
		t.Errorf("one that was spilled: %+v", r)
	}
}

// However producers come and go, each request counts once.
func TestSpillKeepsSequences(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.Producers, lim.EarlyWait = 3, 0
	l, s := open(t, lim)
	create(t, l)
	want := ""
	for n := range uint64(4) {
		for id := range 7 {
			record := fmt.Sprintf("%d.%d ", id, n)
			a := text(record, by(fmt.Sprint(id), 0, n))
			if r := put(t, l, a); r.Duplicate {
				t.Errorf("%s is a duplicate", record)
			}
			if r := put(t, l, a); !r.Duplicate {
				t.Errorf("%s was applied twice", record)
			}
			want += record
			if h := stored(t, s, lim); len(h.Producers) > lim.Producers {
				t.Errorf("%d producers in the head", len(h.Producers))
			}
		}
	}
	if got := content(t, l); got != want {
		t.Errorf("content %q", got)
	}
}

// A group may have more producers than a head holds; none of them is spilled
// that is just being written.
func TestGroupOfManyProducers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := stream.DefaultLimits()
		lim.Producers = 2
		l, s := open(t, lim)
		create(t, l)
		put(t, l, text("x", by("old", 0, 0)))
		var appends []*stream.Append
		for i := range 5 {
			appends = append(appends, text("x", by(fmt.Sprint(i), 0, 0)))
		}
		all, ops := group(t, l, s, appends...)
		if ops != "commit spill update" {
			t.Errorf("took %q", ops)
		}
		for i, o := range all {
			if o.err != nil {
				t.Errorf("append %d: %v", i, o.err)
			}
		}
		if h := stored(t, s, lim); len(h.Producers) != 5 || !h.Spilled {
			t.Errorf("spilled %v, producers %v", h.Spilled, h.Producers)
		}
		// The next new one makes them leave.
		put(t, l, text("x", by("new", 0, 0)))
		if h := stored(t, s, lim); len(h.Producers) > lim.Producers {
			t.Errorf("producers %v", h.Producers)
		}
	})
}

// A spilled state is stored before the head drops it; whatever fails, nothing is
// applied, and the append can be repeated.
func TestSpillFaults(t *testing.T) {
	for _, op := range []string{"spill", "recall"} {
		for _, what := range []fault{lost, applied} {
			lim := stream.DefaultLimits()
			lim.Producers = 1
			l, s := open(t, lim)
			create(t, l)
			put(t, l, text("p", by("p", 0, 0)))
			put(t, l, text("q", by("q", 0, 0))) // spills p
			s.faults(op, what)
			a := text("pp", by("p", 0, 1)) // recalls p, spills q
			if _, err := l.Append(t.Context(), name, a); !errors.Is(err, stream.ErrUnavailable) {
				t.Errorf("%s: %v", op, err)
			}
			if got := content(t, l); got != "pq" {
				t.Errorf("%s: content %q", op, got)
			}
			for i, a := range []*stream.Append{a, text("qq", by("q", 0, 1))} {
				if r := put(t, l, a); r.Duplicate {
					t.Errorf("%s: repetition %d was taken for a duplicate", op, i)
				}
			}
		}
	}
}

// Past the hard limit an append flushes first, and is then a plain commit.
func TestHardLimit(t *testing.T) {
	for _, c := range []struct {
		why   string
		limit func(*stream.Limits)
	}{
		{"bytes", func(l *stream.Limits) { l.FlushSize, l.BufferSize, l.StageSize = 24, 24, 24 }},
		{"entries", func(l *stream.Limits) { l.FlushCount, l.BufferCount = 3, 3 }},
	} {
		lim := stream.DefaultLimits()
		c.limit(&lim)
		l, s := open(t, lim)
		create(t, l)
		s.took()
		for _, record := range []string{"aaaa", "bbbb", "cccc"} {
			put(t, l, text(record))
		}
		if ops := s.took(); ops != "commit commit commit" {
			t.Errorf("%s: took %q", c.why, ops)
		}
		put(t, l, text("dddd"))
		if ops := s.took(); ops != "commit chunk trim commit" {
			t.Errorf("%s: the one too much took %q", c.why, ops)
		}
		if h := stored(t, s, lim); len(h.Buffer) != 1 {
			t.Errorf("%s: %d entries", c.why, len(h.Buffer))
		}
		if got := content(t, l); got != "aaaabbbbccccdddd" {
			t.Errorf("%s: content %q", c.why, got)
		}
	}
}

// The flush of the hard limit fails, or somebody else does it first.
func TestHardLimitFaults(t *testing.T) {
	for _, c := range []struct {
		why  string
		op   string
		what func(l *stream.Log, s *store) fault
		want error
	}{
		{"the chunk is lost", "chunk", func(*stream.Log, *store) fault { return lost }, stream.ErrUnavailable},
		{"the chunk is throttled once", "chunk", func(*stream.Log, *store) fault { return notApplied }, nil},
		{"the trim is unknown", "trim", func(*stream.Log, *store) fault { return applied }, stream.ErrUnavailable},
		{"another process flushes", "trim", func(l *stream.Log, _ *store) fault {
			if err := l.Flush(context.Background(), name, stream.Appended{}); err != nil {
				return lost
			}
			return fine
		}, nil},
		{"the stream is deleted", "trim", func(l *stream.Log, _ *store) fault {
			l.Delete(context.Background(), name)
			return fine
		}, stream.ErrNotFound},
	} {
		synctest.Test(t, func(t *testing.T) {
			lim := stream.DefaultLimits()
			lim.FlushCount, lim.BufferCount = 2, 2
			l, s := open(t, lim)
			other := join(t, s, lim, stream.Poll{})
			create(t, l)
			put(t, l, text("a"))
			put(t, l, text("b"))
			s.hook(func(op string) fault {
				if op != c.op {
					return fine
				}
				s.hook(nil)
				return c.what(other, s)
			})
			_, err := l.Append(t.Context(), name, text("c"))
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%s: %v", c.why, err)
			}
			if errors.Is(c.want, stream.ErrNotFound) {
				return
			}
			want := "abc"
			if err != nil {
				want = "ab"
			}
			if got := content(t, l); got != want {
				t.Errorf("%s: content %q", c.why, got)
			}
		})
	}
}

// Records staged for a life that ends before they are linked are staged anew for
// the one that begins, if there is one.
func TestStagedAppendIntoAnotherLife(t *testing.T) {
	for _, again := range []bool{true, false} {
		for _, known := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				lim := stream.DefaultLimits()
				lim.StageSize = 8
				l, s := open(t, lim)
				create(t, l)
				before := "head "
				if known {
					put(t, l, text("old"))
					before = ""
				}
				s.took()
				s.hook(func(op string) fault {
					if op == "commit" {
						s.hook(nil)
						other := join(t, &store{Store: s.Store}, lim, stream.Poll{})
						if err := other.Delete(t.Context(), name); err != nil {
							t.Error(err)
						}
						if _, err := other.Collect(t.Context(), 9); err != nil {
							t.Error(err)
						}
						if again {
							create(t, other)
							put(t, other, text("new "))
						}
					}
					return fine
				})
				r, err := l.Append(t.Context(), name, text("0123456789"))
				ops := s.took()
				if !again {
					if !errors.Is(err, stream.ErrNotFound) || ops != before+"stage commit" {
						t.Errorf("no new life: %v, took %q", err, ops)
					}
					return
				}
				if err != nil || r.Tail != at(0, 14) || ops != before+"stage commit stage update" {
					t.Errorf("%+v, %v, took %q", r, err, ops)
				}
				if got := content(t, l); got != "new 0123456789" {
					t.Errorf("content %q", got)
				}
				stored(t, s, lim)
			})
		}
	}
}

// Staged appends on the slow paths.
func TestStagedAndSlow(t *testing.T) {
	lim := tight()
	lim.StageSize, lim.PartSize, lim.SegmentCount = 16, 8, 2
	lim.FlushCount, lim.BufferCount = 4, 4
	l, s := open(t, lim)
	create(t, l)
	s.took()
	want := ""
	for i, ops := range []string{
		"head stage stage commit",                                // segment 0
		"stage stage commit update",                              // it is full: segment 1
		"stage stage commit chunk chunk chunk chunk trim update", // and so is the buffer
	} {
		record := fmt.Sprintf("%d23456789012345", i)
		put(t, l, text(record))
		want += record
		if got := s.took(); got != ops {
			t.Errorf("append %d took %q, want %q", i, got, ops)
		}
		if h := stored(t, s, lim); h.Tail != at(uint64(i), 15) {
			t.Errorf("append %d ends at %v", i, h.Tail)
		}
	}
	if got := content(t, l); got != want {
		t.Errorf("content %q", got)
	}
}

func TestStageFaults(t *testing.T) {
	for _, c := range []struct {
		op   string
		what fault
		want error
	}{
		{"head", lost, stream.ErrUnavailable},
		{"stage", lost, stream.ErrUnavailable},
		{"stage", applied, stream.ErrUnavailable},
		{"stage", notApplied, nil},
		{"commit", notApplied, nil},
		{"commit", applied, nil},
		{"commit", lost, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			lim := stream.DefaultLimits()
			lim.StageSize = 8
			l, s := open(t, lim)
			create(t, l)
			if _, err := l.Append(t.Context(), "other", text("0123456789")); !errors.Is(err, stream.ErrNotFound) {
				t.Errorf("no stream: %v", err)
			}
			s.faults(c.op, c.what)
			_, err := l.Append(t.Context(), name, text("0123456789"))
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%s %d: %v", c.op, c.what, err)
			}
			want := "0123456789"
			if err != nil {
				want = ""
			}
			if got := content(t, l); got != want {
				t.Errorf("%s %d: content %q", c.op, c.what, got)
			}
		})
	}
}

// A driver may refuse more than Admit does. Then an update takes the place of the
// blind commit that it cannot express.
func TestDriverThatRefusesBlindCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &reluctant{store: newStore(), most: 1}
		l, err := stream.New(s, stream.Options{Limits: stream.DefaultLimits()})
		if err != nil {
			t.Fatal(err)
		}
		create(t, l)
		all, ops := group(t, l, s.store, text("a"), text("b", by("p", 0, 0)))
		if all[0].err != nil || all[1].err != nil || ops != "update" {
			t.Errorf("%+v, took %q", all, ops)
		}
		s.most = 0
		begin := time.Now()
		put(t, l, text("c"))
		if ops := s.took(); ops != "update" || time.Now() != begin {
			t.Errorf("took %q, in %v", ops, time.Since(begin))
		}
		if got := content(t, l); got != "|abc" {
			t.Errorf("content %q", got)
		}
	})
}

// reluctant refuses every batch of more than a number of appends.
type reluctant struct {
	*store
	most int
}

func (s *reluctant) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (*stream.Head, error) {
	if len(b.Appends) > s.most {
		h, _ := s.Store.Head(ctx, name, stream.Strong)
		return nil, &stream.RefusedError{Head: h}
	}
	return s.store.Commit(ctx, name, b, l)
}

// Appends of many processes to one stream: all of them succeed, in some order.
func TestManyProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := stream.DefaultLimits()
		lim.SegmentCount, lim.BufferCount, lim.FlushCount, lim.Producers = 5, 4, 3, 2
		lim.EarlyWait = time.Minute // each of the spilled producers' requests waits for all before it
		s := newStore()
		create(t, join(t, s, lim, stream.Poll{}))
		var done []chan outcome
		for i := range 5 {
			l := join(t, s, lim, stream.Poll{})
			for n := range uint64(6) {
				done = append(done, tryAppend(t.Context(), l, text(fmt.Sprintf("<%d.%d>", i, n), by(fmt.Sprint(i), 0, n))))
			}
		}
		for _, d := range done {
			if o := <-d; o.err != nil {
				t.Error(o.err)
			} else if o.FlushDue() {
				join(t, s, lim, stream.Poll{}).Flush(t.Context(), name, o.Appended)
			}
		}
		stored(t, s, lim)
		next := make(map[string]int)
		for _, r := range splitRecords(content(t, join(t, s, lim, stream.Poll{}))) {
			var id string
			var n int
			fmt.Sscanf(r, "%1s.%d", &id, &n)
			if n != next[id] {
				t.Errorf("of producer %s came %d, want %d", id, n, next[id])
			}
			next[id]++
		}
		for i := range 5 {
			if next[fmt.Sprint(i)] != 6 {
				t.Errorf("of producer %d came %d", i, next[fmt.Sprint(i)])
			}
		}
	})
}
