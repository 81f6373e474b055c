package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// linked are limits under which records of ten bytes are staged, each in a part of its
// own if there are two or more of them.
func linked() stream.Limits {
	l := stream.DefaultLimits()
	l.StageSize, l.PartSize = 20, 10
	return l
}

// parts returns n records of ten bytes.
func parts(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("<%08d>", i)
	}
	return all
}

// open20 returns a stream of twenty linked records, in its buffer or in chunks.
func open20(t *testing.T, lim stream.Limits, flush bool) (*stream.Log, *store) {
	t.Helper()
	l, s := open(t, lim)
	create(t, l)
	put(t, l, request("text/plain", parts(20)))
	if flush {
		flushed(t, l)
	}
	s.took()
	return l, s
}

// count returns how often an operation was called since took was called last, and
// forgets all calls.
func (s *store) count(op string) (n int) {
	for _, called := range strings.Fields(s.took()) {
		if called == op {
			n++
		}
	}
	return n
}

// What a page links is fetched at once, and so is what an append stages put; but no
// more than so many at a time.
func TestAtOnce(t *testing.T) {
	for _, flush := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open20(t, linked(), flush)
			gate := make(chan struct{})
			hold := func(op string) {
				s.hook(func(called string) fault {
					if called == op {
						<-gate
					}
					return fine
				})
			}
			check := func(op string) {
				t.Helper()
				synctest.Wait()
				if n := s.count(op); n != stream.MaxAtOnce {
					t.Errorf("flushed %v: %d times %s at once, want %d", flush, n, op, stream.MaxAtOnce)
				}
				gate <- struct{}{}
				synctest.Wait()
				if n := s.count(op); n != 1 {
					t.Errorf("flushed %v: %d times %s after one of them was done", flush, n, op)
				}
				close(gate)
			}
			hold("staged")
			done := readStart(t.Context(), l)
			check("staged")
			want := strings.Join(parts(20), "")
			if got := <-done; got != want {
				t.Errorf("flushed %v: %q", flush, got)
			}
			if n := s.count("staged"); n != 3 {
				t.Errorf("flushed %v: %d more were fetched", flush, n)
			}
			gate = make(chan struct{})
			hold("stage")
			appended := tryAppend(t.Context(), l, request("text/plain", parts(20)))
			check("stage")
			if o := <-appended; o.err != nil {
				t.Error(o.err)
			}
			if got := content(t, l); got != want+want {
				t.Errorf("flushed %v: content %q", flush, got)
			}
		})
	}
}

// Only what a page has room for is fetched.
func TestPageFetchesWhatFits(t *testing.T) {
	for _, flush := range []bool{false, true} {
		for _, c := range []struct {
			from   uint64
			size   int
			staged int
			want   int
		}{
			{0, 1000, 20, 200},
			{0, 25, 3, 20}, // a page is cut between records
			{0, 30, 3, 30},
			{0, 31, 4, 30},
			{0, 1, 1, 1},
			{50, 25, 3, 20},
			{190, 25, 1, 10},
			{199, 25, 1, 1},
			{200, 25, 0, 0},
			{5, 25, 4, 25}, // what remains of the first does not count
		} {
			lim := linked()
			lim.PageSize = c.size
			l, s := open20(t, lim, flush)
			p, err := l.Read(t.Context(), name, stream.At(at(0, c.from)))
			if err != nil {
				t.Fatal(err)
			}
			if flush && c.from == 5 {
				c.staged-- // the store counted all of the first, and returned no more chunks
			}
			if n := s.count("staged"); n != c.staged || p.Size != c.want {
				t.Errorf("flushed %v, from %d: %d bytes of %d, want %d; %d were fetched, want %d", flush, c.from, p.Size, c.size, c.want, n, c.staged)
			}
		}
	}
}

