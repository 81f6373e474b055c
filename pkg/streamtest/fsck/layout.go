package fsck

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// layout is where the records of a stream are, put together from all copies.
// Entries must be placed in the order of their ends.
type layout struct {
	unit stream.Unit
	// placed holds the records in order, without copies.
	placed []placed
	// end is the offset after the last of them.
	end stream.Offset
}

type placed struct {
	at     stream.Offset // in the record's own segment
	record []byte
}

func newLayout(u stream.Unit) *layout { return &layout{unit: u} }

// advance is how far a record moves an offset.
func (l *layout) advance(record []byte) uint64 {
	if l.unit == stream.Messages {
		return 1
	}
	return uint64(len(record))
}

// place adds the records of an entry that continues or repeats what is there.
func (l *layout) place(e stream.Entry, frames stream.Frames) error {
	if !e.From.Before(e.To) {
		return fmt.Errorf("entry from %v to %v is empty or reversed", e.From, e.To)
	}
	at := e.From
	if e.From.Segment != e.To.Segment {
		if e.To.Segment != e.From.Segment+1 {
			return fmt.Errorf("entry from %v to %v skips a segment", e.From, e.To)
		}
		at = stream.Offset{Segment: e.To.Segment}
	}
	if l.end.Before(e.From) {
		lost := l.end
		l.end = e.From // once is enough
		return fmt.Errorf("records from %v to %v are lost", lost, e.From)
	}
	// An entry that begins a segment names the end of the one before; it must be
	// the real end, or somebody who stands there would see a gap.
	if i := l.index(at); e.From.Segment != e.To.Segment && i > 0 {
		if last := l.after(i - 1); last != e.From {
			return fmt.Errorf("entry to %v continues %v, but the segment before ends at %v", e.To, e.From, last)
		}
	}
	count, size := 0, 0
	for record, err := range frames.Records() {
		if err != nil {
			return fmt.Errorf("entry to %v: %w", e.To, err)
		}
		if err := l.put(at, record); err != nil {
			return err
		}
		count++
		size += len(record)
		at.Position += l.advance(record)
	}
	if at != e.To {
		return fmt.Errorf("the records of the entry from %v to %v end at %v", e.From, e.To, at)
	}
	if count != e.Count || size != e.Size {
		return fmt.Errorf("entry to %v says %d records with %d bytes, but has %d with %d", e.To, e.Count, e.Size, count, size)
	}
	return nil
}

// put adds one record, or compares it with the copy that is there.
func (l *layout) put(at stream.Offset, record []byte) error {
	i := l.index(at)
	if i < len(l.placed) {
		if l.placed[i].at != at {
			return fmt.Errorf("a record at %v falls inside another copy", at)
		}
		if !bytes.Equal(l.placed[i].record, record) {
			return fmt.Errorf("two copies of the record at %v differ: %.60q and %.60q", at, l.placed[i].record, record)
		}
		return nil
	}
	l.placed = append(l.placed, placed{at, record})
	l.end = stream.Offset{Segment: at.Segment, Position: at.Position + l.advance(record)}
	return nil
}

// index returns where the record at an offset is or belongs.
func (l *layout) index(at stream.Offset) int {
	i, _ := slices.BinarySearchFunc(l.placed, at, func(p placed, at stream.Offset) int { return p.at.Compare(at) })
	return i
}

// after is the offset after a placed record.
func (l *layout) after(i int) stream.Offset {
	p := l.placed[i]
	return stream.Offset{Segment: p.at.Segment, Position: p.at.Position + l.advance(p.record)}
}

// checkTail compares the end of what was found with what the head says.
func (l *layout) checkTail(h *stream.Head) error {
	if l.end != h.Tail {
		return fmt.Errorf("the records end at %v, but the tail is %v", l.end, h.Tail)
	}
	count, size := 0, 0
	for _, p := range l.placed {
		if p.at.Segment == h.Tail.Segment {
			count++
			size += len(p.record)
		}
	}
	if h.Origin != nil && h.Tail == h.Origin.At {
		// A fork without records of its own knows only one of the two.
		if l.unit == stream.Messages {
			size = h.SegmentSize
		} else {
			count = h.SegmentCount
		}
	}
	if count != h.SegmentCount || size != h.SegmentSize {
		return fmt.Errorf("the head says that segment %d has %d records with %d bytes, but it has %d with %d",
			h.Tail.Segment, h.SegmentCount, h.SegmentSize, count, size)
	}
	return nil
}

func (l *layout) records() [][]byte {
	records := make([][]byte, len(l.placed))
	for i, p := range l.placed {
		records[i] = p.record
	}
	return records
}
