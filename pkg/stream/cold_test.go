package stream_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// For any layout of a stream over objects, chunks, parts and the buffer: pages from any
// offset hold exactly what follows it, within their limits. One that ends before the tail
// ends there for ever, wherever its records are: caches rely on it.
func TestColdPagesProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lim := stream.DefaultLimits()
		lim.SegmentCount = rapid.IntRange(1, 12).Draw(t, "SegmentCount")
		lim.SegmentSize = rapid.IntRange(1, 60).Draw(t, "SegmentSize")
		lim.StageSize = rapid.IntRange(5, 60).Draw(t, "StageSize")
		lim.ObjectSize = rapid.IntRange(0, 30).Draw(t, "ObjectSize")
		lim.BufferSize = rapid.IntRange(60, 120).Draw(t, "BufferSize")
		lim.PartSize = rapid.IntRange(1, 20).Draw(t, "PartSize")
		lim.FlushSize, lim.FlushCount = 1, 1
		lim.PageSize = rapid.IntRange(1, 30).Draw(t, "PageSize")
		config := stream.Config{ContentType: rapid.SampledFrom([]string{"text/plain", "application/json"}).Draw(t, "type")}
		s := newStore()
		l, err := stream.New(s, stream.Options{Limits: lim, Objects: objects{s}})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		if _, _, err := l.Create(ctx, name, &stream.Create{Config: config}); err != nil {
			t.Fatal(err)
		}
		m := &model{unit: config.Unit()}
		ends := map[stream.Offset]stream.Offset{} // of pages that ended before the tail
		for range rapid.IntRange(1, 8).Draw(t, "appends") {
			all := rapid.SliceOfN(rapid.StringN(1, 14, -1), 1, 4).Draw(t, "records")
			r, err := l.Append(ctx, name, request(config.ContentType, all))
			if err != nil {
				t.Fatal(err)
			}
			m.add(all, r.Tail)
			switch rapid.IntRange(0, 3).Draw(t, "then") {
			case 0:
				err = l.Flush(ctx, name, stream.Appended{})
			case 1:
				_, err = l.Compact(ctx, name)
			case 2: // it dies before the chunks go
				s.faults("retire", lost)
				l.Compact(ctx, name)
				s.hook(nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, from := range m.starts {
				p, err := l.Read(ctx, name, stream.At(from))
				if err != nil {
					t.Fatalf("from %v: %v", from, err)
				}
				if end, known := ends[from]; known && p.Next != end {
					t.Fatalf("the page from %v ends at %v, and ended at %v before", from, p.Next, end)
				}
				if !p.UpToDate() {
					ends[from] = p.Next
				}
			}
		}
		read := func(o stream.Offset) (*stream.Page, error) { return l.Read(ctx, name, stream.At(o)) }
		for _, from := range append(slices.Clone(m.starts), m.tail) {
			all, err := readPages(read, from, lim.PageSize, m.unit)
			if err != nil {
				t.Fatalf("from %v: %v", from, err)
			}
			if got, want := strings.Join(all, ""), m.from(from); got != want {
				t.Fatalf("from %v: %q, want %q", from, got, want)
			}
			if m.unit == stream.Messages && from == (stream.Offset{}) && !slices.Equal(all, m.records) {
				t.Fatalf("messages %q, want %q", all, m.records)
			}
		}
		for i := range m.starts {
			end := m.tail
			if i+1 < len(m.starts) {
				end = m.starts[i+1]
			}
			if end.Segment == m.starts[i].Segment {
				continue
			}
			// The start of a segment is the end of the one before, and behind that is nothing.
			begin := stream.Offset{Segment: end.Segment}
			if all, err := readPages(read, begin, lim.PageSize, m.unit); err != nil || strings.Join(all, "") != m.from(m.starts[i]) {
				t.Fatalf("from %v: %q, %v", begin, all, err)
			}
			hole := m.starts[i]
			hole.Position++
			if _, err := l.Read(ctx, name, stream.At(hole)); !errors.Is(err, stream.ErrBadOffset) {
				t.Fatalf("from %v, behind the end of a segment: %v", hole, err)
			}
		}
	})
}

