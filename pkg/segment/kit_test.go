package segment_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

const (
	front    = "DSSEGMNT"
	header   = 4
	number   = 7
	minBlock = segment.BlockSize - header
)

func crc(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func frame(records ...[]byte) (frames []byte) {
	for _, r := range records {
		frames = binary.BigEndian.AppendUint32(frames, uint32(len(r)))
		frames = append(frames, r...)
	}
	return frames
}

func unframe(frames []byte) (records [][]byte, err error) {
	for len(frames) > 0 {
		if len(frames) < header {
			return nil, errors.New("torn in a header")
		}
		n := uint64(binary.BigEndian.Uint32(frames))
		if n > uint64(len(frames)-header) {
			return nil, errors.New("torn in a record")
		}
		records = append(records, frames[header:header+n])
		frames = frames[header+n:]
	}
	return records, nil
}

// records makes records of the given sizes. Their bytes tell where they are.
func records(sizes ...int) (all [][]byte) {
	var n uint64
	for _, size := range sizes {
		r := make([]byte, size)
		for i := range r {
			n++
			r[i] = byte(n * 0x9e3779b97f4a7c15 >> 56)
		}
		all = append(all, r)
	}
	return all
}

func repeat(n, size int) []int {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

type object struct {
	bytes   []byte
	summary segment.Summary
	tail    []byte
}

// write writes an object whose frames come in one piece.
func write(t testing.TB, k segment.Kind, frames []byte) object {
	t.Helper()
	var out bytes.Buffer
	out.Grow(len(frames) + len(frames)/256 + segment.BlockSize)
	w := segment.NewWriter(&out, k, number)
	if err := w.Write(frames); err != nil {
		t.Fatal(err)
	}
	summary, tail, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return object{bytes: out.Bytes(), summary: summary, tail: tail}
}

func (o object) index(t testing.TB) *segment.Index {
	t.Helper()
	x, err := segment.ParseTail(o.tail, int64(len(o.bytes)))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// at returns the bytes of a span.
func at(object []byte, s segment.Span) []byte { return object[s.Offset : s.Offset+s.Length] }

// readAll reads an object as the server does, a part at a time.
func readAll(object []byte, tailSize, limit int) (frames []byte, err error) {
	if len(object) < tailSize {
		return nil, errors.New("the object is too short")
	}
	x, err := segment.ParseTail(object[len(object)-tailSize:], int64(len(object)))
	if err != nil {
		return nil, err
	}
	for from, end := uint64(0), x.Summary().End; from < end; {
		s, ok := x.Blocks(from, limit)
		if !ok {
			return nil, fmt.Errorf("nothing at %d of %d", from, end)
		}
		first, part, err := x.Decode(s, at(object, s))
		if err != nil {
			return nil, err
		}
		if first != from {
			return nil, fmt.Errorf("it begins at %d, not at %d", first, from)
		}
		all, err := unframe(part)
		if err != nil {
			return nil, err
		}
		if x.Summary().Kind == segment.Messages {
			from += uint64(len(all))
		} else {
			from += uint64(len(bytes.Join(all, nil)))
		}
		frames = append(frames, part...)
	}
	return frames, nil
}

// cut is a block, as the reference sees it.
type cut struct {
	begin, end   int
	frames, rest int
}

// cuts cuts data into blocks in the plainest way: it looks where frames begin.
func cuts(all [][]byte) (blocks []cut) {
	var begins []int
	size := 0
	for _, r := range all {
		begins = append(begins, size)
		size += header + len(r)
	}
	for begin := 0; begin < size; {
		b := cut{begin: begin, end: min(begin+segment.BlockSize, size)}
		b.rest = size - begin
		for i := len(begins) - 1; i >= 0 && begins[i] >= begin; i-- {
			b.rest = begins[i] - begin
			if begins[i] >= begin+minBlock && begins[i] < b.end {
				b.end = begins[i]
			}
		}
		for _, at := range begins {
			if at >= b.begin && at < b.end {
				b.frames++
			}
		}
		blocks = append(blocks, b)
		begin = b.end
	}
	return blocks
}

// reference writes an object in the plainest way, from the tables in the package's
// documentation. data are the records' frames, or what is to stand in their place.
func reference(k segment.Kind, all [][]byte, data []byte) []byte {
	var index []byte
	blocks := cuts(all)
	for _, b := range blocks {
		index = binary.AppendUvarint(index, uint64(b.end-b.begin))
		index = binary.AppendUvarint(index, uint64(b.frames))
		index = binary.AppendUvarint(index, uint64(b.rest))
		index = binary.BigEndian.AppendUint32(index, crc(data[b.begin:b.end]))
	}
	return assemble(k, uint64(len(all)), data, index, len(blocks))
}

// assemble puts the parts of an object together.
func assemble(k segment.Kind, frames uint64, data, index []byte, blocks int) []byte {
	end := uint64(len(data)) - header*frames
	if k == segment.Messages {
		end = frames
	}
	o := append([]byte(front), data...)
	o = append(o, index...)
	for _, field := range []uint64{number, 0, end, frames, uint64(len(data)), uint64(len(index))} {
		o = binary.BigEndian.AppendUint64(o, field)
	}
	o = binary.BigEndian.AppendUint32(o, uint32(blocks))
	o = binary.BigEndian.AppendUint32(o, uint32(k))
	o = append(o, make([]byte, 12)...)
	o = binary.BigEndian.AppendUint32(o, segment.Version)
	o = append(o, front...)
	seal(o, len(index))
	return o
}

// seal computes the CRCs of an object anew, but for those of blocks.
func seal(o []byte, indexSize int) {
	footer := o[len(o)-segment.FooterSize:]
	index := o[:len(o)-segment.FooterSize]
	index = index[max(0, len(index)-indexSize):]
	binary.BigEndian.PutUint32(footer[56:], crc(index))
	binary.BigEndian.PutUint32(footer[60:], crc(o[:len(o)-20]))
	binary.BigEndian.PutUint32(footer[64:], crc(footer[:64]))
}

var kinds = map[string]segment.Kind{"bytes": segment.Bytes, "messages": segment.Messages}
