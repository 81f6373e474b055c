package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// interval is one row: what happened since the row before, and what the server takes at
// its end.
type interval struct {
	Seconds float64
	Kinds   map[string]stats
	Usage   usage
}

const (
	rowHeader = "    time  requests    p50     p99     max  append p50   p99  lag p50     p99   memory  goroutines  files     data\n"
	rowFormat = "%7.0fs %9d %6.1f %7.1f %7.1f %11.1f %5.1f %8.1f %7.1f %8s %11s %6s %8s\n"
)

// print writes a row: times in milliseconds, sizes in MiB.
func (i interval) print(out io.Writer) {
	all, plain, lag := i.Kinds[everyRequest], i.Kinds[appendPlain], i.Kinds[longPoll]
	fmt.Fprintf(out, rowFormat, i.Seconds, all.Count, all.P50, all.P99, all.Max, plain.P50, plain.P99, lag.P50, lag.P99,
		mib(i.Usage.Memory), count(i.Usage.Goroutines), count(i.Usage.Files), mib(i.Usage.Data))
}

func mib(bytes int) string {
	if bytes < 0 {
		return "-"
	}
	return strconv.FormatFloat(float64(bytes)/(1<<20), 'f', 1, 64)
}

func count(n int) string {
	if n < 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// report is all that a run found, as it is saved.
type report struct {
	Config    config.Soak
	Intervals []interval
	Latencies []latency
	Growth    []growth
	// Failures counts the requests that failed, by what happened. Wrong is what readers
	// should not have seen.
	Failures map[string]int
	Wrong    []string
}

func (r *report) save(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

func (r *report) print(out io.Writer) {
	fmt.Fprintf(out, "\n%-20s %9s %28s %28s %17s %9s\n%-20s %9s %9s %9s %8s %9s %9s %8s %8s %8s %9s\n",
		"", "", "first quarter, ms", "last quarter, ms", "last/first", "", "", "requests", "p50", "p99", "max", "p50", "p99", "max", "p50", "p99", "max, ms")
	for _, l := range r.Latencies {
		fmt.Fprintf(out, "%-20s %9d %9.1f %9.1f %8.1f %9.1f %9.1f %8.1f %8.2f %8.2f %9.1f\n",
			l.Kind, l.Count, l.First.P50, l.First.P99, l.First.Max, l.Last.P50, l.Last.P99, l.Last.Max, l.P50Ratio, l.P99Ratio, l.Max)
	}
	fmt.Fprintln(out)
	for _, g := range r.Growth {
		fmt.Fprintf(out, "%-20s first quarter %12.0f, last quarter %12.0f, last/first %5.2f, slope %+.0f an hour: %s\n", g.What, g.First, g.Last, g.Ratio, g.PerHour, g.verdict())
	}
	for _, what := range sorted(r.Failures) {
		fmt.Fprintf(out, "FAILED %d times: %s\n", r.Failures[what], what)
	}
	for _, w := range r.Wrong {
		fmt.Fprintf(out, "WRONG: %s\n", w)
	}
	if len(r.Failures)+len(r.Wrong) == 0 {
		fmt.Fprintln(out, "No request failed, and every reader got each record once, in order, and all that was acknowledged.")
	}
}

func sorted(m map[string]int) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
