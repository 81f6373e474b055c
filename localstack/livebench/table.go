package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// result is a row of the table.
type result struct {
	mode    string
	readers int
	// delays are those of all deliveries, and appends those until the writer was answered.
	delays, appends []time.Duration
	// before is the process without readers, and with is it with all of them, after they
	// have been served.
	before, with footprint
	// cpu is what the process used while messages were delivered, seconds how long that was.
	cpu     time.Duration
	seconds float64
	// idle counts the requests to the table in the time without messages, busy those after.
	idle, busy  int
	idleSeconds float64
	counted     bool
	// again counts answers that asked a reader to come again later.
	again int64
}

type table struct{ w io.Writer }

func (t *table) head(title string) {
	fmt.Fprintf(t.w, "%s\n\n", title)
	fmt.Fprintln(t.w, "| readers | by | messages/s | delivery p50, ms | p99 | most | append p50, ms | RSS, KiB a reader | heap | stacks | goroutines a reader | CPU a delivery, µs | idle: requests to the table a second | busy: a message | 503s |")
	fmt.Fprintln(t.w, "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
}

func (t *table) row(r result) {
	n, messages := float64(r.readers), float64(len(r.appends))
	kib := func(with, before int64) string {
		if with == 0 {
			return "n/a"
		}
		return fmt.Sprintf("%.1f", float64(with-before)/n/1024)
	}
	idle, busy, goroutines := "n/a", "n/a", "n/a"
	if r.counted {
		idle, busy = fmt.Sprintf("%.1f", float64(r.idle)/r.idleSeconds), fmt.Sprintf("%.1f", float64(r.busy)/messages)
	}
	if r.with.goroutines > 0 {
		goroutines = fmt.Sprintf("%.2f", float64(r.with.goroutines-r.before.goroutines)/n)
	}
	fmt.Fprintf(t.w, "| %d | %s | %.1f | %.2f | %.2f | %.2f | %.2f | %s | %s | %s | %s | %.1f | %s | %s | %d |\n", r.readers, r.mode, messages/r.seconds,
		quantile(r.delays, 0.5), quantile(r.delays, 0.99), quantile(r.delays, 1), quantile(r.appends, 0.5),
		kib(r.with.rss, r.before.rss), kib(r.with.heap, r.before.heap), kib(r.with.stacks, r.before.stacks), goroutines,
		float64(r.cpu.Microseconds())/(messages*n), idle, busy, r.again)
}

// quantile returns the share q of some times, in milliseconds.
func quantile(all []time.Duration, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return float64(all[max(0, min(len(all)-1, int(q*float64(len(all)))))]) / float64(time.Millisecond)
}
