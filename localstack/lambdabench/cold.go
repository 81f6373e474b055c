package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"

	"github.com/commoncurriculum/durable-streams-aws/infra/cost/price"
	"github.com/commoncurriculum/durable-streams-aws/localstack/meter"
	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// countedObjects counts what is asked of a store of objects.
type countedObjects struct {
	stream.Objects
	puts, gets, fetched atomic.Int64
}

func (o *countedObjects) PutObject(ctx context.Context, key string, body *io.SectionReader) error {
	o.puts.Add(1)
	return o.Objects.PutObject(ctx, key, body)
}

func (o *countedObjects) Object(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	body, err := o.Objects.Object(ctx, key, offset, n)
	o.gets.Add(1)
	o.fetched.Add(int64(len(body)))
	return body, err
}

// coldCost is what a step costs, of the table and of the bucket.
type coldCost struct {
	meter.Usage
	puts, gets, fetched int64
}

func (c coldCost) dollars() float64 {
	p := price.List()
	return p.DynamoDB.Write.Of(c.WriteUnits) + p.DynamoDB.Read.Of(c.ReadUnits) + p.S3.Put.Of(float64(c.puts)) + p.S3.Get.Of(float64(c.gets))
}

// cold prints what a stream costs that goes to the bucket, for each GiB of messages of 1
// KiB, measured on a few segments; and what a read at a random place of a large segment
// fetches.
func cold(ctx context.Context, w io.Writer, s *site) error {
	fmt.Fprintf(w, "A stream in the bucket, for 1 GiB of JSON messages of 1 KiB (%d segments of %d measured, the rest in proportion)\n\n", coldSegments, s.limits.SegmentCount)
	fmt.Fprintln(w, "| | requests to DynamoDB | write units | read units | puts | gets | MiB fetched | dollars |\n|---|---|---|---|---|---|---|---|")
	for _, batch := range []int{1, 16, 100} {
		if err := coldStream(ctx, w, s, batch); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	return coldRead(w)
}

// coldSegments is how many full segments are measured, messageSize how large each message
// of them is.
const coldSegments, messageSize = 2, 1 << 10

// coldStream measures a stream whose messages arrive in batches of a certain size.
func coldStream(ctx context.Context, w io.Writer, s *site, batch int) error {
	l, err := lifeOf(ctx, s, fmt.Sprintf("cold/%d", batch), messageSize, batch)
	if err != nil {
		return err
	}
	gib := float64(1<<30) / float64(l.messages*messageSize)
	for _, row := range []struct {
		what string
		cost coldCost
	}{
		{fmt.Sprintf("append, %d a request, flushes included", batch), l.appended},
		{"read before compaction", l.hotRead},
		{"compaction", l.compacted},
		{"read after compaction", l.coldRead},
	} {
		c := row.cost
		fmt.Fprintf(w, "| %s | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.4f |\n", row.what, float64(c.Requests())*gib, c.WriteUnits*gib,
			c.ReadUnits*gib, float64(c.puts)*gib, float64(c.gets)*gib, float64(c.fetched)*gib/(1<<20), c.dollars()*gib)
	}
	return nil
}

func readAll(ctx context.Context, log *stream.Log, name string) (messages int, err error) {
	for at := stream.Start(); ; {
		p, err := log.Read(ctx, name, at)
		if err != nil {
			return 0, err
		}
		messages += p.Count
		if p.UpToDate() {
			return messages, nil
		}
		at = stream.At(p.Next)
	}
}

// coldRead prints how much of a segment of 64 MiB a read of 64 KiB fetches, wherever it
// begins.
func coldRead(w io.Writer) error {
	const size, want, reads = 64 << 20, 64 << 10, 1000
	fmt.Fprintf(w, "Reading %d KiB at a random place of a segment of %d MiB (%d reads)\n\n| records | index, KiB | fetched, of what is returned: mean | most |\n|---|---|---|---|\n", want>>10, size>>20, reads)
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
		fmt.Fprintf(w, "| %d bytes | %d | %.3f | %.3f |\n", record, len(tail)>>10, sum/reads, most)
	}
	fmt.Fprintln(w)
	return nil
}
