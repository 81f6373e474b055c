package stream_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// model is what a stream must read as: its units, each with the offset at which
// it begins. A unit is a byte or a message.
type model struct {
	unit    stream.Unit
	starts  []stream.Offset
	units   []string
	tail    stream.Offset
	records []string
}

func (m *model) add(all []string, tail stream.Offset) {
	before := m.tail
	m.tail = tail
	first := len(m.units)
	for _, r := range all {
		m.records = append(m.records, r)
		if m.unit == stream.Messages {
			m.units = append(m.units, r)
			continue
		}
		for i := range len(r) {
			m.units = append(m.units, r[i:i+1])
		}
	}
	n := uint64(len(m.units) - first)
	for i := range n {
		if i == 0 {
			m.starts = append(m.starts, before)
			continue
		}
		m.starts = append(m.starts, stream.Offset{Segment: tail.Segment, Position: tail.Position - n + i})
	}
}

// from returns what is to be read from an offset on.
func (m *model) from(o stream.Offset) string {
	i, found := slices.BinarySearchFunc(m.starts, o, stream.Offset.Compare)
	if !found && o != m.tail {
		return "no such offset"
	}
	return strings.Join(m.units[i:], "")
}

// For any layout of a stream over segments, chunks, parts and the buffer, with
// flushes that died on the way: pages from any offset hold exactly what follows
// it, within their limits.
func TestPagesProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lim := stream.DefaultLimits()
		lim.SegmentCount = rapid.IntRange(1, 12).Draw(t, "SegmentCount")
		lim.SegmentSize = rapid.IntRange(1, 60).Draw(t, "SegmentSize")
		lim.StageSize = rapid.IntRange(5, 60).Draw(t, "StageSize")
		lim.BufferSize = rapid.IntRange(60, 120).Draw(t, "BufferSize")
		lim.FlushSize, lim.FlushCount = 1, 1
		lim.BufferCount = rapid.IntRange(1, 5).Draw(t, "BufferCount")
		lim.PartSize = rapid.IntRange(1, 20).Draw(t, "PartSize")
		lim.PageSize = rapid.IntRange(1, 30).Draw(t, "PageSize")
		config := stream.Config{ContentType: rapid.SampledFrom([]string{"text/plain", "application/json"}).Draw(t, "type")}

		s := newStore()
		l, err := stream.New(s, stream.Options{Limits: lim})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		if _, _, err := l.Create(ctx, name, &stream.Create{Config: config}); err != nil {
			t.Fatal(err)
		}
		m := &model{unit: config.Unit()}
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
			case 1: // it dies before the trim
				s.faults("trim", lost)
				l.Flush(ctx, name, stream.Appended{})
				s.hook(nil)
			case 2: // it dies at some chunk
				s.faults("chunk", append(make([]fault, rapid.IntRange(0, 3).Draw(t, "after")), lost)...)
				l.Flush(ctx, name, stream.Appended{})
				s.hook(nil)
			}
			if err != nil {
				t.Fatal(err)
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

		// The places that no offset was given out for.
		for i := range m.starts {
			end := m.tail
			if i+1 < len(m.starts) {
				end = m.starts[i+1]
			}
			if end.Segment == m.starts[i].Segment {
				continue
			}
			// The start of a segment is the end of the one before.
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
		for _, beyond := range []stream.Offset{
			{Segment: m.tail.Segment, Position: m.tail.Position + 1},
			{Segment: m.tail.Segment + 1},
			{Segment: maxPart, Position: maxPart},
		} {
			if _, err := l.Read(ctx, name, stream.At(beyond)); !errors.Is(err, stream.ErrBadOffset) {
				t.Fatalf("from %v, beyond the tail %v: %v", beyond, m.tail, err)
			}
		}
	})
}

