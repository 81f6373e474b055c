// The livebench command measures what live readers cost one process: it connects up to
// thousands of them to one stream, by server-sent events and by long-polls, and appends to
// it. `make bench-live` runs it. It prints, for each number of readers, how long after the
// writer began to send a message a reader had it, what a reader takes of memory, what a
// delivery takes of processor time, and, of the server that is on DynamoDB, what is asked
// of the table while nothing happens and for each message.
//
// Times depend on the machine, which the readers share with the server. Requests do not.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type options struct {
	server, container string
	modes, readers    string
	deliveries        float64
	events            int
	idle              time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.server, "server", "bin/server", "`program` of the local server; empty leaves it out")
	flag.StringVar(&o.container, "container", "bin/container", "`program` of the container, which runs on stand-ins; empty leaves it out")
	flag.StringVar(&o.modes, "modes", "sse,long-poll", "how readers follow the stream")
	flag.StringVar(&o.readers, "readers", "1,100,1000,10000", "how many there are; 10000 is the most that the server lets in")
	flag.Float64Var(&o.deliveries, "deliveries", 5000, "messages that all readers together get in a second; but no more than 50 are appended")
	flag.IntVar(&o.events, "events", 10, "least number of messages of a row, which also lasts for five seconds at least")
	flag.DurationVar(&o.idle, "idle", 5*time.Second, "how long nothing happens before")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, o options) error {
	var counts []int
	for text := range strings.SplitSeq(o.readers, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-readers: %q is no number of readers", text)
		}
		counts = append(counts, n)
	}
	starts := []struct {
		title, program string
		start          func(context.Context, string) (*server, error)
	}{
		{"The local server, on its own disk", o.server, startLocal},
		{"The container, on a table (a stand-in, in memory)", o.container, startContainer},
	}
	for _, s := range starts {
		if s.program == "" {
			continue
		}
		t := &table{w: w}
		t.head(s.title)
		for mode := range strings.SplitSeq(o.modes, ",") {
			for _, n := range counts {
				// Each row has a process of its own, so that no row has the memory of another.
				r, err := row(ctx, o, mode, n, func(ctx context.Context) (*server, error) { return s.start(ctx, s.program) })
				if err != nil {
					return fmt.Errorf("%s, %s, %d readers: %w", s.title, mode, n, err)
				}
				t.row(r)
			}
		}
		fmt.Fprintln(w)
	}
	return nil
}
