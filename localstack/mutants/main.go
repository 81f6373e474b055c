// Mutants breaks the server on purpose, in one way after the other, and runs the part of
// the suite that must notice: a suite proves nothing that a broken build passes. It prints
// which test noticed each, and after how long, and fails if one survives, does not apply
// any more, or does not compile. Nothing in the working tree is changed.
//
//	go run ./localstack/mutants [-run regexp]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"
)

func main() {
	only := flag.String("run", "", "only the mutants whose names match this regular expression")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	sound := make(map[suite]bool)
	survivors, caught := 0, 0
	for _, m := range mutants {
		if !pattern.MatchString(m.name) {
			continue
		}
		if !sound[m.suite] {
			// What fails anyway notices nothing.
			if v, err := m.suite.test(ctx, root, ""); err != nil || v.failed {
				return fmt.Errorf("%s fails without a mutant: %s%w", m.suite, v.output, err)
			}
			sound[m.suite] = true
		}
		overlay, err := m.overlay(root, dir)
		if err != nil {
			return err
		}
		v, err := m.suite.test(ctx, root, overlay)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if !v.failed {
			survivors++
			fmt.Printf("SURVIVED  %-60s %6.1fs  %s\n", m.name, v.took.Seconds(), m.suite)
			continue
		}
		caught++
		fmt.Printf("caught    %-60s %6.1fs  %s\n", m.name, v.took.Seconds(), v.by)
	}
	fmt.Printf("%d caught, %d survived\n", caught, survivors)
	if survivors > 0 {
		return fmt.Errorf("%d mutants survived", survivors)
	}
	return nil
}

// verdict is what a suite says of a build.
type verdict struct {
	failed bool
	// by names the tests that failed.
	by     string
	output string
	took   time.Duration
}
