package main

import (
	"fmt"
	"math"
	"os"
	"text/tabwriter"
)

// line is one line of the table: the name of a number in the results.
type line struct {
	label, metric string
	// higher says that more is better.
	higher bool
}

var lines = []line{
	{"1  one writer, durable appends: ops/s", "alone ops/s", true},
	{"   p50 ms", "alone p50 ms", false},
	{"   p99 ms", "alone p99 ms", false},
	{"   CPU us per append", "alone cpu us", false},
	{"2  32 writers, the engine's group commit: ops/s", "shared ops/s", true},
	{"   p50 ms", "shared p50 ms", false},
	{"   p99 ms", "shared p99 ms", false},
	{"   CPU us per append", "shared cpu us", false},
	{"2b 32 writers, the same queue before each: ops/s", "queued ops/s", true},
	{"   p50 ms", "queued p50 ms", false},
	{"   p99 ms", "queued p99 ms", false},
	{"   CPU us per append", "queued cpu us", false},
	{"3  4 MiB values, one writer, durable: MB/s", "large MB/s", true},
	{"4  scan of 20,000 x 100 B after reopen: records/s", "scan records/s", true},
	{"   MB/s of values", "scan MB/s", true},
	{"   clean reopen ms", "open ms", false},
	{"5  random get of one of 10,000 heads: ns/op", "get ns", false},
	{"6  200,000 appends in groups of 32: s", "fill s", false},
	{"   bytes written per byte stored", "written x", false},
	{"   disk when full: MiB", "full MiB", false},
	{"   disk peak, first life: MiB", "peak 1 MiB", false},
	{"   deleting the records: ms", "delete ms", false},
	{"   disk 2 s after deletion: MiB", "deleted MiB", false},
	{"   disk peak, second life: MiB", "peak 2 MiB", false},
	{"   disk after explicit compaction: MiB", "compacted MiB", false},
	{"   peak RSS: MiB", "peak RSS MiB", false},
	{"   peak anonymous RSS: MiB", "peak anon MiB", false},
}

// printTable prints each number with its ratio to the best one of its line.
func printTable(got map[string]result) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "row")
	for _, o := range openers {
		fmt.Fprintf(w, "\t%s", o.name)
	}
	fmt.Fprintln(w)
	for _, l := range lines {
		best := math.Inf(1)
		if l.higher {
			best = 0
		}
		for _, o := range openers {
			v := got[o.name][l.metric]
			if l.higher == (v > best) {
				best = v
			}
		}
		fmt.Fprint(w, l.label)
		for _, o := range openers {
			v := got[o.name][l.metric]
			fmt.Fprintf(w, "\t%s (%.2f)", short(v), v/best)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// short prints three digits or more, which is all that the noise leaves.
func short(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 1:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
