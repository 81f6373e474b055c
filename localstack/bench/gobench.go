package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// printGoBench writes the report in a file in the format of Go's benchmarks: one line for
// each row, server and round. That is what benchstat compares.
func printGoBench(out io.Writer, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var rep report
	if err := json.Unmarshal(b, &rep); err != nil {
		return fmt.Errorf("%s is not a report that was written with -json: %w", file, err)
	}
	fmt.Fprintf(out, "machine: %s\ndisk: %s\n", rep.Machine, rep.Disk)
	for _, r := range rep.Rows {
		for server, id := range rep.Servers {
			for round := range rep.Rounds {
				if line := r.goBench(server, round); line != "" {
					fmt.Fprintf(out, "BenchmarkRow/%s/server=%s 1%s\n", goName(r.Name), goName(id.Name), line)
				}
			}
		}
	}
	return nil
}

// goBench is what a row measured of a server in a round, as pairs of value and unit; empty
// if it has nothing.
func (r *rowStats) goBench(server, round int) string {
	var line strings.Builder
	for _, f := range r.Figures {
		if rounds := f.Rounds[server]; round < len(rounds) && rounds[round] != nil {
			fmt.Fprintf(&line, " %g %s", *rounds[round], goName(strings.TrimSpace(f.Name+" "+f.Unit)))
		}
	}
	return line.String()
}

// goName makes one word of a name, as lines are split at blanks.
func goName(s string) string {
	return strings.NewReplacer(", ", "_", ",", "", " ", "-", "+", "_").Replace(s)
}
