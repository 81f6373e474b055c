package dynamo

import (
	"encoding/binary"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// An entry of the buffer is two elements of the list b, its commit's id and its data;
// so "the buffer contains this id" is a condition that DynamoDB can check. An entry
// whose commit ends with a later entry has the id 0. Its offsets follow from where
// the buffer begins. A chunk's records are stored as the same data.
//
//	data  flags (1 byte), then
//	      frames to the end, or if it links a staged item:
//	      count, size (varints), commit of the staged item (8 bytes), its part, and
//	      when it was put (s; varints)
const (
	flagLink    = 1 << iota // the records are in a staged item
	flagSegment             // the entry begins the next segment
	flagObject              // and these are an object
)

// appendData appends an entry's data.
func appendData(b []byte, e stream.Entry, beginsSegment bool) []byte {
	var flags byte
	if beginsSegment {
		flags |= flagSegment
	}
	if e.Staged == (stream.StagedID{}) {
		return append(append(b, flags), e.Frames...)
	}
	flags |= flagLink
	if e.Staged.Object {
		flags |= flagObject
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(e.Count))
	b = binary.AppendUvarint(b, uint64(e.Size))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Staged.Commit))
	b = binary.AppendUvarint(b, uint64(e.Staged.Part))
	return binary.AppendUvarint(b, uint64(e.Staged.At))
}

// parseData returns the entry with this data that begins at an offset.
func parseData(data []byte, from stream.Offset, unit stream.Unit) (stream.Entry, error) {
	if len(data) == 0 {
		return stream.Entry{}, corrupt("an entry without data")
	}
	flags, e := data[0], stream.Entry{From: from, To: from}
	if flags&flagLink == 0 {
		e.Frames = data[1:]
		for record, err := range e.Frames.Records() {
			if err != nil {
				return e, corrupt("an entry at %v: %v", from, err)
			}
			e.Count++
			e.Size += len(record)
		}
	} else {
		r := &bytesReader{b: data[1:]}
		e.Count, e.Size = int(r.uint()), int(r.uint())
		e.Staged = stream.StagedID{Commit: stream.StagedCommit(r.commit()), Part: int(r.uint()), At: int64(r.uint()), Object: flags&flagObject != 0}
		if r.bad || len(r.b) > 0 || e.Count < 0 || e.Size < 0 || e.Staged.Part < 0 || e.Staged.At < 0 || e.Staged.Commit == 0 {
			return e, corrupt("the link of an entry at %v", from)
		}
	}
	if flags&flagSegment != 0 {
		e.To = stream.Offset{Segment: from.Segment + 1}
	}
	if unit == stream.Messages {
		e.To.Position += uint64(e.Count)
	} else {
		e.To.Position += uint64(e.Size)
	}
	return e, nil
}

// encodeBuffer returns the attribute b: the entries with the ids of their commits.
func encodeBuffer(buffer []*stream.Entry) types.AttributeValue {
	entries := make([]types.AttributeValue, 0, 2*len(buffer))
	for _, e := range buffer {
		data := appendData(nil, *e, e.From.Segment != e.To.Segment)
		entries = append(entries, identifier(e.Commit), blob(data))
	}
	return list(entries...)
}

func encodeMarks(marks []stream.CommitMark) types.AttributeValue {
	all := make([]types.AttributeValue, 0, 2*len(marks))
	for _, m := range marks {
		all = append(all, identifier(m.ID), offset(m.Tail))
	}
	return list(all...)
}

// buffer reads the attributes b and r into a head whose other fields have been read.
func (f *fields) buffer(h *stream.Head) {
	at, unit := f.offset("bf"), h.Unit()
	for _, pair := range f.pairs("b") {
		id := &bytesReader{b: pair[0]}
		e, err := parseData(pair[1], at, unit)
		e.Commit = id.commit()
		if err != nil || id.bad {
			f.fail("b", "an entry that cannot be read")
			return
		}
		h.Buffer = append(h.Buffer, &e)
		at = e.To
	}
	if at != h.Tail {
		f.fail("b", "it does not end at the tail")
		return
	}
	for _, pair := range f.pairs("r") {
		id, tail := &bytesReader{b: pair[0]}, &bytesReader{b: pair[1]}
		h.Recent = append(h.Recent, stream.CommitMark{ID: id.commit(), Tail: tail.offset()})
		if id.bad || tail.bad {
			f.fail("r", "a mark that cannot be read")
		}
	}
}
