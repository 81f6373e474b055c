package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
)

// register tells the registries of the streams that began or ended, and returns those for
// which it failed. It says in one line what came of it, which is a set of metrics as well,
// unless there was nothing to do: another record had it done, or there is no registry.
func (f *function) register(ctx context.Context, jobs []job) (failed map[string]bool) {
	failed = make(map[string]bool)
	var names []string
	for _, j := range jobs {
		if j.register {
			names = append(names, j.stream)
		}
	}
	if len(names) == 0 {
		return failed
	}
	began := time.Now()
	done, err := f.streams.Register(ctx, names)
	for _, name := range done.Failed {
		failed[name] = true
	}
	if done.Records == 0 && err == nil {
		return failed
	}
	attrs := []slog.Attr{
		slog.Int("streams", len(names)),
		slog.Int("records", done.Records),
		slog.Float64("took_ms", milliseconds(time.Since(began))),
	}
	level, message := slog.LevelInfo, "registered"
	if err != nil {
		level, message = slog.LevelWarn, "the registry could not be told of all; it is tried again"
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	attrs = append(attrs, metrics.EMF(time.Now(), f.namespace, metrics.Registered(done)...)...)
	f.logger.LogAttrs(ctx, level, message, attrs...)
	return failed
}
