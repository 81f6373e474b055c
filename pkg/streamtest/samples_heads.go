package streamtest

import (
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// The heads here are such as a log makes: a driver may derive some of their fields
// from others.

// openHead is the head of a new, empty, open stream.
func openHead() *stream.Head {
	return &stream.Head{
		Incarnation: newIncarnation(),
		Version:     1,
		Config:      stream.Config{ContentType: "text/plain"},
		CreatedAt:   sampleTime,
		UsedAt:      sampleTime,
		Commits:     1,
		Recent:      []stream.CommitMark{{ID: newCommitID()}},
	}
}

// longHead is the head of a text stream with so many entries in its buffer.
func longHead(entries int) *stream.Head {
	h, r := openHead(), records("x")
	for range entries {
		e := &stream.Entry{Commit: newCommitID(), From: h.Tail, To: h.Tail, Count: r.Count, Size: r.Size, Frames: r.Frames}
		e.To.Position++
		h.Buffer, h.Tail, h.BufferSize = append(h.Buffer, e), e.To, h.BufferSize+len(r.Frames)
		h.SegmentCount, h.SegmentSize, h.Commits = h.SegmentCount+1, h.SegmentSize+1, h.Commits+1
	}
	h.Version = h.Commits
	return h
}

// slidingHead is the head of a stream with a TTL that was used last at some time.
func slidingHead(ttl time.Duration, used time.Time) *stream.Head {
	h := openHead()
	h.TTL, h.HasTTL = ttl, true
	h.UsedAt, h.Deadline = used, used.Add(h.Window())
	return h
}

// endingHead is the head of a JSON stream with an end that does not move, and with
// two messages in its buffer.
func endingHead(end time.Time) *stream.Head {
	h := openHead()
	h.ContentType = "application/json"
	h.ExpiresAt, h.Deadline = end, end
	r := records(`{"a":1}`, `[2]`)
	to := stream.Offset{Position: uint64(r.Count)}
	h.Tail, h.SegmentCount, h.SegmentSize = to, r.Count, r.Size
	h.Buffer = []*stream.Entry{{Commit: newCommitID(), To: to, Count: r.Count, Size: r.Size, Frames: r.Frames}}
	h.BufferSize = len(r.Frames)
	h.Version, h.Commits = 2, 2
	return h
}

// fullHead is a head in which every field has a value of its own.
func fullHead() *stream.Head {
	at := stream.Offset{Segment: 2, Position: 17}
	entry := func(id stream.CommitID, r stream.Records, staged stream.StagedID, begins bool) *stream.Entry {
		e := &stream.Entry{Commit: id, From: at, Count: r.Count, Size: r.Size, Frames: r.Frames, Staged: staged}
		if staged != (stream.StagedID{}) {
			e.Frames = nil
		}
		if begins {
			at = stream.Offset{Segment: at.Segment + 1}
		}
		at.Position += uint64(r.Size)
		e.To = at
		return e
	}
	first, last := records("Grüße ✓\n", "\x00\xff not text"), records("last", "of all")
	staged := stream.StagedID{Commit: 1<<63 + 12345, At: sampleTime.Unix(), Object: true}
	rest := stream.StagedID{Commit: staged.Commit, Part: 1, At: staged.At}
	buffer := []*stream.Entry{
		entry(1<<64-1, first, stream.StagedID{}, false),
		entry(0, records("staged"), staged, false),
		entry(2, records("in two", "parts"), rest, false),
		entry(1<<63, last, stream.StagedID{}, true),
	}
	used := sampleTime.Add(2194198 * time.Millisecond)
	seconds := uint64(used.Unix())
	h := &stream.Head{
		Incarnation: newIncarnation(),
		Version:     1<<41 + 17,
		Config: stream.Config{
			ContentType: `text/plain; charset="utf-8"; x=ü`,
			TTL:         90*time.Minute + 123*time.Millisecond,
			HasTTL:      true,
			ExpiresAt:   sampleTime.Add(1234567 * time.Millisecond),
		},
		CreatedAt:    sampleTime,
		UsedAt:       used,
		Tail:         at,
		SegmentCount: last.Count,
		SegmentSize:  last.Size,
		Sealed:       true,
		Unregistered: true,
		Ended:        true,
		Compacted:    2,
		StagedAfter:  sampleTime.Unix() - 1,
		Origin: &stream.Origin{
			Source: stream.Life{Name: "a/b #$.ü\x00", Incarnation: newIncarnation()},
			At:     stream.Offset{Segment: 1 << 40, Position: 1<<41 + 3},
			Anchor: stream.Offset{Segment: 1<<40 - 1, Position: 1<<42 + 1},
			Sub:    1<<41 + 2,
		},
		Forks:    1<<20 + 1,
		Deleted:  true,
		Closed:   true,
		ClosedBy: *tag("producer/of the ünd", 1<<53-1, 1<<53-2),
		Seq:      "0002 ß/\"quoted\"",
		Producers: map[string]stream.HeldProducer{
			"a":                   {Producer: stream.Producer{Epoch: 1, Seq: 2}, Used: seconds - 2000},
			"a/b #$.ü":            {Producer: stream.Producer{Epoch: 1<<53 - 1, Seq: 1<<53 - 1}, Used: seconds - 1},
			"producer/of the ünd": {Producer: stream.Producer{Epoch: 1<<53 - 1, Seq: 1<<53 - 2}, Used: seconds},
			"zero":                {}, // it was spilled, and came back
		},
		Spilled:      true,
		SpilledCount: 1<<30 + 7,
		Commits:      1<<41 + 9,
		Recent:       []stream.CommitMark{{ID: 1<<63 + 7, Tail: stream.Offset{Segment: 1, Position: 1<<33 + 5}}, {ID: 3, Tail: buffer[0].From}, {ID: 4, Tail: at}},
		Forgotten:    sampleTime.Add(-time.Microsecond),
		Burned: []stream.Burned{{ID: 1<<63 + 1, At: sampleTime.Add(time.Millisecond)},
			{ID: 77, At: sampleTime.Add(time.Second)}},
		Buffer:     buffer,
		BufferSize: len(first.Frames) + len(last.Frames),
	}
	h.Deadline = used.Add(h.Window())
	return h
}

// earlier returns a head of the same life as h, from a time when one more record
// was in the buffer.
func earlier(h *stream.Head) *stream.Head {
	past := h.Clone()
	r := records("x")
	from := h.BufferFrom()
	from.Position -= uint64(r.Size)
	e := &stream.Entry{From: from, To: h.BufferFrom(), Count: r.Count, Size: r.Size, Frames: r.Frames}
	past.Buffer = append([]*stream.Entry{e}, h.Buffer...)
	past.BufferSize += len(r.Frames)
	past.Version--
	return past
}
