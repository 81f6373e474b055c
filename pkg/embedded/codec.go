package embedded

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Values begin with a version byte. Integers are unsigned varints, times are
// milliseconds since 1970 plus one (0 means none), strings and lists are preceded
// by their length.
//
//	head      5, incarnation (16 bytes), version, content type, flags, TTL (ms),
//	          expires at, created at, used at, deadline, tail, segment count,
//	          segment size, segments compacted, staged after (s),
//	          origin (source name, incarnation, at, anchor, sub) if it has one, forks,
//	          closed by (id, epoch, seq), Stream-Seq, commits,
//	          producers (id, epoch, seq, used)*, recent (id, tail)*, forgotten (µs),
//	          burned (id, at)*, spilled producers (if flagged)
//	run       5, from, to, count, size, commit (0 in chunks), staged (commit, part, at (s),
//	          object), frames to the end (buffer entries and chunks)
//	producer  5, epoch, seq
//	manifest  5, segment, from, to, count, object, size, CRC, tail
//	lineage   5, source name, incarnation, ranges (name, incarnation, to)*
//	fork      5, name
//	work      5, name
//	notices   5, (incarnation, over, content type, created at (ms))*
//	cursor    5, value
//	staged    frames as they are: they carry their own lengths
//	index     nothing: it is all in the key
const valueVersion = 5

const (
	flagTTL = 1 << iota
	flagClosed
	flagSpilled
	flagSealed
	flagEnded
	flagDeleted
	flagOrigin
	flagUnregistered
	flagSpilledCount
)

// errCorrupt says that a stored value cannot be read.
var errCorrupt = fmt.Errorf("embedded: stored value is corrupt: %w", stream.ErrDamaged)

type encoder struct{ b []byte }

func newEncoder(size int) *encoder {
	e := &encoder{b: make([]byte, 0, size)}
	e.b = append(e.b, valueVersion)
	return e
}

func (e *encoder) uint(n uint64) { e.b = binary.AppendUvarint(e.b, n) }
func (e *encoder) int(n int)     { e.uint(uint64(n)) }
func (e *encoder) string(s string) {
	e.int(len(s))
	e.b = append(e.b, s...)
}
func (e *encoder) bool(v bool) {
	if v {
		e.uint(1)
	} else {
		e.uint(0)
	}
}
func (e *encoder) offset(o stream.Offset) {
	e.uint(o.Segment)
	e.uint(o.Position)
}
func (e *encoder) life(l stream.Life) {
	e.string(l.Name)
	e.b = append(e.b, l.Incarnation[:]...)
}
func (e *encoder) time(t time.Time)   { e.instant(t, t.UnixMilli()) }
func (e *encoder) micros(t time.Time) { e.instant(t, t.UnixMicro()) }

// instant appends a time, which is so many units since 1970.
func (e *encoder) instant(t time.Time, units int64) {
	if t.IsZero() {
		e.uint(0)
		return
	}
	e.uint(uint64(units) + 1)
}

// decoder reads what an encoder wrote. After an error it returns zeros.
type decoder struct {
	b   []byte
	err error
}

func newDecoder(value []byte, what string) *decoder {
	d := &decoder{b: value}
	if len(value) == 0 || value[0] != valueVersion {
		d.err = fmt.Errorf("%w: %s of unknown version", errCorrupt, what)
		return d
	}
	d.b = value[1:]
	return d
}

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}
func (d *decoder) int() int { return int(d.uint()) }
func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}
func (d *decoder) string() string { return string(d.bytes(d.uint())) }
func (d *decoder) offset() stream.Offset {
	return stream.Offset{Segment: d.uint(), Position: d.uint()}
}
func (d *decoder) life() (l stream.Life) {
	l.Name = d.string()
	copy(l.Incarnation[:], d.bytes(uint64(incarnationSize)))
	return l
}
func (d *decoder) time() time.Time   { return d.instant(time.UnixMilli) }
func (d *decoder) micros() time.Time { return d.instant(time.UnixMicro) }

// instant reads a time in units that of turns into one.
func (d *decoder) instant(of func(units int64) time.Time) time.Time {
	n := d.uint()
	if n == 0 {
		return time.Time{}
	}
	return of(int64(n - 1)).UTC()
}

// count reads the length of a list, which cannot be more than what is left.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}
func (d *decoder) fail() {
	if d.err == nil {
		d.err = fmt.Errorf("%w: it ends early", errCorrupt)
	}
	d.b = nil
}

