package fsck

import (
	"errors"
	"fmt"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// checkHead checks what a head says of itself.
func checkHead(h *stream.Head) error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	if h.Incarnation.IsZero() {
		bad("the incarnation is zero")
	}
	if h.Version == 0 || h.Version < h.Commits {
		bad("version %d after %d commits", h.Version, h.Commits)
	}
	size := 0
	for i, e := range h.Buffer {
		size += len(e.Frames)
		if i > 0 && e.From != h.Buffer[i-1].To {
			bad("buffer entry %d begins at %v, but the one before ends at %v", i, e.From, h.Buffer[i-1].To)
		}
	}
	if size != h.BufferSize {
		bad("BufferSize is %d, but the frames have %d bytes", h.BufferSize, size)
	}
	if n := len(h.Buffer); n > 0 && h.Buffer[n-1].To != h.Tail {
		bad("the buffer ends at %v, but the tail is %v", h.Buffer[n-1].To, h.Tail)
	}
	if uint64(len(h.Recent)) > h.Commits {
		bad("%d commits are remembered of %d", len(h.Recent), h.Commits)
	}
	seen := make(map[stream.CommitID]bool)
	for i, m := range h.Recent {
		if m.ID == 0 || seen[m.ID] {
			bad("commit id %d is zero or remembered twice", m.ID)
		}
		seen[m.ID] = true
		if i > 0 && m.Tail.Before(h.Recent[i-1].Tail) {
			bad("remembered commit %d left tail %v, before that of its predecessor, %v", i, m.Tail, h.Recent[i-1].Tail)
		}
	}
	if n := len(h.Recent); n > 0 && h.Recent[n-1].Tail != h.Tail {
		bad("the last commit left tail %v, but it is %v", h.Recent[n-1].Tail, h.Tail)
	}
	for _, b := range h.Burned {
		if seen[b.ID] {
			bad("commit %d is both applied and burned", b.ID)
		}
	}
	if h.ClosedBy.ID != "" && !h.Closed {
		bad("the stream is open, yet closed by producer %q", h.ClosedBy.ID)
	}
	for id, p := range h.Producers {
		// A producer that came back from an item of its own has not been used since.
		if used := time.Unix(int64(p.Used), 0); p.Used != 0 && !plausible(used, h.CreatedAt) {
			bad("producer %q wrote last at %v, in a stream created at %v", id, used, h.CreatedAt)
		}
	}
	return errors.Join(problems...)
}

// plausible reports whether a stream that was created at some time may have been
// used at another, by a clock that differs, or whether it is no time in seconds.
func plausible(used, created time.Time) bool {
	const clocks, century = time.Hour, 100 * 365 * 24 * time.Hour
	return used.After(created.Add(-clocks)) && used.Before(created.Add(century))
}
