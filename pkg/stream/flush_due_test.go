package stream_test

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// dues appends records of these many bytes, and returns the numbers of those, from 1
// on, after which a flush is due.
func dues(t *testing.T, l *stream.Log, sizes ...int) (due []int) {
	t.Helper()
	for i, size := range sizes {
		if put(t, l, text(strings.Repeat("x", size))).FlushDue() {
			due = append(due, i+1)
		}
	}
	return due
}

// A flush is due after the append that fills the buffer's count, and then once for each
// further count's worth; or after which one more like it would pass its size, and then
// twice, four times, eight times it.
func TestFlushDue(t *testing.T) {
	same := func(size, n int) []int { return slices.Repeat([]int{size}, n) }
	for _, c := range []struct {
		why   string
		limit func(*stream.Limits)
		sizes []int // each takes four bytes more
		want  []int
	}{
		{"entries", func(l *stream.Limits) { l.FlushCount = 2 }, same(4, 13), []int{2, 4, 6, 8, 10, 12}},
		{"every entry", func(l *stream.Limits) { l.FlushCount = 1 }, same(4, 3), []int{1, 2, 3}},
		{"bytes", func(l *stream.Limits) { l.FlushSize = 24 }, same(4, 50), []int{2, 5, 11, 23, 47}},
		{"a byte more", func(l *stream.Limits) { l.FlushSize = 25 }, same(4, 50), []int{3, 6, 12, 24, 49}},
		{"each is as large as the limit", func(l *stream.Limits) { l.FlushSize = 24 }, same(20, 16), []int{1, 3, 7, 15}},
		{"each is larger than the limit", func(l *stream.Limits) { l.FlushSize = 24 }, same(50, 16), []int{1, 3, 7, 14}},
		{"whichever comes first", func(l *stream.Limits) { l.FlushSize, l.FlushCount = 24, 3 }, same(4, 13), []int{2, 3, 5, 6, 9, 11, 12}},
		{"neither", func(*stream.Limits) {}, same(4, 30), nil},
		// Sizes 8, 16, 66, 74, 82, 90, 98, 106.
		{"one is larger than those before it", func(l *stream.Limits) { l.FlushSize = 50 }, []int{4, 4, 46, 4, 4, 4, 4, 4}, []int{3, 7}},
		// Sizes 8 to 40, then 60, 68 to 92: nobody expected the sixth.
		{"one passes the limit at once", func(l *stream.Limits) { l.FlushSize = 50 }, []int{4, 4, 4, 4, 4, 16, 4, 4, 4, 4, 4}, []int{6, 10}},
		// Sizes 8, 101, 109 to 205: a write that passes several of them asks once.
		{"one passes the limit four times at once", func(l *stream.Limits) { l.FlushSize = 25 }, append([]int{4, 89}, same(4, 13)...), []int{2, 14}},
		{"the first is larger than what follows", func(l *stream.Limits) { l.FlushSize = 50 }, []int{30, 4, 4, 4}, []int{1, 2}},
		{"the first is larger than the limit", func(l *stream.Limits) { l.FlushSize = 50 }, []int{60, 4, 4, 4, 4, 4}, []int{1, 5}},
		{"one is large, and was expected", func(l *stream.Limits) { l.FlushSize = 50 }, []int{20, 20, 20, 4}, []int{2}},
	} {
		lim := stream.DefaultLimits()
		c.limit(&lim)
		l, s := open(t, lim)
		create(t, l)
		if got := dues(t, l, c.sizes...); !slices.Equal(got, c.want) {
			t.Errorf("%s: due after %v, want %v", c.why, got, c.want)
		}
		// What adds nothing to the buffer fills nothing.
		last := put(t, l, text("", closing))
		if last.FlushDue() || put(t, l, text("", closing)).FlushDue() {
			t.Errorf("%s: due after a close", c.why)
		}
		stored(t, s, lim)
	}
}

// With a first flush done, it begins anew.
func TestFlushDueAfterFlush(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.FlushSize = 24
	l, s := open(t, lim)
	create(t, l)
	for round := range 3 {
		if got := dues(t, l, 4); got != nil {
			t.Errorf("round %d: due at once", round)
		}
		r := put(t, l, text("yyyy"))
		if !r.FlushDue() {
			t.Errorf("round %d: not due", round)
		}
		if err := l.Flush(t.Context(), name, r); err != nil {
			t.Error(err)
		}
		if h := stored(t, s, lim); len(h.Buffer) != 0 {
			t.Errorf("round %d: left %+v", round, h.Buffer)
		}
	}
}

