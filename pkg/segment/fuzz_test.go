package segment_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// seeds are objects of all shapes.
func seeds(f *testing.F) (all []object) {
	for _, kind := range kinds {
		for _, sizes := range [][]int{{2}, {0, 0}, {10, 9000, 30}, repeat(10, 1000), goldenSizes} {
			all = append(all, write(f, kind, frame(records(sizes...)...)))
		}
	}
	return all
}

// The CRCs would let nothing through that a fuzzer makes up, so it may have them fixed.
func sealIf(fix bool, b []byte) {
	if !fix || len(b) < segment.FooterSize {
		return
	}
	footer := b[len(b)-segment.FooterSize:]
	seal(b, int(min(binary.BigEndian.Uint64(footer[40:]), uint64(len(b)-segment.FooterSize))))
}

func FuzzParseTail(f *testing.F) {
	for _, o := range seeds(f) {
		f.Add(o.tail, int64(len(o.bytes)), true)
		f.Add(o.tail, int64(len(o.bytes)), false)
	}
	f.Fuzz(func(t *testing.T, tail []byte, size int64, fix bool) {
		sealIf(fix, tail)
		x, err := segment.ParseTail(tail, size)
		if err != nil {
			if x != nil || !known(err) {
				t.Fatalf("%v, %v", x, err)
			}
			return
		}
		s := x.Summary()
		if s.Size != size || s.Blocks > len(tail)/7 {
			t.Fatalf("%+v of %d bytes", s, size)
		}
		for _, from := range []uint64{0, 1, s.End / 2, s.End - min(1, s.End), s.End} {
			for _, limit := range []int{0, 5000, 1 << 62} {
				span, ok := x.Blocks(from, limit)
				if ok != (from < s.End) {
					t.Fatalf("position %d of %d: %v", from, s.End, ok)
				}
				if ok && (span.Offset < int64(len(front)) || span.Length <= 0 || span.Offset+span.Length > size-int64(len(tail))) {
					t.Fatalf("position %d of %d: %+v", from, s.End, span)
				}
			}
		}
	})
}

func FuzzVerify(f *testing.F) {
	for _, o := range seeds(f) {
		f.Add(o.bytes, true)
		f.Add(o.bytes, false)
	}
	f.Fuzz(func(t *testing.T, o []byte, fix bool) {
		sealIf(fix, o)
		s, err := segment.Verify(bytes.NewReader(o), int64(len(o)))
		if err != nil {
			if !known(err) {
				t.Fatal(err)
			}
			return
		}
		// What passes is what a Writer writes.
		footer, err := segment.ParseFooter(o[len(o)-segment.FooterSize:], s.Size)
		if err != nil || footer.Summary != s {
			t.Fatalf("%+v, %v", footer, err)
		}
		tail := segment.FooterSize + footer.IndexSize
		var again bytes.Buffer
		w := segment.NewWriter(&again, s.Kind, s.Segment)
		if err := w.Write(o[len(front) : len(o)-tail]); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Close(); err != nil || !bytes.Equal(again.Bytes(), o) {
			t.Fatalf("a Writer writes something else, %v", err)
		}
		if _, err := readAll(o, tail, 5000); err != nil {
			t.Fatal(err)
		}
	})
}

// Decode meets data of which nothing is as the index says, but for the CRCs.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{5, 0, 200, 250, 3}, []byte{}, uint16(0), true, uint64(1), 5000)
	f.Add([]byte{255, 255, 1}, []byte{0, 0, 1}, uint16(0), false, uint64(3), 100)
	f.Add([]byte{100, 255, 1}, []byte{0xff, 0xff}, uint16(404), true, uint64(2), 1)
	f.Add([]byte{0, 0, 0, 0, 0, 100, 100}, []byte{0, 0, 0, 1}, uint16(12), false, uint64(30), 1<<20)
	f.Fuzz(func(t *testing.T, sizes, patch []byte, where uint16, messages bool, from uint64, limit int) {
		if len(sizes) == 0 || len(sizes) > 100 {
			return
		}
		var all [][]byte
		for _, size := range sizes {
			all = append(all, make([]byte, int(size)*int(size)/8))
		}
		kind := segment.Bytes
		if messages {
			kind = segment.Messages
		}
		data := frame(all...)
		for i, b := range patch {
			data[(int(where)+i)%len(data)] ^= b
		}
		o := reference(kind, all, data)
		x, err := segment.ParseTail(o[len(front)+len(data):], int64(len(o)))
		if err != nil {
			t.Fatal(err)
		}
		s, ok := x.Blocks(from, limit)
		if !ok {
			return
		}
		first, frames, err := x.Decode(s, at(o, s))
		if err != nil {
			if !known(err) || frames != nil {
				t.Fatal(err)
			}
			return
		}
		got, err := unframe(frames)
		if err != nil || first != from || len(got) == 0 || len(frames) > int(s.Length)+2*header {
			t.Fatalf("%d frames from %d, %v", len(got), first, err)
		}
	})
}
