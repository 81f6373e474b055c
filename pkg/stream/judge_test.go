package stream_test

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var tail = stream.Offset{Segment: 4, Position: 50}

// a head in the middle of its life, and how a row of a table changes it.
func head(changes ...func(*stream.Head)) *stream.Head {
	h := &stream.Head{
		Incarnation: stream.Incarnation{1}, Version: 7, Commits: 6,
		Config: stream.Config{ContentType: "text/plain"}, CreatedAt: noon.Add(-time.Hour),
		Tail: tail, SegmentCount: 5, SegmentSize: 50,
		Producers: map[string]stream.HeldProducer{
			"p": {Producer: stream.Producer{Epoch: 3, Seq: 8}, Used: uint64(noon.Unix()) - 5},
			"q": {Producer: stream.Producer{Epoch: 0, Seq: 0}, Used: uint64(noon.Unix()) - 60},
		},
		Forgotten: noon.Add(-24 * time.Hour),
		Recent:    []stream.CommitMark{{ID: 98, Tail: stream.Offset{Segment: 4, Position: 40}}},
		Buffer: []*stream.Entry{{
			Commit: 99, From: stream.Offset{Segment: 4, Position: 40}, To: tail,
			Count: 1, Size: 10, Frames: records("0123456789").Frames,
		}},
		BufferSize: 14,
	}
	for _, change := range changes {
		change(h)
	}
	return h
}

// closedBy closes a head: by a producer's request, or by one without producer.
func closedBy(tag *stream.ProducerTag) func(*stream.Head) {
	return func(h *stream.Head) {
		h.Closed = true
		if tag != nil {
			h.ClosedBy = *tag
		}
	}
}

func contentType(s string) func(*stream.Append) {
	return func(a *stream.Append) { a.ContentType = s }
}

