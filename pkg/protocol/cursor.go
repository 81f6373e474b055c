package protocol

import (
	"strconv"
	"time"
)

// Cursors count intervals since an epoch (section 10.1).
const (
	cursorInterval = 20 * time.Second
	maxJitter      = time.Hour
)

var cursorEpoch = time.Date(2024, time.October, 9, 0, 0, 0, 0, time.UTC)

// cursor returns the cursor of a live answer: the number of the current interval,
// or more than the client's cursor if that has come as far. Otherwise two live
// requests in one interval would have the same URL, and a cache could answer the
// second one with the first one's answer for ever.
//
// A client's cursor that no server gives out is ignored: anything but a number
// of at most 2^53-1.
func (h *Handler) cursor(client string) uint64 {
	current := uint64(max(0, h.config.Now().Sub(cursorEpoch)/cursorInterval))
	known, ok := parseDigits(client, maxSafeInteger)
	if !ok || known < current {
		return current
	}
	jitter := 1 + h.config.Jitter(int64(maxJitter/time.Second))
	interval := int64(cursorInterval / time.Second)
	return known + uint64((jitter+interval-1)/interval)
}

func formatCursor(n uint64) string { return strconv.FormatUint(n, 10) }