// A staged append adds an entry for each of its parts; it may fill the count in the
// middle.
func TestFlushDueOfStaged(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.StageSize, lim.PartSize, lim.FlushCount = 20, 10, 4
	l, s := open(t, lim)
	create(t, l)
	large := []string{"1234567", "2345678", "3456789"} // three parts
	for i, want := range []bool{false, true, true, true} {
		r := put(t, l, request("text/plain", large))
		if h := stored(t, s, lim); len(h.Buffer) != 3*(i+1) {
			t.Fatalf("%d entries", len(h.Buffer))
		}
		if r.FlushDue() != want {
			t.Errorf("after %d entries it is due: %v", 3*(i+1), r.FlushDue())
		}
	}
}

// An append of the slow path fills the buffer as any other does.
func TestFlushDueOfSlowPath(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.SegmentCount, lim.FlushCount = 1, 3
	l, s := open(t, lim)
	create(t, l)
	s.took()
	if got := dues(t, l, 4, 4, 4, 4, 4, 4); !slices.Equal(got, []int{3, 6}) {
		t.Errorf("due after %v", got)
	}
	if n := len(s.times("update")); n != 5 {
		t.Errorf("%d updates", n)
	}
}

// Of a group one is asked to flush, whichever of them were applied.
func TestFlushDueOfGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := stream.DefaultLimits()
		lim.FlushCount = 3
		l, s := open(t, lim)
		create(t, l)
		put(t, l, text("0", by("p", 0, 0)))
		// Each group adds two entries, one for "|" and one for all others.
		for round, c := range []struct {
			first *stream.Append
			want  int
		}{
			{text("0", by("p", 0, 0)), 1}, // a duplicate; now there are 3 entries
			{text("a"), 0},                // 5
			{text("0", by("p", 0, 9)), 0}, // a gap; 7, and "|" was the sixth
			{text("b"), 1},                // 9
		} {
			all, _ := group(t, l, s, c.first, text("b"), text("c"))
			n := 0
			for _, o := range all {
				if o.FlushDue() {
					n++
				}
			}
			if n != c.want {
				t.Errorf("round %d: %d of them flush, want %d", round, n, c.want)
			}
		}
		if h := stored(t, s, lim); len(h.Buffer) != 9 {
			t.Errorf("%d entries", len(h.Buffer))
		}
	})
}

