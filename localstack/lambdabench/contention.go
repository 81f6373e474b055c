package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/meter"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

const contenders, contended = 8, 5 * time.Second

// contention has eight processes append to one stream without pause, one of them
// with a round trip ten times as short. It fails if anything was lost or repeated.
// Beside it the same processes make bare conditional updates of one item, which is
// as fast as it can be.
func contention(ctx context.Context, w io.Writer, s *site, roundTrip time.Duration) error {
	if err := s.create(ctx, "contended"); err != nil {
		return err
	}
	bare, err := s.contend(roundTrip, func(one *writer) error { return bareUpdate(ctx, one.meter, s.table) })
	if err != nil {
		return err
	}
	writers, err := s.contend(roundTrip, func(one *writer) error { return one.append(ctx) })
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d processes write one item for %v without pause; process 0 has a round trip of %v, the others of %v\n\n", contenders, contended, roundTrip/10, roundTrip)
	fmt.Fprintln(w, "| process | bare updates | p50 ms | p99 ms | appends | p50 ms | p99 ms | p99/p50 | requests refused, of appends | of flushes |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|")
	for i, one := range writers {
		a, b := percentiles(slices.Clone(one.times)), percentiles(bare[i].times)
		fmt.Fprintf(w, "| %d | %d | %.1f | %.1f | %d | %.1f | %.1f | %.1f | %d | %d |\n", i, len(bare[i].times), milliseconds(b.p50), milliseconds(b.p99),
			len(one.times), milliseconds(a.p50), milliseconds(a.p99), ratio(a.p99, a.p50), one.meter.Take().Refused, one.flushMeter.Take().Refused)
	}
	fmt.Fprintln(w)
	return check(ctx, writers)
}

// contend lets processes do something at the same time, each again and again.
func (s *site) contend(roundTrip time.Duration, do func(*writer) error) ([]*writer, error) {
	writers := make([]*writer, contenders)
	for i := range writers {
		trip := roundTrip
		if i == 0 {
			trip /= 10
		}
		one := &writer{id: i}
		var err error
		if one.log, one.meter, err = s.process(stream.Options{}, trip); err != nil {
			return nil, err
		}
		if one.flusher, one.flushMeter, err = s.process(stream.Options{}, trip); err != nil {
			return nil, err
		}
		writers[i] = one
	}
	until := time.Now().Add(contended)
	var group sync.WaitGroup
	errs := make([]error, len(writers))
	for i, one := range writers {
		group.Go(func() {
			for time.Now().Before(until) && errs[i] == nil {
				start := time.Now()
				errs[i] = do(one)
				one.times = append(one.times, time.Since(start))
			}
			one.flushes.Wait()
		})
	}
	group.Wait()
	return writers, errors.Join(errs...)
}

// writer is a process that appends its number and a count. It flushes after the
// answer, as a function does; with a meter of its own, to tell the two apart.
type writer struct {
	id                int
	log, flusher      *stream.Log
	meter, flushMeter *meter.Client
	flushes           sync.WaitGroup
	times             []time.Duration
}

func (w *writer) append(ctx context.Context) error {
	a := &stream.Append{ContentType: contentType}
	a.Records.Add(fmt.Appendf(nil, "%d %06d%s\n", w.id, len(w.times), strings.Repeat(".", 90)))
	done, err := w.log.Append(ctx, "contended", a)
	if err == nil && done.FlushDue() {
		w.flushes.Go(func() { _ = w.flusher.Flush(ctx, "contended", done) })
	}
	return err
}

// check reads the stream: each writer's records must be there once, in order.
func check(ctx context.Context, writers []*writer) error {
	next, at := make([]int, len(writers)), stream.Start()
	for {
		page, err := writers[1].log.Read(ctx, "contended", at)
		if err != nil {
			return err
		}
		for record := range page.Records() {
			var id, n int
			if _, err := fmt.Sscanf(string(record), "%d %d", &id, &n); err != nil {
				return fmt.Errorf("record %q: %w", record, err)
			}
			if n != next[id] {
				return fmt.Errorf("process %d: record %d where %d is due", id, n, next[id])
			}
			next[id]++
		}
		if page.UpToDate() {
			break
		}
		at = stream.At(page.Next)
	}
	for i, w := range writers {
		if next[i] != len(w.times) {
			return errors.New("records were lost")
		}
	}
	return nil
}
