package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// errNothing says that a run could look at nothing at all.
var errNothing = errors.New("the sweep could look at nothing")

// store is what the function needs of [stream.Log].
type store interface {
	Sweep(ctx context.Context, o stream.SweepOptions) (stream.Swept, error)
}

// function answers the invocations of the schedule.
type function struct {
	store   store
	options stream.SweepOptions
	logger  *slog.Logger
	// namespace is that of the metrics.
	namespace string
}

// handle makes one run, which stops some seconds before the invocation's deadline, and
// returns its report. What could not be done is in the report and in the log, and is
// found again by later runs. The invocation fails only if the run could look at nothing.
func (f *function) handle(ctx context.Context, _ json.RawMessage) (*report, error) {
	ctx, cancel := boot.BeforeDeadline(ctx)
	defer cancel()
	began := time.Now()
	swept, err := f.store.Sweep(ctx, f.options)
	took := time.Since(began)
	done := newReport(swept, took, err)

	level, message := slog.LevelInfo, "swept"
	looked := swept.Items > 0 || swept.ItemsEnd || swept.Objects > 0 || swept.ObjectsEnd || swept.Settled > 0
	switch {
	case !looked:
		level, message = slog.LevelError, "the sweep could look at nothing"
	case errors.Is(err, stream.ErrDamaged):
		level, message = slog.LevelError, "the sweep found damage; somebody has to look (fsck)"
	case err != nil:
		level, message = slog.LevelWarn, "the sweep could not do everything; it is tried again"
	}
	attrs := append([]slog.Attr{slog.Any("report", done)}, metrics.EMF(time.Now(), f.namespace, metrics.Swept(swept, took, err)...)...)
	f.logger.LogAttrs(ctx, level, message, attrs...)
	if !looked {
		// A run that only waited until its time was over has no error of its own.
		return nil, errors.Join(errNothing, err, ctx.Err())
	}
	return done, nil
}
