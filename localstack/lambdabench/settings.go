package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/infra/cost/price"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// apiMemory is the memory with which functions wait for the stores in these tables, in MB:
// what the stack gives them.
const apiMemory = 256

// perMillion is what a million appends cost in dollars: the table and the bucket, with
// their compaction, and a function's requests and the time in which it waits.
func (l lifeCost) perMillion() float64 {
	lambda := price.List().Lambda.Request.Of(float64(l.appends)) + compute(apiMemory, l.free.sum())
	return (l.appended.and(l.compacted).dollars() + lambda) / float64(l.appends) * 1e6
}

// dollars is the last column of settings.
func dollars() column { return column{"dollars a million appends", "", 2} }

const priced = "the last column has table, bucket, compaction, and the function's requests and waiting at 256 MB"

// bufferSettings prints what the limits of the buffer trade: write units of a head against
// those of flushes, and what happens to appends that meet a full one.
func bufferSettings(ctx context.Context, r *report, o options) error {
	t := r.table("soft limit", "The soft limit of the buffer (bytes of the head item, from which on it is flushed), one message a request; "+priced, "bytes, soft limit",
		column{"WU an append", "", 2}, column{"WU of compaction", "", 2}, column{"answer p50", "ms", 1}, column{"answer p99", "ms", 1}, column{"hot read", "$/GiB", 3}, dollars())
	for _, size := range []int{50, 100, 300, 1000, 1500} {
		for _, soft := range []int{512, 1024, 2048, 4096, 8192} {
			limits := o.limits
			limits.FlushSize = soft
			l, err := lifeOf(ctx, newSite(limits, newNetwork(o), 0), size, 1)
			if err != nil {
				return err
			}
			n := float64(l.appends)
			t.row(fmt.Sprintf("%d, %d", size, soft), l.appended.writes/n, l.compacted.writes/n, milliseconds(l.answered.at(50)), milliseconds(l.answered.at(99)),
				l.hotRead.dollars()*math.Pow(2, 30)/float64(l.messages*size), l.perMillion())
		}
	}
	t.end()
	t = r.table("hard limit", fmt.Sprintf("The hard limit of the buffer (bytes of frames, at which an append has to flush first), with 8 processes that append 100 bytes to one stream without pause, on a partition that takes %d write units a second", partitionLimit), "hard limit",
		column{"appends", "1/s", 0}, column{"p50", "ms", 1}, column{"p99", "ms", 1}, column{"attempts refused", "%", 2}, column{"WU an append", "", 2}, dollars())
	for _, hard := range []int{2 << 10, 4 << 10, 8 << 10, 16 << 10, 48 << 10, 128 << 10} {
		limits := o.limits
		limits.BufferSize = hard
		s := newSite(limits, newNetwork(o), partitionLimit)
		if err := s.create(ctx, contendedStream, contentType); err != nil {
			return err
		}
		w, err := contend(ctx, s, 8, func(w *writer) error { return w.append(ctx) })
		if err != nil {
			return err
		}
		n := float64(w.done())
		lambda := price.List().Lambda.Request.Of(n) + compute(apiMemory, time.Duration(len(w))*contended)
		t.row(fmt.Sprint(hard), n/contended.Seconds(), milliseconds(w.took().at(50)), milliseconds(w.took().at(99)), w.refused(), w.cost().writes/n, (w.cost().dollars()+lambda)/n*1e6)
	}
	t.end()
	return flushFirst(ctx, r, o)
}

// flushFirst prints what FLUSH_BEFORE_ANSWER does to the time of an answer.
func flushFirst(ctx context.Context, r *report, o options) error {
	t := r.table("flush before or after", "FLUSH_BEFORE_ANSWER, appends of 100 bytes", "",
		column{"mean", "ms", 1}, column{"p50", "ms", 1}, column{"p90", "ms", 1}, column{"p99", "ms", 1}, dollars())
	l, err := lifeOf(ctx, newSite(o.limits, newNetwork(o), 0), 100, 1)
	if err != nil {
		return err
	}
	for _, row := range []struct {
		name string
		took times
	}{{"false: the answer comes first", l.answered}, {"true: it waits for the flush", l.free}} {
		t.row(row.name, milliseconds(row.took.sum())/float64(len(row.took)), milliseconds(row.took.at(50)), milliseconds(row.took.at(90)), milliseconds(row.took.at(99)), l.perMillion())
	}
	t.end()
	return nil
}

