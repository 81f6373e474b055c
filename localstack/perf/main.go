// Command perf measures how long appends, reads and long-polls of a server take, one after
// the other, and may be told to fail above a budget (`make perf`; the variables are in
// pkg/config and the README). It is a check from where you are: of a deployment, say. What
// the server can do under load, `make bench` measures.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, env.ToMap(os.Environ()), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "perf:", err)
		os.Exit(1)
	}
}

// run measures, prints, and fails if the budget is enforced and exceeded.
func run(ctx context.Context, environ map[string]string, out io.Writer) error {
	c, err := config.ReadPerf(environ)
	if err != nil {
		return err
	}
	m, err := measure(ctx, c)
	if err != nil {
		return err
	}
	budget := time.Duration(c.BudgetMS * float64(time.Millisecond))
	exceeded := ""
	fmt.Fprintf(out, "%s, %d times each:\n", c.Target(), c.Iterations)
	for _, row := range m.rows {
		slices.Sort(row.took)
		p95 := percentile(row.took, 95)
		fmt.Fprintf(out, "%-16s p50 %8.2f ms   p95 %8.2f ms   p99 %8.2f ms\n", row.name, ms(percentile(row.took, 50)), ms(p95), ms(percentile(row.took, 99)))
		if p95 > budget {
			exceeded += fmt.Sprintf(" %s (%.2f ms)", row.name, ms(p95))
		}
	}
	if c.PollTimeout {
		fmt.Fprintf(out, "%-16s %12.2f ms\n", "long-poll, empty", ms(m.empty))
	}
	switch {
	case exceeded == "":
		fmt.Fprintf(out, "The budget of %.2f ms at p95 is kept.\n", c.BudgetMS)
	case c.Enforced():
		return fmt.Errorf("the budget of %.2f ms at p95 is exceeded by%s", c.BudgetMS, exceeded)
	default:
		fmt.Fprintf(out, "The budget of %.2f ms at p95 is exceeded by%s; PERF_ENFORCE=1 would make that a failure.\n", c.BudgetMS, exceeded)
	}
	return nil
}

// percentile returns the smallest of sorted values that so many percent are not above.
func percentile(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)*percent+99)/100-1]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
