package protocol

import (
	"strconv"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Cursors count intervals since an epoch (section 10.1).
const cursorInterval = 20 * time.Second

var cursorEpoch = time.Date(2024, time.October, 9, 0, 0, 0, 0, time.UTC)

// cursor returns the cursor of a live answer that leaves its reader at an offset: the
// number of the current interval, or more than the client's cursor if that has come as
// far. Otherwise two live requests in one interval would have the same URL, and a cache
// could answer the second one with the first one's answer for ever.
//
// How much more is not random, as the protocol has it, but follows from the offset: so
// readers who are at the same place get the same cursor, whichever process answers them
// and however long they have been reading. Their next requests have the same URL, and a
// cache makes one of them. With random steps they would part after the first answer that
// a cache does not share, and never meet again.
//
// A client's cursor that no server gives out is ignored: anything but a number
// of at most 2^53-1.
func (h *Handler) cursor(client string, at stream.Offset) uint64 {
	current := uint64(max(0, h.config.Now().Sub(cursorEpoch)/cursorInterval))
	known, ok := parseDigits(client, maxSafeInteger)
	if !ok || known < current {
		return current
	}
	return max(known+1, current+progress(at))
}

// progress maps offsets to numbers that grow with them, to at most 2^52. Places of one
// segment have different numbers as long as it has less than 16 Mi positions; beyond
// that, and at the limit, cursors still never stand still.
func progress(o stream.Offset) uint64 {
	const most, positions = 1 << 52, 1 << 24
	if o.Segment >= most/positions-1 {
		return most
	}
	return o.Segment*positions + min(o.Position, positions-1)
}

func formatCursor(n uint64) string { return strconv.FormatUint(n, 10) }
