package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/meter"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// contention has eight processes append to one stream without pause, one of them
// with a round trip ten times as short. It fails if anything was lost or repeated.
func contention(ctx context.Context, w io.Writer, s *site, roundTrip time.Duration) error {
	const processes, lasts = 8, 5 * time.Second
	if err := s.create(ctx, "contended"); err != nil {
		return err
	}
	writers := make([]*writer, processes)
	for i := range writers {
		trip := roundTrip
		if i == 0 {
			trip /= 10
		}
		log, m, err := s.process(stream.Options{}, trip)
		if err != nil {
			return err
		}
		writers[i] = &writer{id: i, log: log, meter: m}
	}
	until := time.Now().Add(lasts)
	var group sync.WaitGroup
	for _, one := range writers {
		group.Go(func() { one.run(ctx, until) })
	}
	group.Wait()

	fmt.Fprintf(w, "%d processes append to one stream for %v without pause; process 0 has a round trip of %v, the others of %v\n\n", processes, lasts, roundTrip/10, roundTrip)
	fmt.Fprintln(w, "| process | appends | p50 ms | p99 ms | requests refused |\n|---|---|---|---|---|")
	for _, one := range writers {
		if one.err != nil {
			return fmt.Errorf("process %d: %w", one.id, one.err)
		}
		t := percentiles(one.times)
		fmt.Fprintf(w, "| %d | %d | %.1f | %.1f | %d |\n", one.id, len(one.times), milliseconds(t.p50), milliseconds(t.p99), one.usage.Refused)
	}
	fmt.Fprintln(w)
	return check(ctx, writers)
}

// writer is a process that appends its number and a count.
type writer struct {
	id    int
	log   *stream.Log
	meter *meter.Client
	times []time.Duration
	usage meter.Usage
	err   error
}

func (w *writer) run(ctx context.Context, until time.Time) {
	var flushes sync.WaitGroup
	defer flushes.Wait()
	for time.Now().Before(until) && w.err == nil {
		a := &stream.Append{ContentType: contentType}
		a.Records.Add(fmt.Appendf(nil, "%d %06d%s\n", w.id, len(w.times), strings.Repeat(".", 90)))
		start := time.Now()
		done, err := w.log.Append(ctx, "contended", a)
		if err != nil {
			w.err = err
			return
		}
		w.times = append(w.times, time.Since(start))
		if done.FlushDue() {
			flushes.Go(func() { _ = w.log.Flush(ctx, "contended", done) })
		}
	}
	flushes.Wait()
	w.usage = w.meter.Take()
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