// The rows quote PROTOCOL.md; what follows a dash is this server's choice.
func TestJudge(t *testing.T) {
	tag := func(id string, epoch, seq uint64) *stream.ProducerTag {
		return &stream.ProducerTag{ID: id, Producer: stream.Producer{Epoch: epoch, Seq: seq}}
	}
	lastSeq := func(s string) func(*stream.Head) { return func(h *stream.Head) { h.Seq = s } }
	deadline := func(d time.Duration) func(*stream.Head) {
		return func(h *stream.Head) { h.Deadline = noon.Add(d) }
	}
	is := func(contentType string) func(*stream.Head) {
		return func(h *stream.Head) { h.ContentType = contentType }
	}
	var (
		accepted  = stream.Verdict{}
		duplicate = stream.Verdict{Duplicate: true}
		closed    = stream.Verdict{Err: &stream.ClosedError{Tail: tail}}
		notFound  = stream.Verdict{Err: stream.ErrNotFound}
	)
	state := func(v stream.Verdict, epoch, seq uint64) stream.Verdict {
		v.Producer = stream.Producer{Epoch: epoch, Seq: seq}
		return v
	}
	mismatch := func(given string) stream.Verdict {
		return stream.Verdict{Err: &stream.ContentTypeError{Stream: "text/plain", Given: given}}
	}
	regressed := func(last string) stream.Verdict { return stream.Verdict{Err: &stream.SeqError{Last: last}} }
	gap := func(expected, received uint64) stream.Verdict {
		return stream.Verdict{Err: &stream.GapError{Expected: expected, Received: received}}
	}
	fenced := func(epoch uint64) stream.Verdict {
		return stream.Verdict{Err: &stream.FencedError{Epoch: epoch}}
	}
	slow := func(v stream.Verdict, s stream.Slow) stream.Verdict { v.Slow = s; return v }

	for _, c := range []struct {
		section, rule string
		head          *stream.Head
		append        *stream.Append
		want          stream.Verdict
	}{
		{"5.2", "404 Not Found: Stream does not exist", nil, text("x"), notFound},
		{"5.3", "404 Not Found: Stream does not exist - for a close too", nil, text("", closing), notFound},
		{"4", "sliding time-to-live or absolute expiry - over at the deadline itself", head(deadline(0)), text("x"), notFound},
		{"4", "sliding time-to-live or absolute expiry - and after it", head(deadline(-time.Hour)), text("x"), notFound},
		{"4", "sliding time-to-live or absolute expiry - not before it", head(deadline(time.Millisecond)), text("x"), accepted},
		{"4", "an expired stream is gone even if it was closed", head(deadline(0), closedBy(nil)), text("x"), notFound},

		{"5.2", "Appends bytes to the end of an existing stream", head(), text("x"), accepted},
		{"5.2", "Content-Type MUST match the stream's when a body is provided", head(), text("x", contentType("application/json")), mismatch("application/json")},
		{"5.2", "Content-Type MUST match - another text is another type", head(), text("x", contentType("text/html")), mismatch("text/html")},
		{"5.2", "Content-Type MUST match - none is none", head(), text("x", contentType("")), mismatch("")},
		{"5.2", "Content-Type MUST match - in any case, whatever the parameters", head(), text("x", contentType("Text/PLAIN; charset=utf-8")), accepted},
		{"5.2", "Content-Type MUST match - nor do the stream's parameters matter", head(is("TEXT/plain;charset=latin1")), text("x"), accepted},
		{"5.2", "When the request body is empty, servers MUST NOT reject based on Content-Type", head(), text("", closing, contentType("application/json")), accepted},
		{"5.2", "Content-Type MAY be omitted when the request body is empty", head(), text("", closing, contentType("")), accepted},

		{"5.2", "Stream-Seq (optional)", head(lastSeq("b")), text("x"), accepted},
		{"5.2", "Stream-Seq - the first may be anything", head(), text("x", seq("0")), accepted},
		{"5.2", "Sequence numbers MUST be strictly increasing", head(lastSeq("b")), text("x", seq("c")), accepted},
		{"5.2", "equal to the last appended sequence: 409", head(lastSeq("b")), text("x", seq("b")), regressed("b")},
		{"5.2", "less than the last appended sequence: 409", head(lastSeq("b")), text("x", seq("a")), regressed("b")},
		{"5.2", "lexicographic ordering: 10 is less than 9", head(lastSeq("9")), text("x", seq("10")), regressed("9")},
		{"5.2", "byte-wise ordering: Z is less than a", head(lastSeq("a")), text("x", seq("Z")), regressed("a")},
		{"5.2", "byte-wise ordering: a prefix is less than the whole", head(lastSeq("aa")), text("x", seq("a")), regressed("aa")},
		{"5.2", "byte-wise ordering: é is more than z", head(lastSeq("z")), text("x", seq("é")), accepted},
		{"5.2", "Stream-Seq - counts for a close too", head(lastSeq("b")), text("", closing, seq("b")), regressed("b")},

		{"5.2", "the stream is closed after the append completes", head(), text("x", closing), accepted},
		{"5.3", "To close a stream without appending data", head(), text("", closing), accepted},
		{"5.2", "Once closed, the stream rejects all subsequent appends", head(closedBy(nil)), text("x"), closed},
		{"5.2", "Close-only requests are idempotent", head(closedBy(nil)), text("", closing), duplicate},
		{"4.1", "Closing an already-closed stream succeeds - whoever closed it", head(closedBy(tag("p", 3, 8))), text("", closing), duplicate},
		{"5.2", "Append-and-close requests are NOT idempotent", head(closedBy(nil)), text("x", closing), closed},
		{"5.2", "Append-and-close requests are NOT idempotent - even after a producer's", head(closedBy(tag("p", 3, 8))), text("x", closing), closed},

		{"5.2", "precedence: 1. stream closed, 2. content type mismatch", head(closedBy(nil)), text("x", contentType("image/png")), closed},
		{"5.2", "precedence: 1. stream closed, 3. sequence regression", head(closedBy(nil), lastSeq("b")), text("x", seq("a")), closed},
		{"5.2", "precedence: 2. content type mismatch, 3. sequence regression", head(lastSeq("b")), text("x", contentType("image/png"), seq("a")), mismatch("image/png")},
		{"5.2", "precedence - content type before the producer's fencing", head(), text("x", contentType("image/png"), by("p", 2, 0)), mismatch("image/png")},
		{"5.2", "precedence - closed before the producer's fencing", head(closedBy(nil)), text("x", by("p", 2, 0)), closed},
		{"5.2", "precedence - the producer before Stream-Seq", head(lastSeq("b")), text("x", by("p", 3, 10), seq("a")), gap(9, 10)},
		{"5.2.1", "a duplicate is a success, though its Stream-Seq is repeated too", head(lastSeq("b")), text("x", by("p", 3, 8), seq("b")), state(duplicate, 3, 8)},
		{"5.2", "sequence regression - of a producer's next request", head(lastSeq("b")), text("x", by("p", 3, 9), seq("b")), regressed("b")},

		{"5.2.1", "epoch < state.epoch: 403, Producer-Epoch: <current epoch>", head(), text("x", by("p", 2, 9)), fenced(3)},
		{"5.2.1", "epoch < state.epoch: 403 - whatever the sequence", head(), text("x", by("p", 0, 0)), fenced(3)},
		{"5.2.1", "epoch > state.epoch, seq != 0: 400", head(), text("x", by("p", 4, 1)), stream.Verdict{Err: stream.ErrEpochStart}},
		{"5.2.1", "epoch > state.epoch, seq != 0: 400 - even the next of the old epoch", head(), text("x", by("p", 4, 9)), stream.Verdict{Err: stream.ErrEpochStart}},
		{"5.2.1", "epoch > state.epoch: accept", head(), text("x", by("p", 4, 0)), slow(state(accepted, 4, 0), stream.SlowEpoch)},
		{"5.2.1", "epoch > state.epoch: accept - epochs may be skipped", head(), text("x", by("p", 1<<53-1, 0)), slow(state(accepted, 1<<53-1, 0), stream.SlowEpoch)},
		{"5.2.1", "seq == state.lastSeq: 204, highest accepted sequence", head(), text("x", by("p", 3, 8)), state(duplicate, 3, 8)},
		{"5.2.1", "seq < state.lastSeq: 204, highest accepted sequence", head(), text("x", by("p", 3, 0)), state(duplicate, 3, 8)},
		{"5.2.1", "seq == state.lastSeq + 1: accept", head(), text("x", by("p", 3, 9)), state(accepted, 3, 9)},
		{"5.2.1", "seq == state.lastSeq + 1: accept - from 0 to 1", head(), text("x", by("q", 0, 1)), state(accepted, 0, 1)},
		{"5.2.1", "seq > state.lastSeq + 1: 409, expected and received", head(), text("x", by("p", 3, 10)), gap(9, 10)},
		{"5.2.1", "seq > state.lastSeq + 1: 409 - far ahead", head(), text("x", by("p", 3, 1<<53-1)), gap(9, 1<<53-1)},
		{"5.2.1", "Initial start (epoch=0, seq=0): accepts", head(), text("x", by("new", 0, 0)), state(accepted, 0, 0)},
		{"5.2.1", "Initial start - in any epoch", head(), text("x", by("new", 7, 0)), state(accepted, 7, 0)},
		{"5.2.1", "Starts at 0 for each new epoch - and for a new producer", head(), text("x", by("new", 0, 1)), gap(0, 1)},
		{"5.2.1", "Starts at 0 - in any epoch", head(), text("x", by("new", 7, 3)), gap(0, 3)},
		{"5.2.1", "the state is per (stream, producerId)", head(), text("x", by("P", 0, 0)), state(accepted, 0, 0)},
		{"5.2.1", "Producer-Seq applies per HTTP request, not per message", head(), request("text/plain", []string{"x", "y", "z"}, by("p", 3, 9)), state(accepted, 3, 9)},

		{"5.2.1", "Close with final append", head(), text("x", closing, by("p", 3, 9)), state(accepted, 3, 9)},
		{"5.2.1", "Close without append: producer headers are optional", head(), text("", closing, by("p", 3, 9)), state(accepted, 3, 9)},
		{"5.2.1", "Close without append - is in sequence like any request", head(), text("", closing, by("p", 3, 10)), gap(9, 10)},
		{"5.2.1", "Duplicate close by the same (producerId, epoch, seq)", head(closedBy(tag("p", 3, 8))), text("", closing, by("p", 3, 8)), state(duplicate, 3, 8)},
		{"5.2.1", "the request that closed the stream, repeated with its body", head(closedBy(tag("p", 3, 8))), text("x", closing, by("p", 3, 8)), state(duplicate, 3, 8)},
		{"5.2.1", "Otherwise 409: another sequence", head(closedBy(tag("p", 3, 8))), text("x", by("p", 3, 9)), closed},
		{"5.2.1", "Otherwise 409: an earlier request of the producer that closed it", head(closedBy(tag("p", 3, 8))), text("x", by("p", 3, 7)), closed},
		{"5.2.1", "Otherwise 409: another epoch", head(closedBy(tag("p", 3, 8))), text("x", by("p", 4, 8)), closed},
		{"5.2.1", "Otherwise 409: another producer", head(closedBy(tag("p", 3, 8))), text("x", by("q", 3, 8)), closed},
		{"5.2.1", "Otherwise 409: closed without producer", head(closedBy(nil)), text("x", by("p", 3, 8)), closed},
		{"5.2.1", "Otherwise 409: a producer's close-only that did not close it", head(closedBy(nil)), text("", closing, by("p", 3, 9)), closed},
	} {
		got := stream.Judge(c.head, c.append, noon, stream.DefaultLimits())
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %q:\n got %+v (%v)\nwant %+v (%v)", c.section, c.rule, got, got.Err, c.want, c.want.Err)
		}
		if got.Accepted() != (c.want.Err == nil && !c.want.Duplicate) {
			t.Errorf("%s %q: Accepted is %v", c.section, c.rule, got.Accepted())
		}
	}
}

