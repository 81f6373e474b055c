package main

import (
	"context"
	"fmt"
	"math"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// writeUnits prints what an append costs, flushes included, by size and number of
// producers; and beside it what it would cost if it were linked, or were not.
func writeUnits(ctx context.Context, r *report, o options) error {
	t := r.table("units", fmt.Sprintf("Write units an append, flush and trim included (records of %d bytes and more are linked, of %d in the bucket)",
		o.limits.StageSize, o.limits.ObjectSize), "bytes",
		column{"no producer", "", 2}, column{"1 producer", "", 2}, column{"8 producers", "", 2}, column{"always in the buffer", "", 2}, column{"always linked", "", 2})
	never, always := o.limits, o.limits
	never.StageSize, always.StageSize = o.limits.BufferSize, 1
	for _, size := range []int{50, 100, 500, 850, 1500, 2500, 4 << 10, 60 << 10, 64 << 10} {
		var row []float64
		for _, c := range []struct {
			producers int
			limits    stream.Limits
		}{{0, o.limits}, {1, o.limits}, {8, o.limits}, {1, never}, {1, always}} {
			units := math.NaN()
			if size < c.limits.BufferSize || c.limits.StageSize < c.limits.BufferSize {
				var err error
				if units, err = appendUnits(ctx, newSite(c.limits, newNetwork(o), 0), size, c.producers); err != nil {
					return err
				}
			}
			row = append(row, units)
		}
		t.row(fmt.Sprint(size), row...)
	}
	t.end()
	return nil
}

// appendUnits is the average over many appends of one process, once the head is as
// full as it gets.
func appendUnits(ctx context.Context, s *site, size, producers int) (float64, error) {
	const warm, measured = 30, 400
	p, err := s.process(stream.Poll{})
	if err != nil {
		return 0, err
	}
	if err := s.create(ctx, "units", contentType); err != nil {
		return 0, err
	}
	seqs := make([]uint64, producers)
	var before cost
	for n := range warm + measured {
		if n == warm {
			before = p.spent()
		}
		a := text(size)
		if producers > 0 {
			of := n % producers
			a.Producer = &stream.ProducerTag{ID: fmt.Sprintf("producer-%d", of), Producer: stream.Producer{Seq: seqs[of]}}
			seqs[of]++
		}
		if _, _, err := p.add(ctx, "units", a); err != nil {
			return 0, err
		}
	}
	return p.spent().since(before).writes / measured, nil
}
