package segment

import (
	"encoding/binary"
	"hash/crc32"
)

// cutter cuts data into blocks, and builds the index. Its memory is that of the index.
// Both [Writer] and [Verify] use it: what the latter expects is what the former does.
type cutter struct {
	// object is the CRC of all bytes so far.
	object uint32
	size   uint64
	frames uint64
	// header has the bytes of a frame's length that came so far, and rest what the
	// record under way lacks.
	header [frameHeader]byte
	have   int
	rest   uint64

	block entry
	index []byte
	count uint64
}

// entry is a block under way, and what its index entry will say.
type entry struct {
	length, frames, rest uint64
	crc                  uint32
}

func newCutter() *cutter {
	return &cutter{object: crc32.Checksum([]byte(magic), castagnoli)}
}

// add continues the data. It may be cut anywhere.
func (c *cutter) add(b []byte) {
	c.object = crc32.Update(c.object, castagnoli, b)
	c.size += uint64(len(b))
	// b[:at] is counted in the block, b[:sum] in its CRC: many small frames make for
	// one update.
	at, sum := 0, 0
	cut := func() {
		c.block.crc = crc32.Update(c.block.crc, castagnoli, b[sum:at])
		sum = at
		c.cut()
	}
	for at < len(b) {
		var n int
		if c.rest == 0 {
			if c.have == 0 {
				if c.block.length >= minBlock {
					cut()
				}
				c.block.frames++
				c.frames++
			}
			n = copy(c.header[c.have:], b[at:])
			if c.have += n; c.have == frameHeader {
				c.rest, c.have = uint64(binary.BigEndian.Uint32(c.header[:])), 0
			}
		} else {
			n = int(min(uint64(len(b)-at), c.rest, BlockSize-c.block.length))
			c.rest -= uint64(n)
		}
		at += n
		if c.block.length += uint64(n); c.block.length == BlockSize {
			cut()
		}
	}
	c.block.crc = crc32.Update(c.block.crc, castagnoli, b[sum:])
}

// cut ends a block.
func (c *cutter) cut() {
	e := c.block
	c.index = binary.AppendUvarint(c.index, e.length)
	c.index = binary.AppendUvarint(c.index, e.frames)
	c.index = binary.AppendUvarint(c.index, e.rest)
	c.index = binary.BigEndian.AppendUint32(c.index, e.crc)
	c.count++
	c.block = entry{rest: c.rest}
}

// torn reports whether the data ends inside a frame.
func (c *cutter) torn() bool { return c.rest > 0 || c.have > 0 }

// close ends the data, and returns the footer and, with it, the tail of the object. The
// data must not be torn, and the cutter not be used any more.
func (c *cutter) close(k Kind, segment uint64) (Footer, []byte) {
	if c.block.length > 0 {
		c.cut()
	}
	f := Footer{
		Summary: Summary{
			Kind: k, Segment: segment, Frames: c.frames,
			Blocks: int(c.count),
		},
		IndexSize: len(c.index),
		dataSize:  c.size,
		indexCRC:  crc32.Checksum(c.index, castagnoli),
	}
	f.End = f.position(c.size, c.frames)
	f.Size = f.size()
	tail := f.append(c.index, crc32.Update(c.object, castagnoli, c.index))
	f.CRC = binary.BigEndian.Uint32(tail[len(c.index)+atCRC:])
	return f, tail
}
