package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

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

// compacting prints how long appends take while a segment of their stream is compacted,
// in one run with those that are undisturbed.
func compacting(ctx context.Context, w io.Writer, s *site, roundTrip time.Duration) error {
	log, _, err := s.process(stream.Options{}, roundTrip)
	if err != nil {
		return err
	}
	background, _, err := s.process(stream.Options{}, roundTrip)
	if err != nil {
		return err
	}
	const name, full, each = "compacting", 3000, 400
	if err := s.create(ctx, name); err != nil {
		return err
	}
	for range full / 50 {
		a := &stream.Append{ContentType: contentType}
		for range 50 {
			a.Records.Add(make([]byte, 100))
		}
		if err := add(ctx, log, name, a); err != nil {
			return err
		}
	}
	one := func() (time.Duration, error) {
		start := time.Now()
		done, err := log.Append(ctx, name, text(100))
		took := time.Since(start)
		if err == nil && done.FlushDue() {
			err = log.Flush(ctx, name, done)
		}
		return took, err
	}
	quiet, err := timesOf(each, one)
	if err != nil {
		return err
	}
	compacted := make(chan error, 1)
	go func() {
		done, err := background.Compact(ctx, name)
		if err == nil && done.Segments == 0 {
			err = fmt.Errorf("there was nothing to compact")
		}
		compacted <- err
	}()
	var busy []time.Duration
	for under := true; under; {
		took, err := one()
		if err != nil {
			return err
		}
		busy = append(busy, took)
		select {
		case err := <-compacted:
			if err != nil {
				return err
			}
			under = false
		default:
		}
	}
	q, b := percentiles(quiet), percentiles(busy)
	fmt.Fprintf(w, "Appends of 100 bytes while segments of their stream are compacted (%v a call)\n\n| | appends | p50 ms | p99 ms |\n|---|---|---|---|\n", roundTrip)
	fmt.Fprintf(w, "| undisturbed | %d | %.2f | %.2f |\n", len(quiet), milliseconds(q.p50), milliseconds(q.p99))
	fmt.Fprintf(w, "| during compaction | %d | %.2f | %.2f |\n", len(busy), milliseconds(b.p50), milliseconds(b.p99))
	fmt.Fprintf(w, "| ratio | | %.2f | %.2f |\n\n", ratio(b.p50, q.p50), ratio(b.p99, q.p99))
	return nil
}

func timesOf(n int, do func() (time.Duration, error)) ([]time.Duration, error) {
	times := make([]time.Duration, n)
	for i := range times {
		var err error
		if times[i], err = do(); err != nil {
			return nil, err
		}
	}
	return times, nil
}