// ofSegments returns a log whose segments have one record each, and a stream of n of them
// that are in objects, of size bytes each, and one more record in the buffer: "end".
func ofSegments(t *testing.T, n, size int, limit ...func(*stream.Limits)) (*stream.Log, *store, stream.Limits) {
	t.Helper()
	lim := stream.DefaultLimits()
	lim.SegmentCount = 1
	for _, change := range limit {
		change(&lim)
	}
	l, s := openCold(t, lim)
	create(t, l)
	for i := range n {
		put(t, l, text(recordOf(i, size)))
	}
	if n > 0 {
		put(t, l, text("x"))
		compact(t, l, n)
	}
	put(t, l, text("end"))
	return l, s, lim
}

// recordOf is the record of a segment.
func recordOf(i, size int) string {
	return strings.Repeat(fmt.Sprintf("%08d", i), (size+7)/8)[:size]
}

// What a page costs: a query for the manifests of 16 segments, a request for each object,
// and nothing more for what the head has; and how many round trips that takes, with ten
// milliseconds for each.
func TestColdPageCost(t *testing.T) {
	const trip = 10 * time.Millisecond
	gets := func(n int) string { return strings.TrimSpace(strings.Repeat("get ", n)) }
	for _, c := range []struct {
		why      string
		segments int
		from     stream.Offset
		known    bool
		ops      string
		trips    int
	}{
		{"one", 1, at(0, 0), false, "chunks get head manifests", 4},
		{"the first of two, known", 1, at(0, 0), true, "chunks get head manifests", 3},
		{"what is not cold", 5, at(5, 1), false, "head", 1},
		{"what is not cold, known", 5, at(5, 1), true, "head", 1},
		{"sixteen", 16, at(0, 0), false, "chunks " + gets(16) + " head manifests", 4},
		{"sixteen, known", 16, at(0, 0), true, "chunks " + gets(16) + " head manifests", 3},
		{"the last of sixteen", 16, at(15, 0), true, "chunks get head manifests", 3},
		{"inside the last of sixteen", 16, at(15, 4), true, "chunks get head manifests", 3},
		{"seventeen", 17, at(0, 0), false, "chunks " + gets(17) + " head manifests manifests", 6},
		{"thirty-two, known", 32, at(0, 0), true, "chunks " + gets(32) + " head manifests manifests", 5},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s, lim := ofSegments(t, c.segments, 8)
			if !c.known {
				l = joinCold(t, s, lim)
			} else {
				content(t, l)
			}
			s.hook(func(string) fault { time.Sleep(trip); return fine })
			s.took()
			begin := time.Now()
			p, err := l.Read(t.Context(), name, stream.At(c.from))
			if err != nil || !p.UpToDate() {
				t.Fatalf("%s: %+v, %v", c.why, p, err)
			}
			if ops := strings.Join(s.sorted(), " "); ops != c.ops {
				t.Errorf("%s: took %q, want %q", c.why, ops, c.ops)
			}
			if d := time.Since(begin); d != time.Duration(c.trips)*trip {
				t.Errorf("%s: took %v", c.why, d)
			}
		})
	}
}

