package dynamo

import "github.com/commoncurriculum/durable-streams-aws/pkg/stream"

// A write that ends a segment, or leaves something that the registry is to be told, leaves
// the attribute ended in the head's item, and every other write of the item removes it. So
// each of those is in exactly one record of the table's change stream.
const (
	ended        = "en"
	segmentEnded = "1"
	noticeOwed   = "2"
	endedAndOwed = "3"
)

// EndedFilter is the filter pattern of a Lambda event source mapping on the table's
// change stream that passes the records of writes that ended a segment, or began or ended
// a stream, and nothing else. [NameOfHead] tells of which stream they are, by the keys of
// the new image, and [ChangeOf] what they did.
const EndedFilter = `{"dynamodb":{"NewImage":{"` + ended + `":{"S":["` + segmentEnded + `","` + noticeOwed + `","` + endedAndOwed + `"]}}}}`

// ChangeAttribute is the attribute of a new image that [ChangeOf] reads, a string.
const ChangeAttribute = ended

// ChangeOf says what a write did: whether it ended a segment, and whether it left
// something that the registry is to be told ([stream.Notices]).
func ChangeOf(mark string) (ends, owes bool) {
	return mark == segmentEnded || mark == endedAndOwed, mark == noticeOwed || mark == endedAndOwed
}

// mark returns what a write that stores a head, and owes notices, leaves in the item; ""
// if nothing.
func mark(ends bool, owed []stream.Notice) string {
	switch {
	case ends && len(owed) > 0:
		return endedAndOwed
	case ends:
		return segmentEnded
	case len(owed) > 0:
		return noticeOwed
	default:
		return ""
	}
}

// ended reports whether the write that left the item so ended a segment.
func (f *fields) ended() bool {
	ends, _ := ChangeOf(f.text(ended))
	return ends
}
