package segment_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// A footer must fit together even if its CRC is right.
func TestChangedFooter(t *testing.T) {
	o := write(t, segment.Messages, frame(records(repeat(30, 1000)...)...))
	offsets := map[string]int{"first": 8, "end": 16, "frames": 24, "data": 32, "index": 40}
	values := []uint64{0, 1, math.MaxUint32, math.MaxInt64, math.MaxInt64 - 100, math.MaxUint64, math.MaxUint64 - 100}
	check := func(what string, change func(footer []byte)) {
		b := bytes.Clone(o.bytes)
		change(b[len(b)-segment.FooterSize:])
		seal(b, len(o.tail)-segment.FooterSize)
		footer := b[len(b)-segment.FooterSize:]
		if bytes.Equal(b, o.bytes) {
			return
		}
		for _, size := range []int64{int64(len(b)), 0, -1, math.MaxInt64, math.MinInt64} {
			if _, err := segment.ParseFooter(footer, size); !errors.Is(err, segment.ErrCorrupt) {
				t.Errorf("%s, size %d: %v", what, size, err)
			}
		}
		if err := verify(b); !errors.Is(err, segment.ErrCorrupt) {
			t.Errorf("%s: Verify: %v", what, err)
		}
	}
	for name, at := range offsets {
		was := binary.BigEndian.Uint64(o.bytes[len(o.bytes)-segment.FooterSize+at:])
		for _, v := range append(values, was-1, was+1, was*2) {
			check(name, func(footer []byte) { binary.BigEndian.PutUint64(footer[at:], v) })
		}
	}
	for _, v := range []uint32{0, 1, 1000, math.MaxUint32} {
		check("blocks", func(footer []byte) { binary.BigEndian.PutUint32(footer[48:], v) })
	}
	for _, v := range []uint32{0, uint32(segment.Bytes), 3, 256 + uint32(segment.Messages)} {
		check("kind", func(footer []byte) { binary.BigEndian.PutUint32(footer[52:], v) })
	}
}

// An index must fit together, and to the footer, even if its CRC is right.
func TestChangedIndex(t *testing.T) {
	all := records(100, 0, 9000, 900, 2000, 5000)
	data := frame(all...)
	blocks := cuts(all)
	type fields struct{ length, frames, rest int }
	build := func(change func(i int, f *fields), extra ...byte) ([]byte, []byte) {
		var index []byte
		for i, b := range blocks {
			f := fields{b.end - b.begin, b.frames, b.rest}
			change(i, &f)
			index = binary.AppendUvarint(index, uint64(f.length))
			index = binary.AppendUvarint(index, uint64(f.frames))
			index = binary.AppendUvarint(index, uint64(f.rest))
			index = binary.BigEndian.AppendUint32(index, crc(data[b.begin:b.end]))
		}
		index = append(index, extra...)
		o := assemble(segment.Messages, uint64(len(all)), data, index, len(blocks))
		return o, o[len(o)-segment.FooterSize-len(index):]
	}
	o, tail := build(func(int, *fields) {})
	if _, err := segment.ParseTail(tail, int64(len(o))); err != nil || verify(o) != nil {
		t.Fatal("the unchanged object is corrupt:", err)
	}
	check := func(what string, i, by int, o, tail []byte) {
		if _, err := segment.ParseTail(tail, int64(len(o))); !errors.Is(err, segment.ErrCorrupt) {
			t.Errorf("%s of block %d by %d: %v", what, i, by, err)
		}
	}
	for i := range blocks {
		for _, by := range []int{-1, 1, 4, -5000, 5000, 1 << 40, math.MinInt64} {
			o, tail := build(func(k int, f *fields) {
				if k == i {
					f.length += by
				}
			})
			check("length", i, by, o, tail)
			o, tail = build(func(k int, f *fields) {
				if k == i {
					f.frames += by
				}
			})
			check("frames", i, by, o, tail)
			// Where a record begins that goes on behind a block, only the data tells.
			o, _ = build(func(k int, f *fields) {
				if k == i {
					f.rest += by
				}
			})
			if err := verify(o); !errors.Is(err, segment.ErrCorrupt) {
				t.Errorf("rest of block %d by %d: Verify: %v", i, by, err)
			}
		}
		// Two fields that make up for each other.
		if i > 0 {
			o, tail := build(func(k int, f *fields) {
				if k == i-1 {
					f.frames++
				} else if k == i {
					f.frames--
				}
			})
			if err := verify(o); !errors.Is(err, segment.ErrCorrupt) {
				t.Errorf("a frame moved to block %d: Verify: %v", i-1, err)
			}
			if blocks[i].frames == 0 {
				check("frames", i, -1, o, tail)
			}
		}
	}
	o, tail = build(func(int, *fields) {}, 0)
	check("trailing byte", 0, 1, o, tail)
	// The same number in more bytes than it takes.
	index := o[len(front)+len(data) : len(o)-segment.FooterSize-1]
	long := append([]byte{index[0], index[1] | 0x80, 0}, index[2:]...)
	o = assemble(segment.Messages, uint64(len(all)), data, long, len(blocks))
	check("long varint", 0, 0, o, o[len(front)+len(data):])
}

// tailOf makes a tail of whatever numbers, and with it the size of the object that would
// have it.
func tailOf(frames, data uint64, index []byte, blocks uint32) ([]byte, int64) {
	b := assemble(segment.Messages, frames, nil, index, int(blocks))[len(front):]
	footer := b[len(index):]
	binary.BigEndian.PutUint64(footer[16:], frames)
	binary.BigEndian.PutUint64(footer[32:], data)
	seal(b, len(index))
	return b, int64(uint64(len(front)+len(b)) + data)
}

