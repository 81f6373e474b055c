package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// messageSize is how large each message is whose stream goes to the bucket.
const messageSize = 1 << 10

// cold prints what a stream costs that goes to the bucket, for each GiB of messages of 1
// KiB, measured on a few segments; and what a read at a random place of a large segment
// fetches.
func cold(ctx context.Context, r *report, o options) error {
	t := r.table("cold", fmt.Sprintf("A stream in the bucket, for 1 GiB of JSON messages of 1 KiB (%d segments of %d measured, the rest in proportion)", lifeSegments, o.limits.SegmentCount), "",
		column{"requests to DynamoDB", "", 0}, column{"write units", "", 0}, column{"read units", "", 0}, column{"puts", "", 0}, column{"gets", "", 0},
		column{"MiB fetched", "", 0}, column{"dollars", "", 4})
	for _, batch := range []int{1, 16, 100} {
		l, err := lifeOf(ctx, newSite(o.limits, newNetwork(o), 0), messageSize, batch)
		if err != nil {
			return err
		}
		gib := float64(1<<30) / float64(l.messages*messageSize)
		for _, row := range []struct {
			what string
			cost cost
		}{
			{fmt.Sprintf("append, %d a request, flushes included", batch), l.appended},
			{"read before compaction", l.hotRead},
			{"compaction", l.compacted},
			{"read after compaction", l.coldRead},
		} {
			c := row.cost
			t.row(row.what, float64(c.requests)*gib, c.writes*gib, c.reads*gib, c.puts*gib, c.gets*gib, c.fetched*gib/(1<<20), c.dollars()*gib)
		}
	}
	t.end()
	return coldRead(r)
}

// coldRead prints how much of a segment of 64 MiB a read of 64 KiB fetches, wherever it
// begins.
func coldRead(r *report) error {
	const size, want, reads = 64 << 20, 64 << 10, 1000
	t := r.table("cold read", fmt.Sprintf("Reading %d KiB at a random place of a segment of %d MiB (%d reads)", want>>10, size>>20, reads), "records",
		column{"index", "KiB", 0}, column{"fetched, of what is returned: mean", "", 3}, column{"most", "", 3})
	random := rand.New(rand.NewPCG(1, 1))
	for _, record := range []int{100, 1 << 10, 1 << 20} {
		sw := segment.NewWriter(io.Discard, segment.Bytes, 0)
		frame := stream.AppendFrame(nil, make([]byte, record))
		for range size / record {
			if err := sw.Write(frame); err != nil {
				return err
			}
		}
		summary, tail, err := sw.Close()
		if err != nil {
			return err
		}
		index, err := segment.ParseTail(tail, summary.Size)
		if err != nil {
			return err
		}
		var sum, most float64
		for range reads {
			span, ok := index.Blocks(random.Uint64N(summary.End-want), want)
			if !ok {
				return fmt.Errorf("the segment has less than it says")
			}
			share := float64(span.Length) / want
			sum, most = sum+share, max(most, share)
		}
		t.row(fmt.Sprintf("%d bytes", record), float64(len(tail)>>10), sum/reads, most)
	}
	t.end()
	return nil
}
