package segment

import "sort"

// Span is a range of an object: some whole blocks. [Index.Blocks] makes it.
type Span struct {
	// Offset and Length are the range's bytes in the object.
	Offset, Length int64
	// from is the position that was asked for, first and last are the blocks; last is
	// not part of it any more.
	from        uint64
	first, last int
}

// Blocks returns which range of the object to read for about limit bytes of records from
// a position on. ok is false if the position is not before the segment's end.
//
// Of kind [Bytes], the range has more than limit bytes, unless the segment ends: so
// whoever takes limit of them knows what comes next, and can cut between characters.
// Empty records at the position itself may be missing, as no position tells them apart.
//
// Of kind [Messages], the range has the first message, however large, and those after it
// that fit into limit bytes with it. So if what Decode makes of it has less than limit
// bytes and does not reach the segment's end, the next message does not fit.
//
// Either way it has less than two blocks' records more than that. It takes a few binary
// searches, and allocates nothing.
func (x *Index) Blocks(from uint64, limit int) (s Span, ok bool) {
	if from >= x.footer.End {
		return Span{}, false
	}
	// Where several blocks have the same position, the last has what comes next.
	first := x.search(1, func(_ block, i int) bool { return x.position(i) > from }) - 1
	b, next := x.blocks[first], x.blocks[first+1]
	start := from
	if x.footer.Kind == Messages {
		// Where in its block a message is only the data tells. The end of the block is
		// not before it.
		if start = next.payload(); from == b.frames {
			start = b.payload() + uint64(b.rest)
		}
	}
	end := start + uint64(max(limit, 0))
	last := x.search(first+1, func(b block, _ int) bool { return b.payload() > end })
	if x.footer.Kind == Messages {
		if from+1 == next.frames {
			end := next.offset + int64(next.rest)
			last = max(last, x.search(first+1, func(b block, _ int) bool { return b.offset >= end }))
		}
		last = x.whole(last)
	}
	return Span{Offset: b.offset, Length: x.blocks[last].offset - b.offset, from: from, first: first, last: last}, true
}

// position returns where block i begins.
func (x *Index) position(i int) uint64 {
	if x.footer.Kind == Messages {
		return x.blocks[i].frames
	}
	return x.blocks[i].payload()
}

// whole returns the end of the blocks that have the messages which end before a block:
// of one that goes on in it, what precedes it is of no use.
func (x *Index) whole(last int) int {
	if x.blocks[last].rest == 0 {
		return last
	}
	cut := x.blocks[last].frames - 1
	i := x.search(1, func(b block, _ int) bool { return b.frames > cut }) - 1
	if b := x.blocks[i]; b.frames == cut && b.rest == 0 {
		// It begins where the block does.
		return i
	}
	return i + 1
}

// search returns the first block from i on of which ok is true, or the end of the data.
func (x *Index) search(i int, ok func(b block, i int) bool) int {
	n := x.footer.Blocks - i
	return i + sort.Search(n, func(k int) bool { return ok(x.blocks[i+k], i+k) })
}