// A stream knows so many producers and no more, whether they are in the head or not; those
// that it knows go on.
func TestJudgeKnownProducers(t *testing.T) {
	for _, c := range []struct {
		bound, spilled int
		id             string
		seq            uint64
		want           error
	}{
		{3, 0, "new", 0, nil},
		{2, 0, "new", 0, stream.ErrManyProducers},
		{3, 1, "new", 0, stream.ErrManyProducers},
		{4, 1, "new", 0, nil},
		{2, 9, "q", 1, nil},
		{0, 9, "new", 0, nil},
	} {
		l := stream.DefaultLimits()
		l.KnownProducers = c.bound
		h := head(func(h *stream.Head) { h.SpilledCount = c.spilled })
		if v := stream.Judge(h, text("x", by(c.id, 0, c.seq)), noon, l); !errors.Is(v.Err, c.want) {
			t.Errorf("%+v: %v", c, v.Err)
		}
	}
}

// Why an append leaves the fast path, at the very values where it begins to.
func TestJudgeSlow(t *testing.T) {
	// The head has 5 records of 50 bytes in its segment, a buffer of one entry of
	// 14 bytes, and two producers. An append of "x" adds 5 bytes to the buffer.
	spilled := func(h *stream.Head) { h.Spilled = true }
	empty := func(h *stream.Head) { h.Buffer, h.BufferSize = nil, 0 }
	onlyStaged := func(h *stream.Head) {
		h.Buffer = []*stream.Entry{{Staged: stream.StagedID{Commit: 1}}}
		h.BufferSize = 0
	}
	// A stream with a TTL whose last writer's clock was ahead of noon.
	sliding := func(ahead time.Duration) func(*stream.Head) {
		return func(h *stream.Head) {
			h.TTL, h.HasTTL = time.Hour, true
			h.Deadline = noon.Add(h.Window() + ahead)
		}
	}
	type limits = stream.Limits
	for _, c := range []struct {
		why    string
		head   *stream.Head
		append *stream.Append
		limit  func(*limits)
		want   stream.Slow
	}{
		{"nothing is full", head(), text("x"), func(*limits) {}, 0},
		{"the segment takes one more record", head(), text("x"), func(l *limits) { l.SegmentCount = 6 }, 0},
		{"the segment has its records", head(), text("x"), func(l *limits) { l.SegmentCount = 5 }, stream.SlowSeal},
		{"the segment has more than its records", head(), text("x"), func(l *limits) { l.SegmentCount = 4 }, stream.SlowSeal},
		{"the segment takes one more byte, and so any append", head(), text("long"), func(l *limits) { l.SegmentSize = 51 }, 0},
		{"the segment has its bytes", head(), text("x"), func(l *limits) { l.SegmentSize = 50 }, stream.SlowSeal},
		{"a full segment can be closed", head(), text("", closing), func(l *limits) { l.SegmentCount = 5 }, 0},

		{"the append fills the buffer exactly", head(), text("x"), func(l *limits) { l.BufferSize = 19 }, 0},
		{"the append is a byte too much for the buffer", head(), text("x"), func(l *limits) { l.BufferSize = 18 }, stream.SlowRoom},
		{"the buffer takes one more entry", head(), text("x"), func(l *limits) { l.BufferCount = 2 }, 0},
		{"the buffer has its entries", head(), text("x"), func(l *limits) { l.BufferCount = 1 }, stream.SlowRoom},
		{"an empty buffer takes any append", head(empty), text("x"), func(l *limits) { l.BufferSize = 1 }, 0},
		{"a buffer of staged entries is not empty", head(onlyStaged), text("x"), func(l *limits) { l.BufferCount = 1 }, stream.SlowRoom},
		{"a full buffer can be closed", head(), text("", closing), func(l *limits) { l.BufferCount, l.BufferSize = 1, 1 }, 0},
		{"a staged append takes no bytes of the buffer", head(), text("x"), func(l *limits) { l.StageSize, l.BufferSize = 5, 14 }, 0},
		{"an append below StageSize takes bytes", head(), text("x"), func(l *limits) { l.StageSize, l.BufferSize = 6, 14 }, stream.SlowRoom},
		{"a staged append takes an entry", head(), text("x"), func(l *limits) { l.StageSize, l.BufferCount = 5, 1 }, stream.SlowRoom},

		{"there is room for one more producer", head(), text("x", by("new", 0, 0)), func(l *limits) { l.Producers = 3 }, 0},
		{"there is no room for a new producer", head(), text("x", by("new", 0, 0)), func(l *limits) { l.Producers = 2 }, stream.SlowProducer},
		{"one that the head holds needs none", head(), text("x", by("p", 3, 9)), func(l *limits) { l.Producers = 2 }, 0},
		{"an unknown one may have been spilled", head(spilled), text("x", by("new", 0, 0)), func(*limits) {}, stream.SlowSpilled},
		{"an unknown one may be anywhere in its sequence", head(spilled), text("x", by("new", 2, 9)), func(*limits) {}, stream.SlowSpilled},
		{"one that the head holds was not spilled", head(spilled), text("x", by("p", 3, 9)), func(*limits) {}, 0},
		{"an append without producer does not care", head(spilled), text("x"), func(*limits) {}, 0},
		{"nothing else is judged before the producer is known", head(spilled, func(h *stream.Head) { h.Seq = "b" }),
			text("x", by("new", 0, 0), seq("a")), func(l *limits) { l.SegmentCount = 5 }, stream.SlowSpilled},
		{"the clock is right", head(sliding(0)), text("x"), func(*limits) {}, 0},
		{"the clock is ahead", head(sliding(-time.Minute)), text("x"), func(*limits) {}, 0},
		{"the clock is a little behind", head(sliding(stream.Backstep)), text("x"), func(*limits) {}, 0},
		{"the clock is behind", head(sliding(stream.Backstep + time.Millisecond)), text("x"), func(*limits) {}, stream.SlowClock},
		{"the clock is behind, and the stream is closed", head(sliding(time.Minute)), text("", closing), func(*limits) {}, stream.SlowClock},
		{"an end that does not move has nothing to do with it", head(func(h *stream.Head) { h.Deadline = noon.Add(time.Hour) }), text("x"), func(*limits) {}, 0},
		{"the clock is not looked at before the producer is known", head(spilled, sliding(time.Minute)), text("x", by("new", 0, 0)), func(*limits) {}, stream.SlowSpilled},

		{"reasons add up", head(), text("x", by("p", 4, 0)), func(l *limits) { l.SegmentCount, l.BufferCount = 5, 1 },
			stream.SlowEpoch | stream.SlowSeal | stream.SlowRoom},
		{"the clock's too", head(sliding(time.Minute)), text("x", by("p", 4, 0)), func(l *limits) { l.SegmentCount = 5 },
			stream.SlowEpoch | stream.SlowSeal | stream.SlowClock},
	} {
		l := stream.DefaultLimits()
		c.limit(&l)
		before := dump(c.head)
		got := stream.Judge(c.head, c.append, noon, l)
		if got.Err != nil || got.Duplicate || got.Slow != c.want {
			t.Errorf("%s: %+v, want slow %b", c.why, got, c.want)
		}
		if dump(c.head) != before {
			t.Errorf("%s: Judge changed the head", c.why)
		}
	}
}

