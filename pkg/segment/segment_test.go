package segment_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// drawRecords draws records of which many end, or begin, near the end of a block.
func drawRecords(t *rapid.T) [][]byte {
	var sizes []int
	// fill is how full the block under way is.
	fill := 0
	add := func(size int) {
		sizes = append(sizes, size)
		if fill >= minBlock {
			fill = 0
		}
		fill = (fill + header + size) % segment.BlockSize
	}
	for range rapid.IntRange(1, 12).Draw(t, "runs") {
		switch rapid.IntRange(0, 5).Draw(t, "run") {
		case 0:
			add(rapid.IntRange(0, 40).Draw(t, "small"))
		case 1:
			add(rapid.IntRange(segment.BlockSize-12, segment.BlockSize+4).Draw(t, "block"))
		case 2:
			add(rapid.IntRange(0, 4*segment.BlockSize).Draw(t, "any"))
		case 3:
			// A record that leaves so many bytes of a block, or of the next one.
			leave := rapid.IntRange(0, 10).Draw(t, "leave")
			add((2*segment.BlockSize - fill - header - leave) % segment.BlockSize)
		case 4:
			size := rapid.IntRange(0, 3).Draw(t, "tiny")
			for range rapid.IntRange(1, 2500).Draw(t, "tinies") {
				add(size)
			}
		case 5:
			size := rapid.IntRange(100, 1500).Draw(t, "like")
			for range rapid.IntRange(1, 20).Draw(t, "likes") {
				add(size)
			}
		}
	}
	return records(sizes...)
}

func drawKind(t *rapid.T) segment.Kind {
	return rapid.SampledFrom([]segment.Kind{segment.Bytes, segment.Messages}).Draw(t, "kind")
}

// However frames are handed to a Writer, it writes what the tables say.
func TestWriterWritesWhatTheTablesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind, all := drawKind(t), drawRecords(t)
		var out bytes.Buffer
		w := segment.NewWriter(&out, kind, number)
		for rest := all; len(rest) > 0; {
			n := rapid.IntRange(0, min(len(rest), 500)).Draw(t, "records in a write")
			if err := w.Write(frame(rest[:n]...)); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		summary, tail, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		want := reference(kind, all, frame(all...))
		if !bytes.Equal(out.Bytes(), want) {
			t.Fatalf("the object differs from the reference at byte %d of %d", differ(out.Bytes(), want), len(want))
		}
		if !bytes.HasSuffix(want, tail) {
			t.Fatal("the tail is not the object's")
		}
		x, err := segment.ParseTail(tail, int64(len(want)))
		if err != nil || x.Summary() != summary {
			t.Fatalf("the tail has %+v, %v, and the Writer said %+v", x.Summary(), err, summary)
		}
		f, err := segment.ParseFooter(tail[len(tail)-segment.FooterSize:], int64(len(want)))
		if err != nil || f.Summary != summary || f.IndexSize != len(tail)-segment.FooterSize {
			t.Fatalf("the footer has %+v, %v, and the Writer said %+v", f, err, summary)
		}
		verified, err := segment.Verify(bytes.NewReader(want), int64(len(want)))
		if err != nil || verified != summary {
			t.Fatalf("Verify: %+v, %v, and the Writer said %+v", verified, err, summary)
		}
		end := uint64(len(all))
		if kind == segment.Bytes {
			end = uint64(len(bytes.Join(all, nil)))
		}
		want2 := segment.Summary{
			Kind: kind, Segment: number, End: end, Frames: uint64(len(all)),
			Blocks: len(cuts(all)), Size: int64(len(want)), CRC: crc(want[:len(want)-20]),
		}
		if summary != want2 {
			t.Fatalf("the Writer said %+v, not %+v", summary, want2)
		}
	})
}

func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// From every position a reader gets what it asked for, and little else is read.
func TestBlocksAndDecode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind, all := drawKind(t), drawRecords(t)
		o := reference(kind, all, frame(all...))
		f, err := segment.ParseFooter(o[len(o)-segment.FooterSize:], int64(len(o)))
		if err != nil {
			t.Fatal(err)
		}
		x, err := segment.ParseTail(o[len(o)-segment.FooterSize-f.IndexSize:], int64(len(o)))
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			from := rapid.Uint64Range(0, f.End+1).Draw(t, "from")
			limit := rapid.IntRange(-1, 5*segment.BlockSize).Draw(t, "limit")
			s, ok := x.Blocks(from, limit)
			if ok != (from < f.End) {
				t.Fatalf("position %d of %d: %v", from, f.End, ok)
			}
			if !ok {
				continue
			}
			body := slices.Clone(at(o, s))
			first, frames, err := x.Decode(s, body)
			if err != nil || first != from {
				t.Fatalf("Decode: %d, %v", first, err)
			}
			if !bytes.Equal(body, at(o, s)) {
				t.Fatal("Decode changed the body")
			}
			got, err := unframe(frames)
			if err != nil {
				t.Fatal(err)
			}
			if kind == segment.Messages {
				checkMessages(t, all, got, s, int(from), limit)
			} else {
				checkBytes(t, all, got, s, int(from), limit)
			}
		}
	})
}

