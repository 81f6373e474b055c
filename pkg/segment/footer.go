package segment

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Where the parts of the footer are that are not simply one after the other.
const (
	atCRC       = 60
	atFooterCRC = 64
	atVersion   = 68
	atMagic     = 72
)

// Footer is what an object's last bytes say.
type Footer struct {
	Summary
	// IndexSize is the size of the index, which precedes the footer.
	IndexSize int

	dataSize uint64
	indexCRC uint32
}

// position returns the position behind so many bytes and frames.
func (f *Footer) position(size, frames uint64) uint64 {
	if f.Kind == Messages {
		return frames
	}
	return size - frameHeader*frames
}

// size returns the size of the object.
func (f *Footer) size() int64 {
	return int64(len(magic)) + int64(f.dataSize) + int64(f.IndexSize) + FooterSize
}

// append appends the footer to the index. It is given the CRC of the object up to there.
func (f *Footer) append(b []byte, object uint32) []byte {
	at := len(b)
	b = binary.BigEndian.AppendUint64(b, f.Segment)
	b = binary.BigEndian.AppendUint64(b, f.First)
	b = binary.BigEndian.AppendUint64(b, f.End)
	b = binary.BigEndian.AppendUint64(b, f.Frames)
	b = binary.BigEndian.AppendUint64(b, f.dataSize)
	b = binary.BigEndian.AppendUint64(b, uint64(f.IndexSize))
	b = binary.BigEndian.AppendUint32(b, uint32(f.Blocks))
	b = binary.BigEndian.AppendUint32(b, uint32(f.Kind))
	b = binary.BigEndian.AppendUint32(b, f.indexCRC)
	b = binary.BigEndian.AppendUint32(b, crc32.Update(object, castagnoli, b[at:]))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b[at:], castagnoli))
	b = binary.BigEndian.AppendUint32(b, Version)
	return append(b, magic...)
}

// ParseFooter reads the footer of an object, its last [FooterSize] bytes. It is for
// readers that must ask for the index separately; others go straight to [ParseTail].
//
// size is the length of the object. That it has parts of the sizes that the footer names
// is checked here. An error is an [ErrCorrupt] or a [*VersionError].
func ParseFooter(b []byte, size int64) (Footer, error) {
	if len(b) != FooterSize {
		return Footer{}, corrupt("a footer has %d bytes, not %d", FooterSize, len(b))
	}
	if string(b[atMagic:]) != magic {
		return Footer{}, corrupt("this is not the end of a segment")
	}
	// Before the CRC: what other versions keep there is not known.
	switch version := binary.BigEndian.Uint32(b[atVersion:]); version {
	case Version:
	case 0:
		return Footer{}, corrupt("there is no version 0")
	default:
		return Footer{}, &VersionError{Version: version}
	}
	if crc32.Checksum(b[:atFooterCRC], castagnoli) != binary.BigEndian.Uint32(b[atFooterCRC:]) {
		return Footer{}, corrupt("the footer was altered")
	}
	f := Footer{
		Summary: Summary{
			Segment: binary.BigEndian.Uint64(b),
			First:   binary.BigEndian.Uint64(b[8:]),
			End:     binary.BigEndian.Uint64(b[16:]),
			Frames:  binary.BigEndian.Uint64(b[24:]),
			Size:    size,
			CRC:     binary.BigEndian.Uint32(b[atCRC:]),
		},
		dataSize: binary.BigEndian.Uint64(b[32:]),
		indexCRC: binary.BigEndian.Uint32(b[56:]),
	}
	index := binary.BigEndian.Uint64(b[40:])
	blocks := uint64(binary.BigEndian.Uint32(b[48:]))
	switch kind := binary.BigEndian.Uint32(b[52:]); kind {
	case uint32(Bytes), uint32(Messages):
		f.Kind = Kind(kind)
	default:
		return Footer{}, corrupt("there is no kind %d", kind)
	}
	// Each of these is bounded before it is computed with: blocks have 32 bits, and all
	// the others depend on them.
	switch {
	case index < blocks*minEntry || index > min(blocks*maxEntry, math.MaxInt):
		return Footer{}, corrupt("%d blocks do not have an index of %d bytes", blocks, index)
	case blocks == 0 || f.dataSize <= (blocks-1)*minBlock || f.dataSize > blocks*BlockSize:
		return Footer{}, corrupt("%d blocks do not have %d bytes", blocks, f.dataSize)
	case f.Frames == 0 || f.Frames > f.dataSize/frameHeader:
		return Footer{}, corrupt("%d frames do not have %d bytes", f.Frames, f.dataSize)
	case f.First != 0 || f.End != f.position(f.dataSize, f.Frames):
		return Footer{}, corrupt("%d frames with %d bytes do not have the positions %d to %d", f.Frames, f.dataSize, f.First, f.End)
	}
	f.IndexSize, f.Blocks = int(index), int(blocks)
	if want := f.size(); want != size {
		return Footer{}, corrupt("the object has %d bytes, not %d", size, want)
	}
	return f, nil
}