// A refusal is never slow: it needs no write.
func TestJudgeRefusalsAreNotSlow(t *testing.T) {
	l := stream.DefaultLimits()
	l.SegmentCount, l.BufferCount, l.Producers = 1, 1, 1
	for _, a := range []*stream.Append{
		text("x", contentType("image/png")), text("x", by("p", 3, 8)), text("x", by("p", 3, 10)),
		text("x", by("p", 1, 0)), text("x", by("new", 0, 4)), text("x", by("p", 4, 1)),
	} {
		h := head(func(h *stream.Head) { h.TTL, h.HasTTL, h.Deadline = time.Hour, true, noon.Add(3*time.Hour) })
		if v := stream.Judge(h, a, noon, l); v.Accepted() || v.Slow != 0 {
			t.Errorf("%+v: %+v", a, v)
		}
	}
}

func TestProducerBehind(t *testing.T) {
	order := []stream.Producer{{}, {Seq: 1}, {Seq: math.MaxUint64}, {Epoch: 1}, {Epoch: 1, Seq: 7}, {Epoch: 2}}
	for i, p := range order {
		for j, q := range order {
			if p.Behind(q) != (i < j) {
				t.Errorf("%+v.Behind(%+v) = %v", p, q, p.Behind(q))
			}
		}
	}
}

// Clients may see the texts of errors.
func TestErrorTexts(t *testing.T) {
	for err, want := range map[error]string{
		&stream.ClosedError{}:                      "stream is closed",
		&stream.FencedError{Epoch: 5}:              "producer epoch is stale: the current epoch is 5",
		&stream.GapError{Expected: 2, Received: 9}: "producer sequence gap: expected 2, received 9",
		&stream.RefusedError{}:                     "stream: condition refused",
	} {
		if err.Error() != want {
			t.Errorf("%T: %q", err, err)
		}
	}
	if errors.Is(stream.ErrUnsettled, stream.ErrUnavailable) {
		t.Error("an unknown outcome is not the promise that nothing changed")
	}
}
