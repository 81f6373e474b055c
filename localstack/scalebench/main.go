// The scalebench command shows that what an operation costs does not depend on how much
// there is already: messages in a stream, segments in the bucket, streams in the store,
// forks of forks. `make bench-scale` runs it. For each it does the same operations on a
// small and on large ones in turn, and prints what they cost: requests and units are
// counted, by Amazon's rules, and are exact; processor time and time are medians, as ratios
// to those of the smallest in the same run. It draws a plot of each table.
//
// On DynamoDB ten million messages are not appended. What would be stored then is written
// through the driver: a head, and a manifest for each segment; an object is made when it is
// read. The embedded store is given all of them, a thousand in a request.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

type options struct {
	parts, plots                        string
	messages, streams, embedded, rounds int
}

func main() {
	var o options
	flag.StringVar(&o.parts, "parts", "dynamodb,embedded", "which stores")
	flag.IntVar(&o.messages, "messages", 10_000_000, "messages of the largest stream on DynamoDB, a thousand a segment")
	flag.IntVar(&o.streams, "streams", 100_000, "streams in the store, in the end")
	flag.IntVar(&o.embedded, "embedded-messages", 10_000_000, "messages of the largest stream of the embedded store")
	flag.IntVar(&o.rounds, "rounds", 41, "how often each operation is done")
	flag.StringVar(&o.plots, "plots", "", "`directory` for plots (SVG); empty draws none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, o options) error {
	parts := map[string]func(context.Context, options, func(*series) error) error{"dynamodb": onDynamoDB, "embedded": onDisk}
	for name := range strings.SplitSeq(o.parts, ",") {
		part := parts[name]
		if part == nil {
			return fmt.Errorf("there is no part %q", name)
		}
		err := part(ctx, o, func(s *series) error {
			s.print(w)
			if o.plots == "" {
				return nil
			}
			return s.draw(o.plots)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// save writes a plot.
func save(dir, name string, svg []byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".svg"), svg, 0o644)
}
