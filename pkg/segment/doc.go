// Package segment is the format of the objects that hold one sealed segment of a
// stream: immutable, written once, and read in small ranges.
//
// It knows bytes only. Where an object is stored, and under which name, is its
// callers' business.
//
//   - [Writer] writes an object, front to back.
//   - [ParseTail] reads the end of one into an [Index]. [Index.Blocks] says which range
//     of the object a reader needs, and [Index.Decode] turns that range into records.
//   - [Verify] reads a whole object and checks all of it.
//
// # Layout
//
// Integers of fixed size are big-endian, varints are as in [binary.AppendUvarint], in
// as few bytes as possible, and every CRC is CRC32C (Castagnoli).
//
//	offset   size  part
//	0        8     magic, "DSSEGMNT"
//	8        D     data
//	8+D      I     index
//	8+D+I    80    footer
//
// Data is the segment's records as frames, one after the other without gaps:
//
//	size  part of a frame
//	4     length N of the record
//	N     the record
//
// # Blocks
//
// Data is cut into blocks, and not along records: one large record spans many blocks,
// and who needs a part of it reads only the blocks that have that part. A block ends
// where it has 4096 bytes. It ends earlier where a frame begins of which it would have
// only the header or less, which is at its byte 4092 or later. So a header is never cut,
// and never parted from its record's first byte. Only the last block is shorter.
//
// The cuts follow from the data: the same records make the same object, byte by byte,
// however they were handed to the Writer.
//
// # Index
//
// One entry for each block, in order:
//
//	size    part of an entry
//	varint  length of the block
//	varint  frames: how many frames begin in the block
//	varint  rest: how many bytes from the block's start until a frame begins, or data
//	        ends; 0 if one begins right there. More than the block has, where a record
//	        goes on behind it
//	4       CRC of the block
//
// What precedes a block is the sum of the entries before its own. A position counts, in
// a segment of kind [Messages], the frames; in one of kind [Bytes], the bytes without
// frame headers, which is the length minus four for each frame.
//
// # Footer
//
//	offset  size  part
//	0       8     number of the segment
//	8       8     first position; 0 in this version
//	16      8     next position: where the segment ends
//	24      8     number of frames
//	32      8     D, length of the data
//	40      8     I, length of the index
//	48      4     number of blocks
//	52      4     kind: 1 is Bytes, 2 is Messages
//	56      4     CRC of the index
//	60      4     CRC of the object from its first byte up to here: the magic, the data,
//	              the index, and bytes 0 to 59 of the footer
//	64      4     CRC of bytes 0 to 63 of the footer
//	68      4     version of the format, 1
//	72      8     magic again
//
// Every version begins with the magic and ends with its own number and the magic, so
// that a program can say which one it does not know. All else may change with the
// version.
package segment
