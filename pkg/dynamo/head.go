package dynamo

import (
	"encoding/binary"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// headVersion is the version of the layout of heads. A write of another version's
// head is refused by its condition.
const headVersion = 4

// The head item. Names are short because a write is billed by the whole item.
//
//	f    N   version of this layout
//	i    B   incarnation; a tombstone has none
//	v    N   version of the head
//	c    N   commits
//	m    S   media type of the content
//	ct   S   content type as the creator wrote it, if that is not m
//	t    N   created (ms)
//	l    N   TTL (ms), and
//	w    N   window: TTL and slack (ms); both only with a TTL
//	a    N   last commit or renewal (ms)
//	d    N   end of the window that began then (ms); without a TTL it means nothing
//	e    N   Expires-At (ms), if there is one
//	g    N   number of the tail's segment
//	n    N   messages in it
//	z    N   bytes in it
//	sl   BOOL  it takes no more records; absent if it does
//	en   S   what the write that left the item so did (ended.go); absent if nothing of that
//	cp   N   segments that are in objects; absent if none is
//	sa   N   what was staged then or before must not be linked (s); absent if nothing was
//	og   B   origin: the source's incarnation, place, anchor, sub (varints), and the source's
//	         name; absent if it is no fork
//	fk   N   forks; if there were some and are none any more, absent or 0
//	dl   BOOL  it was deleted, and forks need it; absent if not
//	nr   BOOL  the registry does not tell of it; absent if it does
//	bf   B   offset at which the buffer begins
//	b    L   buffer: for each entry its commit's id and its data (buffer.go)
//	bs   N   bytes of the frames in the buffer
//	p    M   producers: id to "epoch.seq@used", used in base 36
//	s    BOOL  others may have been spilled; absent if not
//	sc   N   how many have; absent if none is known to
//	q    S   Stream-Seq, if there is one
//	k    B   closed: the closing commit's id if it added nothing, epoch, seq, producer
//	r    L   commits that are remembered apart from the buffer's: id, tail
//	fl   N   all others were made then or before (µs); absent if there are none
//	u    L   burned commits: id, when (ms)
//	lk   S   shard of the index of names, and ln (S) the name in it (listing.go)
//
// Not part of the head, but of the item (works.go, notices.go):
//
//	x    B   the last life, in a tombstone
//	ow   BS  lives whose data is owed to the collector
//	wk   S   shard of the index of owed work, and
//	wd   N   when it is due (ms); both as long as there is ow
//	ro   L   what the registry is to be told (notices.go); absent if nothing
//	ttl  N   when DynamoDB may remove a tombstone (s)
//
// The tail's position is n in a JSON stream and z in any other, so a blind write that
// counts moves it.

// encodeHead returns the attributes of a name's head.
func encodeHead(name string, h *stream.Head) item {
	media := stream.MediaType(h.ContentType)
	it := item{
		"f":  number(headVersion),
		"i":  blob(h.Incarnation[:]),
		"v":  number(h.Version),
		"c":  number(h.Commits),
		"m":  text(media),
		"g":  number(h.Tail.Segment),
		"n":  number(h.SegmentCount),
		"z":  number(h.SegmentSize),
		"bf": offset(h.BufferFrom()),
		"bs": number(h.BufferSize),
		"p":  encodeProducers(h.Producers),
	}
	listHead(it, name)
	if !h.CreatedAt.IsZero() {
		it["t"] = millis(h.CreatedAt)
	}
	if h.ContentType != media {
		it["ct"] = text(h.ContentType)
	}
	if h.HasTTL {
		it["l"] = number(h.TTL.Milliseconds())
		it["w"] = number(h.Window().Milliseconds())
		it["d"] = millis(h.Deadline)
	}
	if !h.UsedAt.IsZero() {
		it["a"] = millis(h.UsedAt)
	}
	if !h.ExpiresAt.IsZero() {
		it["e"] = millis(h.ExpiresAt)
	}
	if h.Sealed {
		it["sl"] = yes()
	}
	if h.Ended {
		it[ended] = text(segmentEnded)
	}
	if h.Compacted > 0 {
		it["cp"] = number(h.Compacted)
	}
	if h.StagedAfter != 0 {
		it["sa"] = number(h.StagedAfter)
	}
	if h.Origin != nil {
		it["og"] = encodeOrigin(h.Origin)
	}
	if h.Forks > 0 {
		it["fk"] = number(h.Forks)
	}
	if h.Deleted {
		it["dl"] = yes()
	}
	if h.Unregistered {
		it["nr"] = yes()
	}
	if h.Spilled {
		it["s"] = yes()
	}
	if h.SpilledCount > 0 {
		it["sc"] = number(h.SpilledCount)
	}
	if h.Seq != "" {
		it["q"] = text(h.Seq)
	}
	if h.Closed {
		it["k"] = encodeClosed(0, h.ClosedBy)
	}
	it["b"], it["r"] = encodeBuffer(h.Buffer), encodeMarks(h.Recent)
	if !h.Forgotten.IsZero() {
		it["fl"] = micros(h.Forgotten)
	}
	it["u"] = encodeBurned(h.Burned)
	return it
}

// headAttributes are those that encodeHead may set.
var headAttributes = [...]string{
	"f", "i", "v", "c", "m", "ct", "t", "l", "w", "d", "a", "e", "g", "n", "z",
	"sl", ended, "cp", "sa", "og", "fk", "dl", "nr", "bf", "b", "bs", "p", "s", "sc", "q", "k", "r", "fl", "u", listKey, listSort,
}

// decodeHead returns the head in an item, or nil if there is none or only a
// tombstone.
func decodeHead(it item) (*stream.Head, error) {
	if it["i"] == nil {
		return nil, nil
	}
	f := &fields{item: it}
	if v := f.uint("f"); v != headVersion {
		return nil, corrupt("head of version %d, this program knows %d", v, headVersion)
	}
	h := &stream.Head{
		Incarnation:  f.incarnation("i"),
		Version:      f.uint("v"),
		Commits:      f.uint("c"),
		CreatedAt:    f.millis("t"),
		UsedAt:       f.millis("a"),
		Forgotten:    f.micros("fl"),
		SegmentCount: f.int("n"),
		SegmentSize:  f.int("z"),
		Sealed:       f.has("sl"),
		Ended:        f.ended(),
		Compacted:    f.uint("cp"),
		StagedAfter:  int64(f.int("sa")),
		Origin:       f.origin("og"),
		Forks:        f.int("fk"),
		Deleted:      f.has("dl"),
		Unregistered: f.has("nr"),
		BufferSize:   f.int("bs"),
		Seq:          f.text("q"),
		Spilled:      f.has("s"),
		SpilledCount: f.int("sc"),
	}
	h.ContentType = f.text("m")
	if f.has("ct") {
		h.ContentType = f.text("ct")
	}
	h.HasTTL, h.TTL, h.ExpiresAt = f.has("l"), f.duration("l"), f.millis("e")
	h.Deadline = h.ExpiresAt
	if h.HasTTL {
		h.Deadline = f.millis("d")
	}
	h.Tail = stream.Offset{Segment: f.uint("g"), Position: uint64(h.SegmentSize)}
	if h.Unit() == stream.Messages {
		h.Tail.Position = uint64(h.SegmentCount)
	}
	h.Producers = f.producers("p")
	f.buffer(h)
	f.closed(h)
	f.burned(h)
	return h, f.err
}

// HeadSize implements [stream.Heads]. It is what DynamoDB bills, but for what is owed, and
// for the 3 bytes of a count of forks that is 0 again.
func (s *Store) HeadSize(name string, h *stream.Head) int {
	size := ItemSize(headKey(name)) + ItemSize(encodeHead(name, h))
	if !h.HasTTL {
		size += attributeSize("d", millis(h.CreatedAt))
	}
	return size
}

// encodeClosed says who closed a stream. The commit's id is given if no entry of the
// buffer has it.
func encodeClosed(id stream.CommitID, by stream.ProducerTag) types.AttributeValue {
	b := binary.BigEndian.AppendUint64(nil, uint64(id))
	b = binary.AppendUvarint(b, by.Epoch)
	b = binary.AppendUvarint(b, by.Seq)
	return blob(append(b, by.ID...))
}

// closed reads who closed the stream. A commit that did nothing else left the tail
// where it still is.
func (f *fields) closed(h *stream.Head) {
	if h.Closed = f.has("k"); !h.Closed {
		return
	}
	r := &bytesReader{b: f.blob("k")}
	id := r.commit()
	h.ClosedBy = stream.ProducerTag{Producer: stream.Producer{Epoch: r.uint(), Seq: r.uint()}, ID: string(r.b)}
	if r.bad {
		f.fail("k", "it ends early")
	}
	if _, known := h.Remembers(id); id != 0 && !known {
		h.Recent = append(h.Recent, stream.CommitMark{ID: id, Tail: h.Tail})
	}
}

func encodeBurned(burned []stream.Burned) types.AttributeValue {
	all := make([]types.AttributeValue, 0, 2*len(burned))
	for _, b := range burned {
		at := binary.AppendUvarint(nil, uint64(b.At.UnixMilli()))
		all = append(all, identifier(b.ID), blob(at))
	}
	return list(all...)
}

func (f *fields) burned(h *stream.Head) {
	for _, pair := range f.pairs("u") {
		id, at := &bytesReader{b: pair[0]}, &bytesReader{b: pair[1]}
		h.Burned = append(h.Burned, stream.Burned{ID: id.commit(), At: time.UnixMilli(int64(at.uint())).UTC()})
		if id.bad || at.bad {
			f.fail("u", "an entry that cannot be read")
		}
	}
}
