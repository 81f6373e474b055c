package fsck

import (
	"bytes"
	"fmt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// chain is how far the records of a stream were found to reach, run by run.
type chain struct {
	unit stream.Unit
	// end is the offset after the last record, begin what precedes the first one of its
	// segment.
	begin, end stream.Offset
	// count and size measure the segment of end, records and bytes everything.
	count, size    int64
	records, bytes int64
	// lost says that something of the segment of end is missing, and with it the measures;
	// open that not even end is known: what follows may begin anywhere behind it.
	lost, open bool
}

// extend adds records that begin where the chain ends, or begin the next segment.
func (c *chain) extend(to stream.Offset, count, size int64) {
	if to.Segment != c.end.Segment {
		c.begin, c.count, c.size, c.lost = c.end, 0, 0, false
	}
	c.end, c.open = to, false
	c.count += count
	c.size += size
	c.records += count
	c.bytes += size
}

// jump goes on behind something that is missing.
func (c *chain) jump(to stream.Offset) {
	if to.Segment != c.end.Segment {
		c.begin, c.count, c.size = c.end, 0, 0
	}
	c.end, c.lost, c.open = to, true, false
}

// run is some records that a chunk, a buffer entry or an object holds.
type run struct {
	// what names it, for messages.
	what string
	// from and to are as in [stream.Entry].
	from, to stream.Offset
	frames   stream.Frames
}

// first is the offset of the first record in its own segment.
func (r *run) first() stream.Offset {
	if r.from.Segment != r.to.Segment {
		return stream.Offset{Segment: r.to.Segment}
	}
	return r.from
}

// check reports what is wrong with an entry by itself, if it has these frames.
func (r *run) check(e stream.Entry, u stream.Unit) error {
	switch {
	case !r.from.Before(r.to):
		return fmt.Errorf("%s from %v is empty or reversed", r.what, r.from)
	case r.to.Segment > r.from.Segment+1:
		return fmt.Errorf("%s from %v skips a segment", r.what, r.from)
	}
	count, size := 0, 0
	for record, err := range r.frames.Records() {
		if err != nil {
			return fmt.Errorf("%s: %w", r.what, err)
		}
		count++
		size += len(record)
	}
	if count != e.Count || size != e.Size {
		return fmt.Errorf("%s says %d records with %d bytes, but has %d with %d", r.what, e.Count, e.Size, count, size)
	}
	end := r.first()
	end.Position += advance(u, count, size)
	if end != r.to {
		return fmt.Errorf("the records of %s from %v end at %v", r.what, r.from, end)
	}
	return nil
}

// advance is how far records move an offset.
func advance(u stream.Unit, count, size int) uint64 {
	if u == stream.Messages {
		return uint64(count)
	}
	return uint64(size)
}

// piece calls do for the records of sound frames from one position on up to another,
// both counted from the first record. Records of byte streams are cut there.
func piece(f stream.Frames, u stream.Unit, from, to uint64, do func(record []byte)) {
	at := uint64(0)
	for record := range f.Records() {
		next := at + advance(u, 1, len(record))
		if at >= to {
			return
		}
		if next > from {
			if u == stream.Bytes {
				record = record[max(from, at)-at : min(to, next)-at]
			}
			do(record)
		}
		at = next
	}
}

// flat returns a piece of frames in a form in which two copies are equal if they hold the
// same: records of byte streams have no bounds that anybody could observe.
func flat(f stream.Frames, u stream.Unit, from, to uint64) []byte {
	var all []byte
	piece(f, u, from, to, func(record []byte) {
		if u == stream.Messages {
			all = stream.AppendFrame(all, record)
		} else {
			all = append(all, record...)
		}
	})
	return all
}

// compare reports where two runs of a segment hold different records.
func compare(a, b *run, u stream.Unit) error {
	low, high := max(a.first().Position, b.first().Position), min(a.to.Position, b.to.Position)
	if low >= high {
		return nil
	}
	x := flat(a.frames, u, low-a.first().Position, high-a.first().Position)
	y := flat(b.frames, u, low-b.first().Position, high-b.first().Position)
	if bytes.Equal(x, y) {
		return nil
	}
	at := stream.Offset{Segment: a.to.Segment, Position: low}
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	return fmt.Errorf("two copies of the records from %v on differ: %s has %.40q at byte %d, %s %.40q", at, a.what, x[n:], n, b.what, y[n:])
}