func checkMessages(t *rapid.T, all, got [][]byte, s segment.Span, from, limit int) {
	to := from + len(got)
	if len(got) == 0 || to > len(all) || !slices.EqualFunc(got, all[from:to], bytes.Equal) {
		t.Fatalf("%d messages from %d of %d are not those that were written", len(got), from, len(all))
	}
	size := len(bytes.Join(got, nil))
	if to < len(all) && size < limit && size+len(all[to]) <= limit {
		t.Fatalf("%d bytes of %d, but the next message has only %d", size, limit, len(all[to]))
	}
	spanEnd := int(s.Offset + s.Length)
	if end := len(front) + len(frame(all[:to]...)); end <= spanEnd-segment.BlockSize || end > spanEnd {
		t.Fatalf("the last message ends at %d, and the span at %d", end, spanEnd)
	}
	checkSpan(t, all, s, max(limit, len(got[0])))
}

func checkBytes(t *rapid.T, all, got [][]byte, s segment.Span, from, limit int) {
	whole, part := bytes.Join(all, nil), bytes.Join(got, nil)
	to := from + len(part)
	if to > len(whole) || !bytes.Equal(part, whole[from:to]) {
		t.Fatalf("%d bytes from %d of %d are not those that were written", len(part), from, len(whole))
	}
	if len(part) <= limit && to < len(whole) {
		t.Fatalf("only %d bytes of %d", len(part), limit)
	}
	// Between the two ends, records are as they were.
	var want []int
	pos := 0
	for _, r := range all {
		if begin, end := max(pos, from), min(pos+len(r), to); begin < end {
			want = append(want, end-begin)
		}
		pos += len(r)
	}
	var sizes []int
	for _, r := range got {
		if len(r) > 0 {
			sizes = append(sizes, len(r))
		}
	}
	if !slices.Equal(sizes, want) {
		t.Fatalf("the records have %v bytes, not %v", sizes, want)
	}
	checkSpan(t, all, s, max(limit, 1))
}

// checkSpan checks that a span consists of blocks, and is not larger than it may be.
func checkSpan(t *rapid.T, all [][]byte, s segment.Span, limit int) {
	begin := int(s.Offset) - len(front)
	end := begin + int(s.Length)
	size, begins, ends := 0, false, false
	for _, b := range cuts(all) {
		begins = begins || b.begin == begin
		ends = ends || b.end == end
		if b.begin >= begin && b.end <= end {
			size += b.end - b.begin - header*b.frames
		}
	}
	if !begins || !ends {
		t.Fatalf("the span %d to %d is not of whole blocks", begin, end)
	}
	if size > limit+2*segment.BlockSize {
		t.Fatalf("the span has %d bytes of records, and %d were wanted", size, limit)
	}
}

// What is not cut is not copied.
func TestDecodeCopiesOnlyWhatIsCut(t *testing.T) {
	o := write(t, segment.Messages, frame(records(repeat(20, 1000)...)...))
	b := write(t, segment.Bytes, frame(records(repeat(20, 1000)...)...))
	for _, c := range []struct {
		name   string
		object object
		from   uint64
		limit  int
		copied bool
	}{
		{"messages", o, 0, 5000, false},
		{"messages inside a block", o, 7, 5000, false},
		{"all bytes", b, 0, 1 << 20, false},
		{"bytes from a record on", b, 3000, 1 << 20, false},
		{"bytes from inside a record on", b, 3001, 1 << 20, true},
		{"bytes to inside a record", b, 0, 5000, true},
	} {
		x := c.object.index(t)
		s, ok := x.Blocks(c.from, c.limit)
		if !ok {
			t.Fatal(c.name)
		}
		body := at(c.object.bytes, s)
		allocs := testing.AllocsPerRun(10, func() {
			if _, _, err := x.Decode(s, body); err != nil {
				t.Fatal(err)
			}
		})
		if want := map[bool]float64{true: 1}[c.copied]; allocs != want {
			t.Errorf("%s: %v allocations, not %v", c.name, allocs, want)
		}
		_, frames, err := x.Decode(s, body)
		if err != nil || cap(frames)-len(frames) > 2*header {
			t.Errorf("%s: whoever appends to the frames writes into the body: %v", c.name, err)
		}
	}
}

// Positions of bytes in a segment of empty records do not exist.
func TestOnlyEmptyRecords(t *testing.T) {
	for name, kind := range kinds {
		o := write(t, kind, frame(records(repeat(3000, 0)...)...))
		frames, err := readAll(o.bytes, len(o.tail), 100)
		if err != nil {
			t.Fatal(name, err)
		}
		if kind == segment.Messages && len(frames) != 3000*header || kind == segment.Bytes && len(frames) != 0 {
			t.Errorf("%s: %d bytes of frames", name, len(frames))
		}
		if _, err := segment.Verify(bytes.NewReader(o.bytes), int64(len(o.bytes))); err != nil {
			t.Error(name, err)
		}
	}
}
