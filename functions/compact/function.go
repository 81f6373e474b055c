package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// least is the time in which a compaction is worth beginning: the default segment takes
// less.
const least = 3 * time.Second

// streams is what the function needs of [stream.Log].
type streams interface {
	Compact(ctx context.Context, name string) (stream.Compaction, error)
	Register(ctx context.Context, names []string) (stream.Registered, error)
}

// function answers the invocations of the event source mapping.
type function struct {
	streams streams
	logger  *slog.Logger
	// namespace is that of the metrics.
	namespace string
}

// handle tells the registries of the streams that began or ended, all at once, and then
// compacts each stream of which a segment ended, in the order of the first record of
// each, one after the other: the memory of the function is that of one.
//
// What fails is reported, by the records of its stream, and the error is nil: the mapping
// then counts the records before the first of those as done, and delivers the others
// again. That costs those among them that were done a read each. Streams for which no
// time is left are not begun, and reported in the same way; the first of an event always
// is, so that every attempt does something.
func (f *function) handle(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	limited, cancel := boot.BeforeDeadline(ctx)
	defer cancel()
	jobs := f.jobs(e)
	failed := f.register(limited, jobs)
	jobs = slices.DeleteFunc(jobs, func(j job) bool { return !j.compact })
	for i, j := range jobs {
		if i > 0 && !enough(limited) {
			f.logger.Warn("the time is over; the rest is for the next attempt", "done", i, "left", len(jobs)-i)
			for _, j := range jobs[i:] {
				failed[j.stream] = true
			}
			break
		}
		if f.compact(limited, j) != nil {
			failed[j.stream] = true
		}
	}
	// A list that is null would do, but looks like a mistake in a log.
	response := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	for _, r := range e.Records {
		if name, ok := streamOf(r); ok && failed[name] {
			response.BatchItemFailures = append(response.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: r.Change.SequenceNumber})
		}
	}
	return response, nil
}

// enough reports whether there is time for another compaction.
func enough(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || time.Until(deadline) >= least)
}

// compact compacts one stream, and says in one line what came of it. The line is a set
// of metrics as well, unless there was nothing to do: another record had it done.
func (f *function) compact(ctx context.Context, j job) error {
	began := time.Now()
	done, err := f.streams.Compact(ctx, j.stream)
	took, lag := time.Since(began), j.lag()
	attrs := []slog.Attr{
		slog.String("stream", j.stream),
		slog.Int("segments", done.Segments),
		slog.Int64("bytes", done.Bytes),
		slog.Float64("took_ms", milliseconds(took)),
	}
	if lag >= 0 {
		attrs = append(attrs, slog.Float64("lag_ms", milliseconds(lag)))
	}
	if err == nil && done.Segments == 0 {
		f.logger.LogAttrs(ctx, slog.LevelDebug, "nothing to compact", attrs...)
		return nil
	}
	level, message := slog.LevelInfo, "compacted"
	switch {
	case errors.Is(err, stream.ErrDamaged):
		// Trying again is of no use, but it leads to the dead letters, where somebody looks.
		// The error names life, segment and cause.
		level, message = slog.LevelError, "compaction found damage; somebody has to look (fsck)"
	case err != nil:
		level, message = slog.LevelWarn, "compaction failed; it is tried again"
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	attrs = append(attrs, metrics.EMF(time.Now(), f.namespace, metrics.Compacted(done, took, lag, err)...)...)
	f.logger.LogAttrs(ctx, level, message, attrs...)
	return err
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
