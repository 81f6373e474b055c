// Command soak loads a server for long at a steady rate, as its users would, and says
// whether anything grows: latencies, memory, goroutines, open files, the data directory
// (`make soak`; the variables are in pkg/config and the README).
//
// Requests begin when they are due, whether or not those before were answered, and their
// latency counts from when they were due: a server that stands still for a second is seen
// by all requests of that second. Streams live for a minute and a half, so that what is
// stored comes to a steady state. What readers get is checked: each record once, in
// order, and all that was acknowledged.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, env.ToMap(os.Environ()), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

var (
	errWrong   = errors.New("readers got what they should not, or missed what was acknowledged")
	errFailed  = errors.New("requests failed")
	errGrowing = errors.New("something grows")
)

// run loads, prints a row for each interval and a verdict, and fails if data was wrong,
// requests failed, or memory, goroutines, files or data grow. It ends early with ctx, and
// judges what there is.
func run(ctx context.Context, environ map[string]string, out io.Writer) error {
	c, err := config.ReadSoak(environ)
	if err != nil {
		return err
	}
	l := newLoad(c)
	if err := l.createAll(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s for %v: %d requests a second on %d streams, %d live readers\n%s", c.BaseURL, c.Time, c.Rate, c.Streams, c.Readers, rowHeader)
	loaded, end := context.WithTimeout(ctx, c.Time)
	defer end()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.run(loaded)
	}()
	r := report{Config: c}
	r.Config.AdminToken = "" // the report is for others
	ticks := time.NewTicker(c.Interval)
	defer ticks.Stop()
	for begun := time.Now(); loaded.Err() == nil; {
		select {
		case <-loaded.Done():
		case now := <-ticks.C:
			row := interval{Seconds: now.Sub(begun).Seconds(), Kinds: l.record.take(), Usage: l.sample(ctx)}
			if loaded.Err() != nil {
				break // the load ended in between
			}
			r.Intervals = append(r.Intervals, row)
			row.print(out)
		}
	}
	<-ended
	r.judge(l.record)
	r.print(out)
	if c.JSON != "" {
		if err := r.save(c.JSON); err != nil {
			return err
		}
	}
	switch {
	case len(r.Wrong) > 0:
		return errWrong
	case len(r.Failures) > 0:
		return errFailed
	case r.grows():
		return errGrowing
	}
	return nil
}