// Footers that are wrong in one way only.
func TestHostileFooter(t *testing.T) {
	for _, c := range []struct {
		name   string
		frames uint64
		data   uint64
		index  int
		blocks uint32
		ok     bool
	}{
		{"one that is right", 1, 5000, 18, 2, true},
		{"no frames", 0, 5000, 18, 2, false},
		{"as many frames as fit", 1250, 5000, 18, 2, true},
		{"more frames than fit", 1251, 5000, 18, 2, false},
		{"blocks that are full", 1, 8192, 18, 2, true},
		{"more data than blocks have", 1, 8193, 18, 2, false},
		{"a block for nothing", 1, 4092, 18, 2, false},
		{"a block for one byte", 1, 4093, 18, 2, true},
		{"an index that is too small", 1, 5000, 13, 2, false},
		{"an index that is too large", 1, 5000, 27, 2, false},
		{"no blocks", 1, 5000, 0, 0, false},
		{"blocks to fill the memory", 1, math.MaxUint32 * segment.BlockSize, 18, math.MaxUint32, false},
		{"sizes that overflow", 1, math.MaxUint64 - 90, 18, 2, false},
		{"an object larger than any", 1, math.MaxInt64, 18, 2, false},
	} {
		tail, size := tailOf(c.frames, c.data, make([]byte, c.index), c.blocks)
		_, err := segment.ParseFooter(tail[c.index:], size)
		if c.ok != (err == nil) || err != nil && !errors.Is(err, segment.ErrCorrupt) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Indexes that are wrong in one way only.
func TestHostileIndex(t *testing.T) {
	type entry struct{ length, frames, rest uint64 }
	for _, c := range []struct {
		name  string
		index []entry
		// cut is how much of the index is missing, and more how much data there is that
		// it does not have.
		cut, more int
		ok        bool
	}{
		{"one that is right", []entry{{4096, 1, 0}, {4096, 0, 5000}, {1000, 1, 904}}, 0, 0, true},
		{"another one", []entry{{4092, 1, 0}, {4094, 1, 0}, {5, 1, 0}}, 0, 0, true},
		{"a block of nothing", []entry{{4096, 1, 0}, {0, 0, 0}}, 0, 0, false},
		{"a block that is too large", []entry{{4097, 1, 0}, {50, 0, 50}}, 0, 0, false},
		{"a block that is too short", []entry{{4091, 1, 0}, {50, 1, 0}}, 0, 0, false},
		{"frames that overflow", []entry{{4096, 1 << 62, 0}, {4096, 3<<62 + 1, 0}, {4096, 1, 0}, {9, 1, 0}}, 0, 0, false},
		{"a rest that is too large", []entry{{4096, 1, 1 << 32}}, 0, 0, false},
		{"half a CRC", []entry{{4096, 1, 0}}, 1, 0, false},
		{"a beginning inside a frame", []entry{{100, 1, 5}}, 0, 0, false},
		{"a frame inside a frame", []entry{{4096, 1, 0}, {4096, 1, 4096}, {10, 1, 0}}, 0, 0, false},
		{"a frame that goes on elsewhere", []entry{{4096, 1, 0}, {4096, 0, 5000}, {904, 1, 800}}, 0, 0, false},
		{"a frame that begins, and does not", []entry{{4096, 1, 0}, {100, 0, 50}}, 0, 0, false},
		{"frames without room", []entry{{4096, 1, 0}, {100, 3, 90}}, 0, 0, false},
		{"a cut frame in a short block", []entry{{4094, 1, 0}, {100, 1, 50}}, 0, 0, false},
		{"more data", []entry{{100, 1, 0}}, 0, 1, false},
		{"less data", []entry{{100, 1, 0}}, 0, -1, false},
		{"a torn end", []entry{{4096, 1, 0}, {100, 0, 200}}, 0, 0, false},
	} {
		var index []byte
		var data, frames uint64
		for _, e := range c.index {
			index = binary.AppendUvarint(index, e.length)
			index = binary.AppendUvarint(index, e.frames)
			index = binary.AppendUvarint(index, e.rest)
			index = append(index, 1, 2, 3, 4)
			data, frames = data+e.length, frames+e.frames
		}
		tail, size := tailOf(frames, data+uint64(c.more), index[:len(index)-c.cut], uint32(len(c.index)))
		_, errFooter := segment.ParseFooter(tail[len(tail)-segment.FooterSize:], size)
		if errFooter != nil {
			t.Errorf("%s: the footer is wrong too: %v", c.name, errFooter)
		}
		_, err := segment.ParseTail(tail, size)
		if c.ok != (err == nil) || err != nil && !errors.Is(err, segment.ErrCorrupt) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// An object that is right in all but that its last record is not all there.
func TestTornObject(t *testing.T) {
	for name, kind := range kinds {
		for _, torn := range [][]byte{{0}, {0, 0, 0}, {0, 0, 0, 9}, {0, 0, 0, 2, 'x'}} {
			data := append(frame([]byte("one"), []byte("two")), torn...)
			index := binary.AppendUvarint(nil, uint64(len(data)))
			index = binary.BigEndian.AppendUint32(append(index, 3, 0), crc(data))
			o := assemble(kind, 3, data, index, 1)
			if err := verify(o); !errors.Is(err, segment.ErrCorrupt) {
				t.Errorf("%s, %q: Verify: %v", name, torn, err)
			}
			if _, err := readAll(o, segment.FooterSize+len(index), 100); !errors.Is(err, segment.ErrCorrupt) {
				t.Errorf("%s, %q: reading: %v", name, torn, err)
			}
		}
	}
}