// Wherever many processes append, one of them is asked to flush for each count's
// worth, and whenever the size has doubled, even if nobody does.
func TestOneOfManyProcessesFlushes(t *testing.T) {
	const writers, each, record = 8, 25, 13 // bytes of one frame
	for _, c := range []struct {
		why   string
		limit func(*stream.Limits)
		due   int // if nobody flushes
		most  int // if the one that is asked does
	}{
		{"entries", func(l *stream.Limits) { l.FlushCount = 8 }, writers * each / 8, writers * each / 8},
		// One more like it passes the size, so what is passed is what is behind the first
		// record and up to one record more than there are. A flush moves 7 or more.
		{"bytes", func(l *stream.Limits) { l.FlushSize, l.FlushCount = 100, l.BufferCount }, bits.Len((writers*each + 1) * record / 100), writers * each / 7},
	} {
		for _, flushes := range []bool{false, true} {
			lim := stream.DefaultLimits()
			c.limit(&lim)
			s := newStore()
			create(t, join(t, s, lim, stream.Poll{}))
			var due atomic.Int64
			var all sync.WaitGroup
			for i := range writers {
				l := join(t, s, lim, stream.Poll{})
				all.Go(func() {
					for n := range each {
						r, err := l.Append(t.Context(), name, text(fmt.Sprintf("<%03d.%03d>", i, n)))
						if err == nil && r.FlushDue() {
							due.Add(1)
							if flushes {
								err = l.Flush(t.Context(), name, r)
							}
						}
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			h := stored(t, s, lim)
			switch {
			case !flushes && int(due.Load()) != c.due:
				t.Errorf("%s: %d flushes were due, want %d", c.why, due.Load(), c.due)
			case !flushes && len(h.Buffer) != writers*each:
				t.Errorf("%s: %d entries", c.why, len(h.Buffer))
			case flushes && (due.Load() == 0 || int(due.Load()) > c.most):
				t.Errorf("%s: %d flushes were done, want at most %d", c.why, due.Load(), c.most)
			case flushes && len(h.Buffer) == writers*each:
				t.Errorf("%s: nothing was flushed", c.why)
			}
			got := splitRecords(content(t, join(t, s, lim, stream.Poll{})))
			slices.Sort(got)
			if len(slices.Compact(got)) != writers*each {
				t.Errorf("%s: %d different records", c.why, len(got))
			}
		}
	}
}

// A flush that fails is made up for a limit's worth later, whoever writes then.
func TestFailedFlushIsMadeUpFor(t *testing.T) {
	for _, op := range []string{"chunk", "trim", "chunk by size", "trim by size"} {
		lim, wantFirst, wantSecond := stream.DefaultLimits(), 4, 8
		lim.FlushCount = 4
		op, bySize := strings.CutSuffix(op, " by size")
		if bySize { // each takes five bytes: 15 of 20, and 35 of 40
			lim.FlushSize, lim.FlushCount, wantFirst, wantSecond = 20, 100, 3, 7
		}
		for _, what := range []fault{lost, applied, rejected} {
			wantSecond := wantSecond
			if bySize && op == "trim" && what == applied {
				wantSecond = 2 * wantFirst // nobody knows, but it was flushed
			}
			l, s := open(t, lim)
			create(t, l)
			first, second := 0, 0
			for n := 1; second == 0 && n < 20; n++ {
				log := l
				if n%2 == 0 {
					log = join(t, s, lim, stream.Poll{})
				}
				r := put(t, log, text("x"))
				switch {
				case !r.FlushDue():
				case first == 0:
					first = n
					s.faults(op, what)
					if err := log.Flush(t.Context(), name, r); err == nil {
						t.Errorf("%s: the flush that failed says nothing", op)
					}
				default:
					second = n
					if err := log.Flush(t.Context(), name, r); err != nil {
						t.Error(err)
					}
				}
			}
			if first != wantFirst || second != wantSecond {
				t.Errorf("%s %d: due after %d and %d", op, what, first, second)
			}
			if h := stored(t, s, lim); len(h.Buffer) != 0 {
				t.Errorf("%s %d: %d entries are left", op, what, len(h.Buffer))
			}
			if got := content(t, l); got != strings.Repeat("x", wantSecond) {
				t.Errorf("%s %d: content %q", op, what, got)
			}
		}
	}
}

// sized is a store whose heads have a size of their own, as one that writes whole
// heads has.
type sized struct {
	*store
	base int
}

func (s sized) HeadSize(_ string, h *stream.Head) int {
	size := s.base + 20*len(h.Recent)
	for _, e := range h.Buffer {
		size += 10 + len(e.Frames)
	}
	return size
}

// Size is what the driver says: of the whole head, and small records count with all
// that they bring along.
func TestFlushDueBySizeOfHead(t *testing.T) {
	for _, c := range []struct {
		why   string
		sizes []int // each takes 14 more; the head begins with 140
		want  []int
	}{
		{"small ones", []int{1, 1, 1, 1}, []int{3}},             // 155, 170, 185
		{"a large one, before all others", []int{60}, []int{1}}, // 214
		{"a large one, after others", []int{1, 1, 60, 1}, []int{3}},
	} {
		lim := stream.DefaultLimits()
		lim.FlushSize, lim.Remember = 200, 100
		s := sized{newStore(), 120}
		l, err := stream.New(s, stream.Options{Limits: lim})
		if err != nil {
			t.Fatal(err)
		}
		create(t, l)
		if got := dues(t, l, c.sizes...); !slices.Equal(got, c.want) {
			t.Errorf("%s: due after %v, want %v", c.why, got, c.want)
		}
		if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
			t.Fatal(err)
		}
		// What remembers the commits stays.
		if got, want := s.HeadSize(name, stored(t, s.store, lim)), 140+20*len(c.sizes); got != want {
			t.Errorf("%s: size %d, want %d", c.why, got, want)
		}
	}
}
