// The fsck command checks what is stored, by the local server or by the functions: every
// record, every object, and whether anything is there that nobody needs. It changes
// nothing. Its configuration is in package config.
//
//	fsck [-v] [name ...]
//
// Without names it checks everything. Progress goes to stderr, a summary to stdout.
//
// stores.go opens what is to be checked, report.go says what was found.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/fsck"
)

// Exit statuses.
const (
	sound = iota
	damaged
	// unchecked says that something could not be checked, or nothing at all.
	unchecked
	// littered is sound, but with litter older than a day, which a sweep should have
	// cleared away.
	littered
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], boot.Environ(), os.Stdout, os.Stderr))
}

// run checks what the arguments say, and returns the exit status.
func run(ctx context.Context, args []string, environ map[string]string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("fsck", flag.ContinueOnError)
	flags.SetOutput(stderr)
	verbose := flags.Bool("v", false, "tell of each stream")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: fsck [-v] [name ...]\nWithout names of streams it checks everything that is stored.")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return sound
	} else if err != nil {
		return unchecked
	}
	c, err := config.ReadFsck(environ)
	if err != nil {
		return failed(stderr, err)
	}
	s, err := openStores(ctx, c)
	if err != nil {
		return failed(stderr, err)
	}
	p := newProgress(stderr, *verbose)
	summary, err := fsck.Store(ctx, s.driver, s.objects, fsck.Options{
		Names: flags.Args(), Progress: p.tick, Checked: p.checked,
	})
	if err := errors.Join(err, s.close()); err != nil {
		fmt.Fprintln(stderr, "error:", err)
		summary.Unchecked++
	}
	return report(stdout, summary)
}

// failed says why nothing could be checked.
func failed(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, "error:", err)
	return unchecked
}