// Only the segments that a page has room for are read, and of each only the part.
func TestColdPageReadsWhatFits(t *testing.T) {
	const size = 20000
	_, s, _ := ofSegments(t, 8, size, func(l *stream.Limits) { l.PageSize = size })
	var read atomic.Int64
	l := joinCold(t, s, stream.DefaultLimits(), func(o *stream.Options) {
		o.Limits.PageSize = size
		o.Objects = altering{objects{s}, func(_ string, _ int64, b []byte) ([]byte, error) {
			read.Add(int64(len(b)))
			return b, nil
		}}
	})
	for _, c := range []struct {
		from stream.Offset
		gets int
		next stream.Offset
	}{
		{at(0, 0), 1, at(0, size)},
		// A page is cut between records: what follows does not fit, which only it says.
		{at(0, 1), 2, at(0, size)},
		{at(0, size-1), 2, at(0, size)},
		{at(0, size), 1, at(1, size)},
		{at(3, size/2), 2, at(3, size)},
		{at(7, 100), 1, at(9, 3)},
	} {
		read.Store(0)
		s.took()
		p, err := l.Read(t.Context(), name, stream.At(c.from))
		if err != nil || p.Next != c.next {
			t.Errorf("from %v: to %v, want %v, %v", c.from, p.Next, c.next, err)
			continue
		}
		// A guess of what a segment has may be short of a quarter of it.
		if n := strings.Count(s.took(), "get"); n < c.gets || n > c.gets+1 {
			t.Errorf("from %v: %d objects were read, want %d", c.from, n, c.gets)
		}
		if most := int64(size + size/4 + 2*segment.BlockSize); read.Load() > most {
			t.Errorf("from %v: %d bytes were read for a page of %d", c.from, read.Load(), p.Size)
		}
	}
}

// The index of a large segment is not in its manifest: it is read once a process.
func TestColdIndexOutsideTheManifest(t *testing.T) {
	const size = 9 << 20
	_, s, lim := ofSegments(t, 1, size, func(l *stream.Limits) {
		l.StageSize, l.BufferSize, l.PartSize, l.PageSize = 20<<20, 20<<20, 4<<20, 100
	})
	m := manifests(t, s)[0]
	if len(m.Tail) != segment.FooterSize {
		t.Fatalf("the manifest has a tail of %d bytes", len(m.Tail))
	}
	if got := bodyOf(t, s, m.Object); string(got[len(got)-len(m.Tail):]) != string(m.Tail) {
		t.Error("it is not the object's")
	}
	l := joinCold(t, s, lim)
	want := recordOf(0, size)
	for _, c := range []struct {
		from int
		ops  string
	}{{0, "head manifests get get"}, {size / 2, "head manifests get"}, {size - 100, "head manifests get"}} {
		s.took()
		p, err := l.Read(t.Context(), name, stream.At(at(0, uint64(c.from))))
		if err != nil || strings.Join(pageRecords(t, p), "") != want[c.from:c.from+100] {
			t.Errorf("from %d: %v, %v", c.from, p, err)
		}
		ops := s.sorted()
		wanted := strings.Fields(c.ops)
		slices.Sort(wanted)
		if !slices.Equal(ops, wanted) {
			t.Errorf("from %d: took %q, want %q", c.from, ops, wanted)
		}
	}
	l = joinCold(t, s, lim)
	s.faults("get", lost)
	if _, err := l.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrUnavailable) {
		t.Errorf("the index cannot be read: %v", err)
	}
	// It is as long as a manifest holds.
	if n := stream.MaxTail; n < 4096 || len(m.Tail) > n {
		t.Errorf("manifests hold %d bytes", n)
	}
}

// A long read of a stream of many segments finds all of it, once.
func TestColdReadOfManySegments(t *testing.T) {
	for _, size := range []int{1, 5, 700} {
		l, s, lim := ofSegments(t, 50, size, func(l *stream.Limits) { l.PageSize = 1024 })
		var want strings.Builder
		for i := range 50 {
			want.WriteString(recordOf(i, size))
		}
		want.WriteString("xend")
		for _, l := range []*stream.Log{l, joinCold(t, s, lim)} {
			s.took()
			if got := content(t, l); got != want.String() {
				t.Errorf("%d bytes each: %d bytes, want %d", size, len(got), want.Len())
			}
			if n := strings.Count(s.took(), "get"); n < 50 || n > 150 {
				t.Errorf("%d bytes each: %d objects were read", size, n)
			}
		}
	}
}