// A page that the chunks filled needs nothing of what the buffer links, even if it
// stays below its size.
func TestFullPageFetchesNothing(t *testing.T) {
	lim := linked()
	lim.PageSize = 10
	l, s := open(t, lim)
	create(t, l, stream.Create{Config: stream.Config{ContentType: "application/json"}})
	put(t, l, messages("11", "22"))
	put(t, l, messages("333333333"))
	flushed(t, l)
	put(t, l, messages(`"large456"`, `"large789"`))
	s.took()
	p, err := l.Read(t.Context(), name, stream.Start())
	if err != nil {
		t.Fatal(err)
	}
	if got := pageRecords(t, p); !slices.Equal(got, []string{"11", "22"}) {
		t.Errorf("%q", got)
	}
	if n := s.count("staged"); n != 0 {
		t.Errorf("%d were fetched for nothing", n)
	}
}

// vanishing is a store that does not have some staged items for a while.
type vanishing struct {
	*store
	gone  int // how often the item is gone
	part  int
	other error // of the part after it
}

func (v *vanishing) Staged(ctx context.Context, life stream.Life, id stream.StagedID) (stream.Frames, error) {
	f, err := v.store.Staged(ctx, life, id)
	switch {
	case id.Part == v.part && v.gone > 0:
		v.gone--
		return nil, fmt.Errorf("part %d: %w", id.Part, stream.ErrNoItem)
	case id.Part == v.part+1 && v.other != nil:
		return nil, v.other
	}
	return f, err
}

// A linked item that is gone says that data moves: the read looks at the head again,
// and returns nothing that has a hole. Any other failure ends it.
func TestPageOfVanishedItems(t *testing.T) {
	errAway := errors.New("away")
	for _, flush := range []bool{false, true} {
		for _, c := range []struct {
			why   string
			gone  int
			other error
			heads int
			want  error
		}{
			{"nothing is gone", 0, nil, 1, nil},
			{"gone once", 1, nil, 2, nil},
			{"gone twice", 2, nil, 3, nil},
			{"gone", 99, nil, 6, stream.ErrUnavailable},
			{"unreadable", 0, errAway, 1, errAway},
			{"gone, and another one is unreadable", 1, errAway, 2, errAway},
			{"gone from the page's last", 1, nil, 2, nil},
		} {
			s := &vanishing{store: newStore(), part: 7}
			if strings.HasSuffix(c.why, "last") {
				s.part = 19
			}
			l, err := stream.New(s, stream.Options{Limits: linked()})
			if err != nil {
				t.Fatal(err)
			}
			create(t, l)
			put(t, l, request("text/plain", parts(20)))
			if flush {
				flushed(t, l)
			}
			s.gone, s.other = c.gone, c.other
			s.took()
			p, err := l.Read(t.Context(), name, stream.Start())
			if n := s.count("head"); n != c.heads {
				t.Errorf("flushed %v, %s: %d heads were read, want %d", flush, c.why, n, c.heads)
			}
			if c.want != nil {
				if !errors.Is(err, c.want) || !errors.Is(err, stream.ErrUnavailable) || p != nil {
					t.Errorf("flushed %v, %s: %+v, %v", flush, c.why, p, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("flushed %v, %s: %v", flush, c.why, err)
			} else if got := pageRecords(t, p); !slices.Equal(got, parts(20)) {
				t.Errorf("flushed %v, %s: %q", flush, c.why, got)
			}
		}
	}
}

// A stream that is deleted and collected while its items are fetched is gone.
func TestPageOfItemsThatAreCollected(t *testing.T) {
	for _, again := range []bool{false, true} {
		l, s := open20(t, linked(), false)
		other := join(t, &store{Store: s.Store}, linked(), stream.Poll{})
		var once sync.Once // they are fetched at once
		s.hook(func(op string) fault {
			if op == "staged" {
				once.Do(func() {
					if err := other.Delete(t.Context(), name); err != nil {
						t.Error(err)
					}
					if _, err := other.Collect(t.Context(), 9); err != nil {
						t.Error(err)
					}
					if again {
						create(t, other)
					}
				})
			}
			return fine
		})
		if p, err := l.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrNotFound) {
			t.Errorf("created again %v: %+v, %v", again, p, err)
		}
	}
}
