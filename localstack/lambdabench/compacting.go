package main

import (
	"context"
	"fmt"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// compacting prints how long appends take while a segment of their stream is compacted,
// beside those that are undisturbed.
func compacting(ctx context.Context, r *report, o options) error {
	s := newSite(o.limits, newNetwork(o), partitionLimit)
	const name, rounds, each = "compacting", 50, 100
	if err := s.create(ctx, name, contentType); err != nil {
		return err
	}
	p, err := s.process(stream.Poll{})
	if err != nil {
		return err
	}
	background, err := s.process(stream.Poll{})
	if err != nil {
		return err
	}
	var quiet, during times
	for range rounds {
		if err := fillSegments(ctx, p, name); err != nil {
			return err
		}
		for range each {
			took, _, err := p.add(ctx, name, text(100))
			if err != nil {
				return err
			}
			quiet = append(quiet, took)
		}
		ended := make(chan error, 1)
		go func() { ended <- compactAll(ctx, background.Log, name) }()
		for compacted := false; !compacted; {
			took, _, err := p.add(ctx, name, text(100))
			if err != nil {
				return err
			}
			during = append(during, took)
			select {
			case err := <-ended:
				if err != nil {
					return err
				}
				compacted = true
			default:
			}
		}
	}
	t := r.table("compacting", "Appends of 100 bytes while segments of their stream are compacted", "", column{"appends", "", 0}, column{"p50", "ms", 2}, column{"p99", "ms", 2})
	for _, row := range []struct {
		what string
		took times
	}{{"undisturbed", quiet}, {"their stream is compacted", during}} {
		t.row(row.what, float64(len(row.took)), milliseconds(row.took.at(50)), milliseconds(row.took.at(99)))
	}
	t.end()
	return nil
}

// fillSegments appends three segments.
func fillSegments(ctx context.Context, p *process, name string) error {
	const requests, messages = 60, 50
	for range requests {
		a := &stream.Append{ContentType: contentType}
		for range messages {
			a.Records.Add(make([]byte, 100))
		}
		if _, _, err := p.add(ctx, name, a); err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond) // within the limit of the partition
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
