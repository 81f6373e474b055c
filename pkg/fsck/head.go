package fsck

import (
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// checkHead checks what a head says of itself.
func checkHead(h *stream.Head, to *problems) {
	if h.Incarnation.IsZero() {
		to.add("the incarnation is zero")
	}
	if h.Version == 0 || h.Version < h.Commits {
		to.add("version %d after %d commits", h.Version, h.Commits)
	}
	checkBuffer(h, to)
	checkCommits(h, to)
	checkSegments(h, to)
	checkTimes(h, to)
	if h.ClosedBy.ID != "" && !h.Closed {
		to.add("the stream is open, yet closed by producer %q", h.ClosedBy.ID)
	}
}

func checkBuffer(h *stream.Head, to *problems) {
	size := 0
	for i, e := range h.Buffer {
		size += len(e.Frames)
		if i > 0 && e.From != h.Buffer[i-1].To {
			to.add("buffer entry %d begins at %v, but the one before ends at %v", i, e.From, h.Buffer[i-1].To)
		}
	}
	if size != h.BufferSize {
		to.add("BufferSize is %d, but the frames have %d bytes", h.BufferSize, size)
	}
	if n := len(h.Buffer); n > 0 && h.Buffer[n-1].To != h.Tail {
		to.add("the buffer ends at %v, but the tail is %v", h.Buffer[n-1].To, h.Tail)
	}
}

func checkCommits(h *stream.Head, to *problems) {
	if uint64(h.Remembered()) > h.Commits {
		to.add("%d commits are remembered of %d", h.Remembered(), h.Commits)
	}
	seen := make(map[stream.CommitID]bool)
	know := func(id stream.CommitID) {
		if seen[id] {
			to.add("commit id %d is remembered twice", id)
		}
		seen[id] = true
	}
	for i, m := range h.Recent {
		if m.ID == 0 {
			to.add("remembered commit %d has no id", i)
		}
		know(m.ID)
		if i > 0 && m.Tail.Before(h.Recent[i-1].Tail) {
			to.add("remembered commit %d left tail %v, before that of its predecessor, %v", i, m.Tail, h.Recent[i-1].Tail)
		}
		if h.BufferFrom().Before(m.Tail) && m.Tail != h.Tail {
			to.add("remembered commit %d left tail %v, in the buffer, which has other commits", i, m.Tail)
		}
	}
	for _, e := range h.Buffer {
		if e.Commit != 0 {
			know(e.Commit)
		}
	}
	if n := len(h.Buffer); n > 0 && h.Buffer[n-1].Commit == 0 {
		to.add("the last entry of the buffer has no commit")
	}
	if n := len(h.Recent); n > 0 && len(h.Buffer) == 0 && h.Recent[n-1].Tail != h.Tail {
		to.add("the last commit left tail %v, but it is %v", h.Recent[n-1].Tail, h.Tail)
	}
	for _, b := range h.Burned {
		if seen[b.ID] {
			to.add("commit %d is both applied and burned", b.ID)
		}
	}
}

// checkSegments checks what a head says of ended segments.
func checkSegments(h *stream.Head, to *problems) {
	empty := h.Tail.Position == 0
	if h.Origin != nil && h.Tail == h.Origin.At {
		if !h.Sealed || h.Compacted != h.Tail.Segment+1 {
			to.add("a fork without records of its own that is sealed: %v, with %d segments that are not its own", h.Sealed, h.Compacted)
		}
		return
	}
	if empty && h.Tail.Segment > 0 {
		to.add("segment %d is the last one, and has no records", h.Tail.Segment)
	}
	if h.Sealed && empty {
		to.add("segment %d is sealed, and has no records", h.Tail.Segment)
	}
	if h.Ended && !h.Closed && !h.Sealed && h.Tail.Segment == 0 {
		to.add("the last write ended a segment, but the first one goes on")
	}
	if h.Compacted > ended(h) || h.Compacted > h.Tail.Segment && empty {
		to.add("%d segments are in objects, but %d have ended, and the tail is %v", h.Compacted, ended(h), h.Tail)
	}
}

const (
	// clocks is by how much those of two processes may differ, beyond which a time makes
	// no sense.
	clocks = time.Hour
	// era is how long no stream has been there.
	era = 100 * 365 * 24 * time.Hour
	// rounding is by how much times differ that are stored one by one.
	rounding = 10 * time.Millisecond
)

func checkTimes(h *stream.Head, to *problems) {
	plausible := func(t time.Time) bool { return t.After(h.CreatedAt.Add(-clocks)) && t.Before(h.CreatedAt.Add(era)) }
	if !h.UsedAt.IsZero() && !plausible(h.UsedAt) {
		to.add("the stream was used at %v, but created at %v", h.UsedAt, h.CreatedAt)
	}
	if h.StagedAfter < 0 || h.StagedAfter > 0 && time.Unix(h.StagedAfter, 0).After(h.CreatedAt.Add(era)) {
		to.add("what was staged up to %v must not be linked, in a stream created at %v", time.Unix(h.StagedAfter, 0).UTC(), h.CreatedAt)
	}
	switch used := h.UsedAt.Add(h.Window()); {
	case !h.HasTTL && !h.Deadline.Equal(h.ExpiresAt):
		to.add("the deadline is %v, but the stream expires at %v", h.Deadline, h.ExpiresAt)
	case h.HasTTL && !h.UsedAt.IsZero() && h.Deadline.Sub(used).Abs() > rounding:
		to.add("the deadline is %v, but the last use was at %v, and the TTL is %v", h.Deadline, h.UsedAt, h.TTL)
	}
	for id, p := range h.Producers {
		// A producer that came back from an item of its own has not been used since.
		if used := time.Unix(int64(p.Used), 0); p.Used != 0 && !plausible(used) {
			to.add("producer %q wrote last at %v, in a stream created at %v", id, used, h.CreatedAt)
		}
	}
}