// readPages reads to the tail, and checks each page.
func readPages(read func(stream.Offset) (*stream.Page, error), from stream.Offset, max int, u stream.Unit) (all []string, err error) {
	at := from
	for {
		p, err := read(at)
		if err != nil {
			return nil, err
		}
		count, size := 0, 0
		for r := range p.Records() {
			all = append(all, string(r))
			count++
			size += len(r)
		}
		switch {
		case count != p.Count || size != p.Size:
			return nil, fmt.Errorf("page says %d records of %d bytes, has %d of %d", p.Count, p.Size, count, size)
		case size > max && (u == stream.Bytes || count > 1):
			return nil, fmt.Errorf("page of %d records has %d bytes, want at most %d", count, size, max)
		case p.From != at:
			return nil, fmt.Errorf("page from %v, asked for %v", p.From, at)
		case p.UpToDate():
			return all, nil
		case count == 0:
			return nil, fmt.Errorf("empty page at %v", at)
		}
		at = p.Next
	}
}

func TestPageSize(t *testing.T) {
	for _, c := range []struct {
		config string
		max    int
		texts  []string
		want   [][]string
	}{
		{"text/plain", 4, []string{"ab", "cd", "ef"}, [][]string{{"ab", "cd"}, {"ef"}}},
		{"text/plain", 5, []string{"ab", "cd", "ef"}, [][]string{{"ab", "cd"}, {"ef"}}},
		{"text/plain", 3, []string{"abcdefg", "h"}, [][]string{{"abc"}, {"def"}, {"g", "h"}}},
		{"text/plain", 6, []string{"aé€é", "b"}, [][]string{{"aé€"}, {"é", "b"}}},
		{"text/plain", 5, []string{"aé€é", "b"}, [][]string{{"aé"}, {"€é"}, {"b"}}},
		{"application/json", 4, []string{"1", "22", "333333", "4"}, [][]string{{"1", "22"}, {"333333"}, {"4"}}},
		{"application/json", 4, []string{"1234", "5"}, [][]string{{"1234"}, {"5"}}},
	} {
		for _, flush := range []bool{false, true} {
			lim := stream.DefaultLimits()
			lim.PageSize, lim.FlushCount = c.max, 1
			l, _ := open(t, lim)
			create(t, l, stream.Create{Config: stream.Config{ContentType: c.config}})
			for _, record := range c.texts {
				put(t, l, text(record, contentType(c.config)))
			}
			if flush {
				if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
					t.Fatal(err)
				}
			}
			from := stream.Start()
			for i, want := range c.want {
				p, err := l.Read(t.Context(), name, from)
				if err != nil {
					t.Fatalf("%q of %d, page %d: %v", c.texts, c.max, i, err)
				}
				if got := pageRecords(t, p); !slices.Equal(got, want) || p.UpToDate() != (i == len(c.want)-1) {
					t.Errorf("%q of %d, page %d: %q, up to date: %v", c.texts, c.max, i, got, p.UpToDate())
				}
				from = stream.At(p.Next)
			}
		}
	}
}

// A torn run of frames is an error, never data.
func TestPageOfTornFrames(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.FlushCount = 1
	for _, offset := range []stream.Offset{at(0, 0), at(0, 4), at(0, 5)} {
		l, s := open(t, lim)
		h := create(t, l)
		put(t, l, text("abcdef"))
		torn := records("abc", "def").Frames
		torn = torn[:len(torn)-1]
		if err := s.PutChunk(t.Context(), h.Life(name), stream.Chunk{To: at(0, 6), Count: 2, Size: 6, Frames: torn}); err != nil {
			t.Fatal(err)
		}
		if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
			t.Fatal(err)
		}
		if p, err := l.Read(t.Context(), name, stream.At(offset)); !errors.Is(err, stream.ErrTornFrames) {
			t.Errorf("from %v: %v, %v", offset, p, err)
		}
	}
}

func TestPageStopsEarly(t *testing.T) {
	l, _ := open(t, stream.DefaultLimits())
	create(t, l)
	put(t, l, request("text/plain", []string{"a", "b", "c"}))
	p, err := l.Read(t.Context(), name, stream.Start())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range p.Records() {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d records", n)
	}
}

func TestPageClosed(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.PageSize = 1
	l, _ := open(t, lim)
	create(t, l)
	put(t, l, text("a"))
	put(t, l, text("b", closing))
	for i, want := range []bool{false, true, true} {
		p, err := l.Read(t.Context(), name, stream.At(at(0, uint64(i))))
		if err != nil || p.Closed() != want {
			t.Errorf("page at %d: closed %v, %v", i, p.Closed(), err)
		}
	}
}
