package main

import (
	"context"
	"fmt"
	"math"
)

// catchUp prints how fast a reader comes from the start of a stream to its end, page by
// page, and what that costs, before its segments are in the bucket and after.
func catchUp(ctx context.Context, r *report, o options) error {
	limits := o.limits
	limits.PageSize = pageBytes
	t := r.table("catch-up", fmt.Sprintf("Reading a stream of two full segments from the start, in pages of %d MiB (answers of the stores arrive at %.0f MB/s; no time for the process itself)", pageBytes>>20, bandwidth/1e6), "messages",
		column{"hot", "MB/s", 1}, column{"hot, first page", "ms", 0}, column{"hot", "$/GiB", 4}, column{"cold", "MB/s", 1}, column{"cold, first page", "ms", 0}, column{"cold", "$/GiB", 4})
	for _, c := range []struct{ size, batch int }{{100, 1}, {100, 100}, {1 << 10, 1}, {1 << 10, 100}, {16 << 10, 1}, {100_000, 1}} {
		l, err := lifeOf(ctx, newSite(limits, newNetwork(o), 0), c.size, c.batch)
		if err != nil {
			return err
		}
		size := float64(l.messages * c.size)
		rate := func(pages times) float64 { return size / 1e6 / pages.sum().Seconds() }
		gib := math.Pow(2, 30) / size
		t.row(fmt.Sprintf("%d bytes, %d a request", c.size, c.batch), rate(l.hot), milliseconds(l.hot[0]), l.hotRead.dollars()*gib,
			rate(l.cold), milliseconds(l.cold[0]), l.coldRead.dollars()*gib)
	}
	t.end()
	return nil
}

// pageBytes is PAGE_BYTES as it is if nobody sets it.
const pageBytes = 4 << 20
