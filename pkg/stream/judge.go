package stream

import "time"

// Append is a request to append records, to close the stream, or both
// (PROTOCOL.md sections 5.2 and 5.3).
type Append struct {
	// ContentType of the records; ignored if there are none.
	ContentType string
	Records     Records
	// Producer is nil unless the request came with producer headers.
	Producer *ProducerTag
	// Seq is the request's Stream-Seq; empty means none.
	Seq string
	// Close closes the stream with this append. Without records it only closes.
	Close bool
}

// Verdict is what the rules say of an append.
type Verdict struct {
	// Err is why the append is refused; nil if it is accepted or a duplicate.
	Err error
	// Duplicate says that the append has been applied before, or asks for what is
	// already so. It succeeds without any change.
	Duplicate bool
	// Slow says why an accepted append cannot be part of a blind commit.
	Slow Slow
	// Producer is the producer's state after an accepted or duplicate append.
	Producer Producer
}

// Accepted reports whether the append is to be applied.
func (v Verdict) Accepted() bool { return v.Err == nil && !v.Duplicate }

// Slow is a set of reasons to leave the fast path. A blind conditional write can
// check and add, but it cannot look at what it replaces; these cases need that.
type Slow uint8

const (
	// SlowSeal: the segment is full or sealed, so the append starts the next one.
	SlowSeal Slow = 1 << iota
	// SlowEpoch: the producer starts a new epoch.
	SlowEpoch
	// SlowRoom: the buffer has no room, so it is flushed first.
	SlowRoom
	// SlowSpilled: the producer is not in the head and others were spilled, so
	// its state must be fetched before the append can be judged at all.
	SlowSpilled
	// SlowProducer: the producer is new to a head that has no place for it.
	SlowProducer
	// SlowClock: the committer's clock is so far behind that renewing the TTL
	// would shorten the stream's life.
	SlowClock
)

// Judge decides whether an append may be applied to a head. It is the one place
// where that is decided, and it is pure.
//
// The order of the checks is the protocol's: existence, closure, content type,
// producer, Stream-Seq (PROTOCOL.md section 5.2, error precedence). A duplicate
// is recognised before Stream-Seq is looked at, because a retry repeats both.
func Judge(h *Head, a *Append, now time.Time, l Limits) Verdict {
	if err := h.gone(now); err != nil {
		return Verdict{Err: err}
	}
	if h.Closed {
		return judgeClosed(h, a)
	}
	if a.Records.Count > 0 && MediaType(a.ContentType) != MediaType(h.ContentType) {
		return Verdict{Err: &ContentTypeError{Stream: h.ContentType, Given: a.ContentType}}
	}
	v := judgeProducer(h, a.Producer, l)
	if !v.Accepted() || v.Slow&SlowSpilled != 0 {
		return v
	}
	if a.Seq != "" && a.Seq <= h.Seq {
		return Verdict{Err: &SeqError{Last: h.Seq}}
	}
	if h.isAhead(now) {
		v.Slow |= SlowClock
	}
	if a.Records.Count > 0 {
		if h.full(l) {
			v.Slow |= SlowSeal
		}
		if !h.hasRoom(a.buffered(l), l) {
			v.Slow |= SlowRoom
		}
	}
	return v
}

// judgeClosed answers a request to a closed stream: only a repetition succeeds.
func judgeClosed(h *Head, a *Append) Verdict {
	switch {
	case a.Producer != nil && *a.Producer == h.ClosedBy:
		return Verdict{Duplicate: true, Producer: a.Producer.Producer}
	case a.Producer == nil && a.Close && a.Records.Count == 0:
		return Verdict{Duplicate: true}
	default:
		return Verdict{Err: &ClosedError{Tail: h.Tail}}
	}
}

// judgeProducer applies the rules of idempotent producers (PROTOCOL.md section
// 5.2.1, validation logic). A producer that the stream does not know starts at
// sequence 0, in any epoch.
func judgeProducer(h *Head, tag *ProducerTag, l Limits) Verdict {
	if tag == nil {
		return Verdict{}
	}
	state, known := h.Producers[tag.ID]
	accepted := Verdict{Producer: tag.Producer}
	switch {
	case !known && h.Spilled:
		return Verdict{Slow: SlowSpilled}
	case !known && tag.Seq != 0:
		return Verdict{Err: &GapError{Expected: 0, Received: tag.Seq}}
	case !known && l.KnownProducers > 0 && len(h.Producers)+h.SpilledCount >= l.KnownProducers:
		return Verdict{Err: ErrManyProducers}
	case !known:
		if len(h.Producers) >= l.Producers {
			accepted.Slow = SlowProducer
		}
		return accepted
	case tag.Epoch < state.Epoch:
		return Verdict{Err: &FencedError{Epoch: state.Epoch}}
	case tag.Epoch > state.Epoch && tag.Seq != 0:
		return Verdict{Err: ErrEpochStart}
	case tag.Epoch > state.Epoch:
		accepted.Slow = SlowEpoch
		return accepted
	case tag.Seq <= state.Seq:
		return Verdict{Duplicate: true, Producer: state.Producer}
	case tag.Seq > state.Seq+1:
		return Verdict{Err: &GapError{Expected: state.Seq + 1, Received: tag.Seq}}
	default:
		return accepted
	}
}

// full reports whether the tail's segment takes no more records.
func (h *Head) full(l Limits) bool {
	return h.Sealed || h.SegmentCount >= l.SegmentCount || h.SegmentSize >= l.SegmentSize
}

// hasRoom reports whether the buffer takes an entry of so many bytes. An empty
// buffer takes any.
func (h *Head) hasRoom(size int, l Limits) bool {
	return h.BufferSize+len(h.Buffer) == 0 ||
		h.BufferSize+size <= l.BufferSize && len(h.Buffer) < l.BufferCount
}

// buffered is how much the append adds to the buffer.
func (a *Append) buffered(l Limits) int {
	if a.staged(l) {
		return 0
	}
	return len(a.Records.Frames)
}

// staged reports whether the append's records go around the buffer.
func (a *Append) staged(l Limits) bool { return len(a.Records.Frames) >= l.StageSize }
