package segment

import (
	"errors"
	"fmt"
	"hash/crc32"
)

const (
	// Version is the version of the format that this package writes, and the only one
	// that it reads.
	Version = 1
	// BlockSize is the size of a block, but for a few bytes. It is the least that a
	// reader fetches.
	BlockSize = 4096
	// FooterSize is the size of an object's footer, its last bytes.
	FooterSize = 80
)

const (
	magic = "DSSEGMNT"
	// frameHeader is the size of a frame's length.
	frameHeader = 4
	// minBlock is the least that a block has unless it is the last.
	minBlock = BlockSize - frameHeader
	// minEntry and maxEntry bound the size of an index entry: three varints, of a
	// block's length, of at most as many frames and of 32 bits, and a CRC.
	minEntry = 1 + 1 + 1 + crc32.Size
	maxEntry = 2 + 2 + 5 + crc32.Size
)

// castagnoli is read only. The processors that this runs on compute this CRC
// themselves.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Kind says what positions of a segment count. The numbers are stored.
type Kind uint8

const (
	// Bytes is a segment of a byte stream: positions count bytes, and records have no
	// meaning of their own. They may be cut.
	Bytes Kind = iota + 1
	// Messages is a segment whose positions count records, which stay whole.
	Messages
)

// ErrCorrupt says that something is not, or not all of, what a Writer wrote: it was
// truncated or altered, or is something else altogether.
var ErrCorrupt = errors.New("segment: corrupt")

// corrupt is an [ErrCorrupt] with what was found.
func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
}

// VersionError says that an object is of a version that this package cannot read. It is
// not an [ErrCorrupt]: a program that knows the version can read it.
type VersionError struct {
	Version uint32
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("segment: format version %d, but only %d is known", e.Version, Version)
}

// Summary describes a whole object.
type Summary struct {
	Kind Kind
	// Segment is the number that was given to [NewWriter].
	Segment uint64
	// First is the position of the first record, always 0 in this version. End is the
	// one behind the last.
	First, End uint64
	// Frames is the number of records, empty ones included.
	Frames uint64
	// Blocks is the number of blocks, which is what an [Index] takes memory for.
	Blocks int
	// Size is the length of the object.
	Size int64
	// CRC covers the object up to the place where it is stored in the footer. What
	// follows there is determined by what precedes it, so two objects with different
	// bytes have different CRCs as surely as CRCs differ.
	CRC uint32
}
