package stream

import (
	"slices"
	"time"
)

// CommitID names one attempt to commit, so that it can be recognised later: by its own
// process, if the outcome is unknown, and by the store, if it is delivered twice. It is
// never zero. 34 bits of it say when it was made, in microseconds modulo [idPeriod]; the
// other 30 are random, so that two attempts have the same id only if they are made in the
// same microsecond, or by processes whose clocks are behind on the same head
// ([Head.unforgotten]), and then one time in 10^9.
type CommitID uint64

// idPeriod is how long it takes until ids tell the same time again: four hours and 46
// minutes.
const idPeriod = 1 << 34 * time.Microsecond

// NewCommitID returns the id of an attempt that is made now, with 30 of the random bits.
func NewCommitID(now time.Time, random uint64) CommitID {
	return CommitID(uint64(now.UnixMicro())<<30 | max(1, random&(1<<30-1)))
}

// idAhead is how far the clocks of two processes that commit to one stream may differ
// for what [CommitID.made] says.
const idAhead = time.Minute

// made returns when the attempt was made: the latest time that the id can mean and that is
// not more than idAhead after ref, which is about when something later was made, or it
// itself. It is never too early, and too late only if the attempt is older than idPeriod.
func (id CommitID) made(ref time.Time) time.Time {
	latest := ref.Add(idAhead).UnixMicro()
	return time.UnixMicro(latest - (latest-int64(id>>30))&(idPeriod.Microseconds()-1)).UTC()
}

// CommitMark is what the head remembers of a recent commit.
type CommitMark struct {
	ID CommitID
	// Tail is the tail that the commit left.
	Tail Offset
}

// Burned is an attempt that was given up with its outcome unknown. While the
// head lists it, it cannot be applied any more.
type Burned struct {
	ID CommitID
	At time.Time
}

// Remembers returns the mark of a commit among the recent ones.
func (h *Head) Remembers(id CommitID) (CommitMark, bool) {
	for _, e := range h.Buffer {
		if e.Commit == id {
			return CommitMark{ID: id, Tail: e.To}, true
		}
	}
	for _, m := range h.Recent {
		if m.ID == id {
			return m, true
		}
	}
	return CommitMark{}, false
}

// Remembered counts the commits that the head remembers. They are the last ones.
func (h *Head) Remembered() int {
	n := len(h.Recent)
	for _, e := range h.Buffer {
		if e.Commit != 0 {
			n++
		}
	}
	return n
}

// Excludes reports whether a commit with this id must not be applied, because
// it already was or because it was burned.
func (h *Head) Excludes(id CommitID) bool {
	_, applied := h.Remembers(id)
	return applied || slices.ContainsFunc(h.Burned, func(b Burned) bool { return b.ID == id })
}

// forgot reports whether a commit that was made then, and that the head does not
// remember, may have been applied all the same.
func (h *Head) forgot(made time.Time) bool { return !made.After(h.Forgotten) }

// unforgotten is now, or a moment after what the head forgot, if that is later: by the
// clock of another process, or where commits are fast. It is another one after each commit,
// so that those which are made as if in one moment have different ids. A nil head forgot
// nothing.
func (h *Head) unforgotten(now time.Time) time.Time {
	now = now.Truncate(time.Microsecond)
	if h == nil || !h.forgot(now) {
		return now
	}
	return h.Forgotten.Add(time.Duration(1+h.Remembered()) * time.Microsecond)
}

// trim removes the first n entries of the buffer. Of their commits and those before, it
// remembers the last few.
func (h *Head) trim(n, remember int) {
	if n == 0 {
		return
	}
	// A commit that only closed the stream came after all entries.
	older := 0
	for older < len(h.Recent) && !h.BufferFrom().Before(h.Recent[older].Tail) {
		older++
	}
	marks, closing := slices.Clone(h.Recent[:older]), h.Recent[older:]
	for _, e := range h.Buffer[:n] {
		h.BufferSize -= len(e.Frames)
		if e.Commit != 0 {
			marks = append(marks, CommitMark{ID: e.Commit, Tail: e.To})
		}
	}
	h.Buffer = slices.Delete(h.Buffer, 0, n)
	over := max(0, len(marks)-remember)
	for _, m := range marks[:over] {
		if made := m.ID.made(h.UsedAt); made.After(h.Forgotten) {
			h.Forgotten = made
		}
	}
	h.Recent = append(marks[over:], closing...)
}
