package segment

import (
	"encoding/binary"
	"hash/crc32"
)

// Decode turns the bytes of a span, read from the object, into the records from the
// position on that the span was made for. That position is first.
//
// The result is whole frames. Of kind [Messages], they are the messages that are whole in
// the span, in the memory of body. Of kind [Bytes], what the span has of a record that is
// cut, by the position or by the span's end, is a frame of its own; then all frames are
// copied once, and otherwise they are in the memory of body too. Decode does not change
// body.
//
// Every block is checked by its CRC, and the frames against the index. What is not as it
// was written, or not of this object, is an [ErrCorrupt], and never data.
func (x *Index) Decode(s Span, body []byte) (first uint64, frames []byte, err error) {
	if s.last >= len(x.blocks) {
		return 0, nil, corrupt("the span is not one of this object")
	}
	if err := x.checkBlocks(s, body); err != nil {
		return 0, nil, err
	}
	p, err := x.parts(s, body)
	if err != nil {
		return 0, nil, err
	}
	if frames = p.join(); len(frames) == 0 {
		return 0, nil, corrupt("the span has no record from position %d on", s.from)
	}
	return s.from, frames, nil
}

// checkBlocks checks that body is the blocks of a span.
func (x *Index) checkBlocks(s Span, body []byte) error {
	begin, end := x.blocks[s.first].offset, x.blocks[s.last].offset
	if s.Offset != begin || s.Length != end-begin || int64(len(body)) != s.Length {
		return corrupt("%d bytes were read at %d, not %d at %d", len(body), s.Offset, end-begin, begin)
	}
	for i := s.first; i < s.last; i++ {
		b := body[x.blocks[i].offset-begin : x.blocks[i+1].offset-begin]
		if crc32.Checksum(b, castagnoli) != x.blocks[i].crc {
			return corrupt("block %d was altered", i)
		}
	}
	return nil
}

// parts is what a span has from a position on: the rest of a record, frames, and the
// beginning of a record. The first and the last are without a header.
type parts struct {
	before, whole, after []byte
}

// parts walks through the frames of a span, which are not to be trusted: whoever made
// the data made its CRCs too.
func (x *Index) parts(s Span, body []byte) (parts, error) {
	b, end := x.blocks[s.first], x.blocks[s.last]
	messages := x.footer.Kind == Messages
	var p parts
	// skip is how far the position is from where the walk is.
	skip := s.from - x.position(s.first)
	at := int(min(uint64(b.rest), uint64(len(body))))
	rest, frames := uint64(b.rest)-uint64(at), b.frames
	if !messages {
		p.before, skip = after(body[:at], skip)
	}
	from, to := at, at
	for at < len(body) {
		if len(body)-at < frameHeader {
			return parts{}, corrupt("a frame's header is cut")
		}
		record, n := body[at+frameHeader:], uint64(binary.BigEndian.Uint32(body[at:]))
		record = record[:min(n, uint64(len(record)))]
		at += frameHeader + len(record)
		rest = n - uint64(len(record))
		frames++
		switch {
		case skip > 0 && messages:
			skip--
			from, to = at, at
		case skip > 0:
			p.before, skip = after(record, skip)
			from, to = at, at
		case rest == 0:
			to = at
		case !messages:
			p.after = record
		}
	}
	if frames != end.frames || rest != uint64(end.rest) {
		return parts{}, corrupt("the span has %d frames, and %d bytes of the last one are behind it: not as the index says", frames-b.frames, rest)
	}
	p.whole = body[from:to:to]
	return p, nil
}

// after drops up to n bytes from the front of b, and returns how many more to drop.
func after(b []byte, n uint64) ([]byte, uint64) {
	drop := min(n, uint64(len(b)))
	return b[drop:], n - drop
}

// join makes frames of the parts.
func (p parts) join() []byte {
	if len(p.before) == 0 && len(p.after) == 0 {
		return p.whole
	}
	frames := make([]byte, 0, len(p.before)+len(p.whole)+len(p.after)+2*frameHeader)
	frames = appendPart(frames, p.before)
	frames = append(frames, p.whole...)
	return appendPart(frames, p.after)
}

func appendPart(frames, record []byte) []byte {
	if len(record) == 0 {
		return frames
	}
	frames = binary.BigEndian.AppendUint32(frames, uint32(len(record)))
	return append(frames, record...)
}