// largeSettings prints where large records are cheapest: in the head, in an item that is
// linked (LINK_BYTES), or in an object (OBJECT_BYTES).
func largeSettings(ctx context.Context, r *report, o options) error {
	t := r.table("large records", "Where a record is stored: in the buffer, linked in an item of its own (from LINK_BYTES on), or as an object (from OBJECT_BYTES on); "+priced, "bytes, where",
		column{"WU an append", "", 2}, column{"puts", "", 2}, column{"WU of compaction", "", 2}, column{"answer p50", "ms", 1}, column{"answer p99", "ms", 1},
		column{"next read p50", "ms", 1}, column{"reading all hot", "$/GiB", 3}, dollars())
	const never = 1 << 30
	for _, size := range []int{500, 1000, 1500, 2000, 2500, 4096, 6000, 8192, 16384, 32768, 65536} {
		for _, where := range []struct {
			name          string
			stage, object int
		}{{"buffer", o.limits.BufferSize, never}, {"item", 1, never}, {"object", 1, 1}} {
			limits := o.limits
			limits.StageSize, limits.ObjectSize = where.stage, where.object
			if where.name == "buffer" && size > 8192 {
				continue
			}
			l, err := lifeOf(ctx, newSite(limits, newNetwork(o), 0), size, 1)
			if err != nil {
				return err
			}
			next, err := nextRead(ctx, newSite(limits, newNetwork(o), 0), size)
			if err != nil {
				return err
			}
			n := float64(l.appends)
			t.row(fmt.Sprintf("%d, %s", size, where.name), l.appended.writes/n, l.appended.puts/n, l.compacted.writes/n, milliseconds(l.answered.at(50)), milliseconds(l.answered.at(99)),
				milliseconds(next.at(50)), l.hotRead.dollars()*math.Pow(2, 30)/float64(l.messages*size), l.perMillion())
		}
	}
	t.end()
	return nil
}

// nextRead times how long a process that has read a stream takes for each next record of
// it.
func nextRead(ctx context.Context, s *site, size int) (took times, err error) {
	const name, records = "next", 100
	if err := s.create(ctx, name, contentType); err != nil {
		return nil, err
	}
	writer, err := s.process(stream.Poll{})
	if err != nil {
		return nil, err
	}
	reader, err := s.process(stream.Poll{})
	if err != nil {
		return nil, err
	}
	for at, n := stream.Start(), 0; n < records; n++ {
		if _, _, err := writer.add(ctx, name, text(size)); err != nil {
			return nil, err
		}
		start := time.Now()
		page, err := reader.Read(ctx, name, at)
		if err != nil {
			return nil, err
		}
		took, at = append(took, time.Since(start)), stream.At(page.Next)
	}
	return took, nil
}

// segmentSettings prints what the size of a segment does to appends, compaction and reads
// from the bucket.
func segmentSettings(ctx context.Context, r *report, o options) error {
	t := r.table("segments", "The size of a segment, one message a request (SEGMENT_MAX_MESSAGES, SEGMENT_MAX_BYTES); "+priced, "bytes, most messages, most MiB",
		column{"object", "KiB", 0}, column{"of compaction: $ a million appends", "", 3}, column{"answer p99", "ms", 1}, column{"reading all cold", "MB/s", 1}, column{"reading all cold", "$/GiB", 4},
		column{"first page cold", "ms", 0}, dollars())
	for _, c := range []struct{ size, count, mebibytes int }{
		{100, 100, 4}, {100, 300, 4}, {100, 1000, 4}, {100, 3000, 4}, {100, 10000, 4},
		{1 << 10, 100, 4}, {1 << 10, 300, 4}, {1 << 10, 1000, 4}, {1 << 10, 4000, 4}, {1 << 10, 10000, 16},
		{16 << 10, 1000, 1}, {16 << 10, 1000, 4}, {16 << 10, 1000, 16},
	} {
		limits := o.limits
		limits.PageSize = pageBytes
		limits.SegmentCount, limits.SegmentSize = c.count, c.mebibytes<<20
		l, err := lifeOf(ctx, newSite(limits, newNetwork(o), 0), c.size, 1)
		if err != nil {
			return err
		}
		size, n := float64(l.messages*c.size), float64(l.appends)
		t.row(fmt.Sprintf("%d, %d, %d", c.size, c.count, c.mebibytes), size/float64(l.segments)/1024, l.compacted.dollars()/n*1e6, milliseconds(l.answered.at(99)),
			size/1e6/l.cold.sum().Seconds(), l.coldRead.dollars()*math.Pow(2, 30)/size, milliseconds(l.cold[0]), l.perMillion())
	}
	t.end()
	return nil
}
