package stream

import (
	"encoding/hex"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"
	"time"
)

// Incarnation names one life of a stream. It is random, so a name that is
// deleted and created again shares no key with its earlier life.
type Incarnation [16]byte

// String returns the incarnation as 32 hexadecimal digits.
func (i Incarnation) String() string { return hex.EncodeToString(i[:]) }

// IsZero reports whether i names no life.
func (i Incarnation) IsZero() bool { return i == Incarnation{} }

// Config is what a creator chooses and what an idempotent create must match
// (PROTOCOL.md section 5.1). Times have millisecond precision.
type Config struct {
	// ContentType is as the creator wrote it, parameters included.
	ContentType string
	// TTL is the sliding window; HasTTL tells a window of zero from none.
	TTL    time.Duration
	HasTTL bool
	// ExpiresAt is the absolute end of the stream; zero means none.
	ExpiresAt time.Time
}

// Unit says what offsets of the stream count.
func (c Config) Unit() Unit {
	if MediaType(c.ContentType) == "application/json" {
		return Messages
	}
	return Bytes
}

// MediaType returns the type and subtype of a content type in lower case,
// without parameters: the form in which content types are compared.
func MediaType(contentType string) string {
	if isPlainMediaType(contentType) {
		return contentType
	}
	if t, _, err := mime.ParseMediaType(contentType); err == nil {
		return t
	}
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// isPlainMediaType reports whether a content type is in MediaType's form already,
// as nearly all are. Every append asks, so this must cost next to nothing.
func isPlainMediaType(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '/', c == '-', c == '+', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}

// Producer is the state of one idempotent producer (PROTOCOL.md section 5.2.1).
type Producer struct {
	Epoch uint64
	// Seq is the highest sequence number accepted in Epoch.
	Seq uint64
}

// Behind reports whether p is an earlier state than q. A producer's state only
// ever moves forward.
func (p Producer) Behind(q Producer) bool {
	return p.Epoch < q.Epoch || p.Epoch == q.Epoch && p.Seq < q.Seq
}

// ProducerTag is what a producer sends with each request.
type ProducerTag struct {
	ID string
	Producer
}

// Entry is a run of records in the head's buffer, written by one commit.
type Entry struct {
	// Commit is the one that wrote it; zero if that goes on with the next entry.
	Commit CommitID
	// From is the offset that readers held before the entry's first record, and
	// To the one after its last. From is in the segment before To's when the
	// entry is the first of a segment.
	From, To Offset
	Count    int
	Size     int
	// Frames holds the records, unless Staged names the item that does.
	Frames Frames
	Staged StagedID
}

// String is the entry in full, as a head's text has it.
func (e *Entry) String() string { return fmt.Sprintf("%+v", *e) }

// StagedCommit tells the parts of one append from those of others. It is random, and not
// the id of the commit that links them, which is made later.
type StagedCommit uint64

// StagedID names an item that was put before the commit that links it. The zero
// value means none.
type StagedID struct {
	// Commit is the same for all parts of an append.
	Commit StagedCommit
	Part   int
	// At is when it was put, in seconds since 1970, so that what nothing ever linked can
	// be told from what is about to be linked.
	At int64
	// Object says that it is an object ([Objects]) rather than an item of the driver.
	Object bool
}

// Head is the state of a stream: what decides every write, and the newest
// records. A Head that a [Driver] or a [Log] hands out is shared and immutable;
// [Head.Clone] makes one to change.
type Head struct {
	Incarnation Incarnation
	// Version grows by one with each change of the head within an incarnation.
	Version uint64
	Config
	CreatedAt time.Time
	// UsedAt is when the stream was last committed to, or its TTL renewed.
	UsedAt time.Time
	// Deadline is when the stream ends unless it is renewed; zero means never.
	Deadline time.Time

	// Tail is the offset after the last record.
	Tail Offset
	// SegmentCount and SegmentSize measure the records of Tail's segment.
	SegmentCount int
	SegmentSize  int
	// Sealed says that this segment takes no more records: the next append starts
	// another one, as it does when the segment is full.
	Sealed bool
	// Ended says that the write that stored this head ended a segment. Every other
	// write clears it, so a change feed can tell.
	Ended bool
	// Compacted is how many segments, from the first on, are in objects. A reader takes
	// their records from there.
	Compacted uint64
	// StagedAfter is a time ([StagedID.At]): what was staged then or before must not be
	// linked any more, because it may have been discarded. Zero means nothing was.
	StagedAfter int64

	// Origin is where a fork comes from; nil for other streams.
	Origin *Origin
	// Forks counts the forks that need this stream's data. Deleted says that it was
	// deleted all the same: it is gone for clients, and ends with the last fork.
	Forks   int
	Deleted bool
	// Unregistered says that the registry does not tell of this life: it began while there
	// was none, or is one itself.
	Unregistered bool

	Closed bool
	// ClosedBy is the producer request that closed the stream; its ID is empty
	// if the request had no producer.
	ClosedBy ProducerTag
	// Seq is the last Stream-Seq; its scope is the stream. Empty means none yet.
	Seq string

	// Producers holds the producers that wrote most recently. Spilled says that
	// others may have been moved to items of their own, and SpilledCount how many
	// have (fewer, if that was before it was counted).
	Producers    map[string]HeldProducer
	Spilled      bool
	SpilledCount int

	// Commits counts the commits of this incarnation. The head remembers the last few
	// of them: those whose entries are in the buffer, and in Recent, oldest first, some
	// before these, and one that only closed the stream. Of the others Forgotten knows
	// that they were made then or before (recent.go); zero means that there are none.
	// Burned lists attempts that must not apply.
	Commits   uint64
	Recent    []CommitMark
	Forgotten time.Time
	Burned    []Burned

	// Buffer holds the newest records, oldest first; each entry's From is the
	// To of the one before it, and the last To is Tail. Heads share entries, which are
	// immutable: every append makes a head. BufferSize is the sum of the lengths of
	// their frames.
	Buffer     []*Entry
	BufferSize int
}

// HeldProducer is a producer in the head.
type HeldProducer struct {
	Producer
	// Used is when the producer wrote last, in seconds since 1970; the one used
	// longest ago is spilled first.
	Used uint64
}

// Clone returns a copy that can be changed without anybody noticing. Entries are
// shared: they are immutable. It is the beginning of another write than the one that
// may have ended a segment.
func (h *Head) Clone() *Head {
	c := *h
	c.Ended = false
	c.Producers = maps.Clone(h.Producers)
	c.Burned = slices.Clone(h.Burned)
	c.Recent = slices.Clone(h.Recent)
	// Most clones are made to add a commit.
	c.Buffer = withRoom(h.Buffer)
	return &c
}

// withRoom returns a copy with room for another element. Not even what is empty is
// shared: a trim leaves room behind it, into which two clones would both append.
func withRoom[E any](s []E) []E {
	if len(s) == 0 {
		return nil
	}
	return append(make([]E, 0, len(s)+1), s...)
}

// BufferFrom is the offset at which the buffer begins: records before it are in
// chunks or segments.
func (h *Head) BufferFrom() Offset {
	if len(h.Buffer) == 0 {
		return h.Tail
	}
	return h.Buffer[0].From
}

// Expired reports whether the stream's life is over at now.
func (h *Head) Expired(now time.Time) bool {
	return !h.Deadline.IsZero() && !now.Before(h.Deadline)
}