func encodeHead(h *stream.Head) []byte {
	e := newEncoder(256 + 48*len(h.Producers) + len(h.ContentType) + len(h.Seq))
	e.b = append(e.b, h.Incarnation[:]...)
	e.uint(h.Version)
	e.string(h.ContentType)
	e.uint(headFlags(h))
	e.uint(uint64(h.TTL.Milliseconds()))
	e.time(h.ExpiresAt)
	e.time(h.CreatedAt)
	e.time(h.UsedAt)
	e.time(h.Deadline)
	e.offset(h.Tail)
	e.int(h.SegmentCount)
	e.int(h.SegmentSize)
	e.uint(h.Compacted)
	e.uint(uint64(h.StagedAfter))
	if o := h.Origin; o != nil {
		e.life(o.Source)
		e.offset(o.At)
		e.offset(o.Anchor)
		e.uint(o.Sub)
	}
	e.int(h.Forks)
	e.string(h.ClosedBy.ID)
	e.uint(h.ClosedBy.Epoch)
	e.uint(h.ClosedBy.Seq)
	e.string(h.Seq)
	e.uint(h.Commits)
	e.int(len(h.Producers))
	for id, p := range h.Producers {
		e.string(id)
		e.uint(p.Epoch)
		e.uint(p.Seq)
		e.uint(p.Used)
	}
	e.int(len(h.Recent))
	for _, m := range h.Recent {
		e.uint(uint64(m.ID))
		e.offset(m.Tail)
	}
	e.micros(h.Forgotten)
	e.int(len(h.Burned))
	for _, b := range h.Burned {
		e.uint(uint64(b.ID))
		e.time(b.At)
	}
	if h.SpilledCount > 0 {
		e.int(h.SpilledCount)
	}
	return e.b
}

func headFlags(h *stream.Head) (flags uint64) {
	set := func(flag uint64, is bool) {
		if is {
			flags |= flag
		}
	}
	set(flagTTL, h.HasTTL)
	set(flagClosed, h.Closed)
	set(flagSpilled, h.Spilled)
	set(flagSealed, h.Sealed)
	set(flagEnded, h.Ended)
	set(flagDeleted, h.Deleted)
	set(flagOrigin, h.Origin != nil)
	set(flagUnregistered, h.Unregistered)
	set(flagSpilledCount, h.SpilledCount > 0)
	return flags
}

func decodeHead(value []byte) (*stream.Head, error) {
	d := newDecoder(value, "head")
	h := &stream.Head{}
	copy(h.Incarnation[:], d.bytes(uint64(len(h.Incarnation))))
	h.Version = d.uint()
	h.ContentType = d.string()
	flags := d.uint()
	h.HasTTL = flags&flagTTL != 0
	h.Closed = flags&flagClosed != 0
	h.Spilled = flags&flagSpilled != 0
	h.Sealed = flags&flagSealed != 0
	h.Ended = flags&flagEnded != 0
	h.Deleted = flags&flagDeleted != 0
	h.Unregistered = flags&flagUnregistered != 0
	h.TTL = time.Duration(d.uint()) * time.Millisecond
	h.ExpiresAt = d.time()
	h.CreatedAt = d.time()
	h.UsedAt = d.time()
	h.Deadline = d.time()
	h.Tail = d.offset()
	h.SegmentCount = d.int()
	h.SegmentSize = d.int()
	h.Compacted = d.uint()
	h.StagedAfter = int64(d.uint())
	if flags&flagOrigin != 0 {
		h.Origin = &stream.Origin{Source: d.life(), At: d.offset(), Anchor: d.offset(), Sub: d.uint()}
	}
	h.Forks = d.int()
	h.ClosedBy.ID = d.string()
	h.ClosedBy.Epoch = d.uint()
	h.ClosedBy.Seq = d.uint()
	h.Seq = d.string()
	h.Commits = d.uint()
	if n := d.count(); n > 0 {
		h.Producers = make(map[string]stream.HeldProducer, n)
		for range n {
			id := d.string()
			h.Producers[id] = stream.HeldProducer{Producer: stream.Producer{Epoch: d.uint(), Seq: d.uint()}, Used: d.uint()}
		}
	}
	for range d.count() {
		h.Recent = append(h.Recent, stream.CommitMark{ID: stream.CommitID(d.uint()), Tail: d.offset()})
	}
	h.Forgotten = d.micros()
	for range d.count() {
		h.Burned = append(h.Burned, stream.Burned{ID: stream.CommitID(d.uint()), At: d.time()})
	}
	if flags&flagSpilledCount != 0 {
		h.SpilledCount = d.int()
	}
	return h, d.err
}
