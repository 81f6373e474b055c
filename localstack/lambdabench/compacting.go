package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// compacting prints how long appends take while a segment of their stream is compacted,
// in one run with those that are undisturbed, and with those during the compaction of
// another stream: the table's stand-in has as much to do then, for other items.
func compacting(ctx context.Context, w io.Writer, s *site, roundTrip time.Duration) error {
	log, _, err := s.process(stream.Options{}, roundTrip)
	if err != nil {
		return err
	}
	background, _, err := s.process(stream.Options{}, roundTrip)
	if err != nil {
		return err
	}
	const name, other, rounds, each = "compacting", "compacting another", 8, 100
	var quiet, beside, during []time.Duration
	one := func() (time.Duration, error) {
		start := time.Now()
		done, err := log.Append(ctx, name, text(100))
		took := time.Since(start)
		if err == nil && done.FlushDue() {
			err = log.Flush(ctx, name, done)
		}
		return took, err
	}
	for _, of := range []string{name, other} {
		if err := s.create(ctx, of); err != nil {
			return err
		}
	}
	for range rounds {
		for _, of := range []string{name, other} {
			if err := fillSegments(ctx, log, of); err != nil {
				return err
			}
		}
		times, err := timesOf(each, one)
		if err != nil {
			return err
		}
		quiet = append(quiet, times...)
		if times, err = timesDuring(func() error { return compactAll(ctx, background, other) }, one); err != nil {
			return err
		}
		beside = append(beside, times...)
		if times, err = timesDuring(func() error { return compactAll(ctx, background, name) }, one); err != nil {
			return err
		}
		during = append(during, times...)
	}
	fmt.Fprintf(w, "Appends of 100 bytes while segments are compacted (%v a call)\n\n| | appends | p50 ms | p99 ms |\n|---|---|---|---|\n", roundTrip)
	for _, row := range []struct {
		what  string
		times []time.Duration
	}{{"undisturbed", quiet}, {"another stream is compacted", beside}, {"their own stream is compacted", during}} {
		p := percentiles(row.times)
		fmt.Fprintf(w, "| %s | %d | %.2f | %.2f |\n", row.what, len(row.times), milliseconds(p.p50), milliseconds(p.p99))
	}
	b, d := percentiles(beside), percentiles(during)
	fmt.Fprintf(w, "| ratio of the last two | | %.2f | %.2f |\n\n", ratio(d.p50, b.p50), ratio(d.p99, b.p99))
	return nil
}

// fillSegments appends three segments.
func fillSegments(ctx context.Context, log *stream.Log, name string) error {
	const requests, messages = 60, 50
	for range requests {
		a := &stream.Append{ContentType: contentType}
		for range messages {
			a.Records.Add(make([]byte, 100))
		}
		if err := add(ctx, log, name, a); err != nil {
			return err
		}
	}
	return nil
}

// compactAll compacts what has ended of a stream, which must be something.
func compactAll(ctx context.Context, log *stream.Log, name string) error {
	done, err := log.Compact(ctx, name)
	if err == nil && done.Segments == 0 {
		return fmt.Errorf("there was nothing to compact of %s", name)
	}
	return err
}

// timesDuring does something again and again while something else is under way.
func timesDuring(work func() error, do func() (time.Duration, error)) (times []time.Duration, err error) {
	ended := make(chan error, 1)
	go func() { ended <- work() }()
	for {
		took, err := do()
		if err != nil {
			return nil, err
		}
		times = append(times, took)
		select {
		case err := <-ended:
			return times, err
		default:
		}
	}
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
