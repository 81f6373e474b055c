// Command bench measures Durable Streams servers over HTTP on this machine and
// prints one table of them:
//
//	go build -o /tmp/server ./localstack/server
//	go run ./localstack/bench -server /tmp/server
//
// Our server and the npm reference server are started by it, each on a free
// port of 127.0.0.1 and with a fresh data directory; further servers are named
// by -url. Within a row the servers take turns, so that all of them see the
// machine in the same state. Every answer's status is checked and every append
// row reads back what was acknowledged: a row that is not right has no figure.
//
// Progress goes to stderr, the table to stdout.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

type options struct {
	server, script, tmp, json string
	reference, ceiling        bool
	seconds                   float64
	rounds                    int
	rows                      *regexp.Regexp
	urls                      []string
}

func main() {
	o := options{rows: regexp.MustCompile("")}
	flag.StringVar(&o.server, "server", "", "our server's `binary`, started with PORT and DATA_DIR set")
	flag.BoolVar(&o.reference, "reference", true, "measure the npm reference server as well")
	flag.StringVar(&o.script, "reference-script", "localstack/bench/reference.mjs", "`file` that starts it, for node")
	flag.BoolVar(&o.ceiling, "ceiling", false, "measure a server that only keeps bytes in memory: the upper bound of this harness")
	flag.Func("url", "`name=http://host:port[/prefix]` of a running server; may be repeated", func(s string) error {
		o.urls = append(o.urls, s)
		return nil
	})
	flag.Float64Var(&o.seconds, "seconds", 3, "measured time per row and server")
	flag.IntVar(&o.rounds, "rounds", 3, "times that each row is run; the table has the medians")
	flag.Func("rows", "`regexp` that selects rows by name", func(s string) (err error) {
		o.rows, err = regexp.Compile(s)
		return err
	})
	flag.StringVar(&o.tmp, "tmp", os.TempDir(), "`directory` for the servers' data; its disk is part of what is measured")
	flag.StringVar(&o.json, "json", "", "`file` that all figures are written to as well")
	gobench := flag.String("gobench", "", "measure nothing: print the report in this JSON `file` as benchstat reads it")
	memoryServer := flag.Bool("serve-memory", false, "be the server of -ceiling (for internal use)")
	flag.Parse()
	if base := os.Getenv("BASE_URL"); base != "" {
		o.urls = append(o.urls, "BASE_URL="+base)
	}
	if *gobench != "" {
		if err := printGoBench(os.Stdout, *gobench); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if flag.NArg() > 0 || o.seconds <= 0 || o.rounds < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if *memoryServer {
		fmt.Fprintln(os.Stderr, serveMemory())
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

var errFailed = errors.New("some rows failed")

func run(ctx context.Context, o options) error {
	selected := selectRows(o.rows)
	if len(selected) == 0 {
		return fmt.Errorf("no row matches %q", o.rows)
	}
	machine := machineOf() // before the servers are part of it
	disk, err := diskOf(o.tmp)
	if err != nil {
		return err
	}
	ts, err := startAll(ctx, o)
	defer func() {
		for _, t := range ts {
			t.stop()
		}
	}()
	if err != nil {
		return err
	}
	rep := &report{Machine: machine, Disk: disk, Seconds: o.seconds, Rounds: o.rounds}
	for _, t := range ts {
		rep.Servers = append(rep.Servers, serverID{t.name, t.note})
	}
	err = measure(ctx, o, ts, rep, selected)
	rep.print(os.Stdout)
	if o.json != "" {
		err = errors.Join(err, rep.save(o.json))
	}
	return err
}

// startAll starts and lists the servers, ours before all others. It returns
// those started so far even with an error.
func startAll(ctx context.Context, o options) (ts []*target, err error) {
	add := func(t *target, err error) error {
		if err == nil {
			ts = append(ts, t)
		}
		return err
	}
	if o.server != "" {
		if err := add(start(ctx, "ours", o.tmp, o.server)); err != nil {
			return ts, err
		}
	}
	if o.ceiling {
		self, err := os.Executable()
		if err == nil {
			err = add(start(ctx, "ceiling", o.tmp, self, "-serve-memory"))
		}
		if err != nil {
			return ts, err
		}
		ts[len(ts)-1].note = "net/http and memory only, nothing durable"
	}
	for _, u := range o.urls {
		if err := add(remote(u)); err != nil {
			return ts, err
		}
	}
	if o.reference {
		if err := add(start(ctx, referenceName, o.tmp, "node", o.script)); err != nil {
			return ts, fmt.Errorf("%w\n(it needs `npm install`, and the repository's root as working directory)", err)
		}
		ts[len(ts)-1].note = ts[len(ts)-1].banner()
	}
	if len(ts) == 0 {
		return ts, errors.New("nothing to measure: give -server, -url or -reference")
	}
	return ts, nil
}

// measure runs the rows. Within each, every round visits all servers, every
// other one in the opposite order.
func measure(ctx context.Context, o options, ts []*target, rep *report, selected []row) error {
	b := newBench(time.Duration(o.seconds*float64(time.Second)), o.tmp)
	var failed error
	for i, r := range selected {
		began := time.Now()
		res := rep.row(r.name)
		for round := range o.rounds {
			for j := range ts {
				if round%2 == 1 {
					j = len(ts) - 1 - j
				}
				if res.failed(j) {
					continue
				}
				s := one(ctx, b, r, ts[j])
				if ctx.Err() != nil {
					return errors.New("interrupted")
				}
				if s.err != nil {
					failed = errFailed
					fmt.Fprintf(os.Stderr, "%s: %s: %v%s%s\n", r.name, ts[j].name, s.err, ts[j].died(), ts[j].logTail())
				}
				res.add(j, s)
			}
		}
		fmt.Fprintf(os.Stderr, "[%d/%d] %s, %.1f s: %s\n", i+1, len(selected), r.name,
			time.Since(began).Seconds(), res.summary())
	}
	return failed
}

// one runs a row once on one server.
func one(ctx context.Context, b *bench, r row, t *target) sample {
	ctx, cancel := context.WithTimeoutCause(ctx, b.limit(), errors.New("row exceeded its time limit"))
	defer cancel()
	server, client, began := cpuOf(t.pid()), cpuOf(os.Getpid()), time.Now()
	ms, err := r.run(ctx, b, t)
	wall := time.Since(began)
	return sample{
		metrics: ms, err: err,
		serverCPU: float64(max(cpuOf(t.pid())-server, 0)) / float64(wall), // 0 for one that died
		clientCPU: float64(cpuOf(os.Getpid())-client) / float64(wall),
	}
}

func selectRows(re *regexp.Regexp) (selected []row) {
	for _, r := range rows() {
		if re.MatchString(r.name) {
			selected = append(selected, r)
		}
	}
	return selected
}
