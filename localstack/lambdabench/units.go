package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// writeUnits prints what an append costs, flushes included, by size and number of
// producers; and beside it what it would cost if it were linked, or were not.
func writeUnits(ctx context.Context, w io.Writer, s *site) error {
	fmt.Fprintf(w, "Write units an append, flush and trim included (records of %d bytes and more are linked, of %d in the bucket)\n\n",
		s.limits.StageSize, s.limits.ObjectSize)
	fmt.Fprintln(w, "| bytes | no producer | 1 producer | 8 producers | always in the buffer | always linked |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|")
	never, always := s.limits, s.limits
	never.StageSize, always.StageSize = s.limits.BufferSize, 1
	for _, size := range []int{50, 100, 500, 850, 1500, 2500, 4 << 10, 60 << 10, 64 << 10} {
		fmt.Fprintf(w, "| %d ", size)
		for _, c := range []struct {
			producers int
			limits    stream.Limits
		}{{0, s.limits}, {1, s.limits}, {8, s.limits}, {1, never}, {1, always}} {
			if size >= 40<<10 && c.limits == never {
				fmt.Fprint(w, "| does not fit ")
				continue
			}
			units, err := appendUnits(ctx, s, size, c.producers, c.limits)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "| %.2f ", units)
		}
		fmt.Fprintln(w, "|")
	}
	fmt.Fprintln(w)
	return nil
}

// appendUnits is the average over many appends of one process, once the head is as
// full as it gets.
func appendUnits(ctx context.Context, s *site, size, producers int, l stream.Limits) (float64, error) {
	const warm, measured = 30, 100
	log, m, err := s.process(stream.Options{Limits: l}, 0)
	if err != nil {
		return 0, err
	}
	m.Sizes = true
	name := fmt.Sprintf("units/%d/%d/%d", size, producers, l.StageSize)
	if err := s.create(ctx, name); err != nil {
		return 0, err
	}
	seqs := make([]uint64, producers)
	for n := range warm + measured {
		if n == warm {
			m.Take()
		}
		a := text(size)
		if producers > 0 {
			p := n % producers
			a.Producer = &stream.ProducerTag{ID: fmt.Sprintf("producer-%d", p), Producer: stream.Producer{Seq: seqs[p]}}
			seqs[p]++
		}
		if err := add(ctx, log, name, a); err != nil {
			return 0, err
		}
	}
	return m.Take().WriteUnits / measured, nil
}

// idleReader prints what a live reader costs while nothing happens.
func idleReader(ctx context.Context, w io.Writer, s *site) error {
	const watched = 10 * time.Second
	fmt.Fprintf(w, "A live reader of an idle stream (counted over %v)\n\n| POLL_FAST | POLL_IDLE | polls an hour | read units an hour |\n|---|---|---|---|\n", watched)
	if err := s.create(ctx, "idle"); err != nil {
		return err
	}
	for _, poll := range []stream.Poll{
		{Fast: 20 * time.Millisecond, Idle: 200 * time.Millisecond},
		{Fast: 50 * time.Millisecond, Idle: 500 * time.Millisecond},
		{Fast: 100 * time.Millisecond, Idle: 2 * time.Second},
	} {
		log, m, err := s.process(stream.Options{Poll: poll}, 0)
		if err != nil {
			return err
		}
		follower, _, err := log.Follow(ctx, "idle", stream.Now())
		if err != nil {
			return err
		}
		idle := func(d time.Duration) error {
			waiting, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			if _, err := follower.Next(waiting); waiting.Err() == nil {
				return fmt.Errorf("the idle reader ended: %w", err)
			}
			return nil
		}
		// It looks less and less often at first.
		if err := idle(10 * poll.Idle); err != nil {
			return err
		}
		m.Take()
		if err := idle(watched); err != nil {
			return err
		}
		follower.Close()
		u := m.Take()
		hour := float64(time.Hour / watched)
		fmt.Fprintf(w, "| %v | %v | %.0f | %.0f |\n", poll.Fast, poll.Idle, float64(u.Reads)*hour, u.ReadUnits*hour)
	}
	fmt.Fprintln(w)
	return nil
}
