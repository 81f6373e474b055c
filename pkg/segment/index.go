package segment

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Index knows where in an object the records are. It never changes, and any number of
// goroutines may use it at once. It takes 24 bytes of memory a block.
type Index struct {
	footer Footer
	// blocks has one more than there are: the end of the data.
	blocks []block
}

// block is where a block begins, and what precedes it.
type block struct {
	offset int64
	frames uint64
	rest   uint32
	crc    uint32
}

// payload returns how many bytes of records precede the block.
func (b block) payload() uint64 {
	return uint64(b.offset) - uint64(len(magic)) - frameHeader*b.frames
}

// ParseTail reads the end of an object, its index and footer: what [Writer.Close]
// returned, or the last FooterSize+[Footer.IndexSize] bytes. size is the length of the
// object.
//
// It checks them as far as it is possible without the data, which [Index.Decode] checks
// block by block. An error is an [ErrCorrupt] or a [*VersionError]. It keeps nothing of
// b, and takes in the order of ten microseconds for each 1,000 blocks.
func ParseTail(b []byte, size int64) (*Index, error) {
	if len(b) < FooterSize {
		return nil, corrupt("a tail of %d bytes has no footer", len(b))
	}
	index := b[:len(b)-FooterSize]
	footer, err := ParseFooter(b[len(index):], size)
	if err != nil {
		return nil, err
	}
	if len(index) != footer.IndexSize {
		return nil, corrupt("the index has %d bytes, not %d", len(index), footer.IndexSize)
	}
	if crc32.Checksum(index, castagnoli) != footer.indexCRC {
		return nil, corrupt("the index was altered")
	}
	x := &Index{footer: footer}
	if err := x.parse(index); err != nil {
		return nil, err
	}
	if err := x.check(); err != nil {
		return nil, err
	}
	return x, nil
}

// parse fills blocks. Their number is bounded by the footer to what index has room for.
func (x *Index) parse(index []byte) error {
	n := x.footer.Blocks
	x.blocks = make([]block, n+1)
	at := block{offset: int64(len(magic))}
	end := at.offset + int64(x.footer.dataSize)
	for i := range n {
		length, index1, ok1 := uvarint(index)
		frames, index2, ok2 := uvarint(index1)
		rest, sum, ok3 := uvarint(index2)
		if !ok1 || !ok2 || !ok3 || rest > math.MaxUint32 || len(sum) < crc32.Size {
			return corrupt("the index entry of block %d cannot be read", i)
		}
		at.rest, at.crc = uint32(rest), binary.BigEndian.Uint32(sum)
		index = sum[crc32.Size:]
		x.blocks[i] = at
		short := i < n-1 && length < minBlock
		if length == 0 || length > BlockSize || short {
			return corrupt("block %d has %d bytes", i, length)
		}
		if frames > length {
			return corrupt("block %d has %d frames", i, frames)
		}
		at.offset += int64(length)
		at.frames += frames
	}
	at.rest, at.crc = 0, 0
	x.blocks[n] = at
	if len(index) > 0 || at.offset != end || at.frames != x.footer.Frames {
		return corrupt("the index has %d frames to offset %d, the footer %d to %d", at.frames, at.offset, x.footer.Frames, end)
	}
	return nil
}

// uvarint cuts a varint off b. It must be as short as possible: an index has one form.
func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

// check compares each block with the next one: a record that goes on behind a block must
// go on there.
func (x *Index) check() error {
	if x.blocks[0].rest != 0 {
		return corrupt("the data begins inside a frame")
	}
	for i, b := range x.blocks[:x.footer.Blocks] {
		next := x.blocks[i+1]
		length, frames, rest := uint64(next.offset-b.offset), next.frames-b.frames, uint64(b.rest)
		switch {
		case rest >= length && (frames > 0 || uint64(next.rest) != rest-length):
			return corrupt("block %d is inside a frame, but does not continue it", i)
		case rest < length && (frames == 0 || rest+frames*frameHeader > length):
			return corrupt("block %d has no room for %d frames", i, frames)
		case next.rest > 0 && length < BlockSize:
			return corrupt("block %d ends inside a frame, but is not full", i)
		}
	}
	return nil
}

// Summary returns what the footer says of the object.
func (x *Index) Summary() Summary { return x.footer.Summary }
