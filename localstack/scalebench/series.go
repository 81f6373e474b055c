package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// series is what operations cost as something grows.
type series struct {
	// store and what name it: what costs are of, and what grows.
	store, what string
	// counted says that requests and units are known.
	counted bool
	sizes   []int
	// operations are in the order of the table.
	operations []operation
	costs      map[string]map[int]*cost
}

// operation is something that is done to one of the sizes.
type operation struct {
	name string
	do   func(ctx context.Context, size int) error
	// undo removes what it made, uncounted; nil if that is nothing.
	undo func(ctx context.Context, size int) error
	// once says that it can be done once only.
	once bool
}

// cost is what an operation took at a size, in all.
type cost struct {
	uses int
	// reads and writes are requests to the table, gets those to the bucket.
	reads, writes, gets   int
	readUnits, writeUnits float64
	took, cpu             []time.Duration
}

// measure does each operation in turn at all sizes, and then again. gets returns how many
// objects have been read so far.
func (s *series) measure(ctx context.Context, rounds int, gets func() int) error {
	s.costs = make(map[string]map[int]*cost)
	for _, op := range s.operations {
		s.costs[op.name] = make(map[int]*cost)
		for _, size := range s.sizes {
			s.costs[op.name][size] = new(cost)
		}
		for round := range rounds {
			if op.once && round > 0 {
				break
			}
			for i := range s.sizes {
				// Every other time in the opposite order.
				if round%2 == 1 {
					i = len(s.sizes) - 1 - i
				}
				if err := s.costs[op.name][s.sizes[i]].of(ctx, op, s.sizes[i], gets); err != nil {
					return fmt.Errorf("%s, at %d %s: %w", op.name, s.sizes[i], s.what, err)
				}
			}
		}
	}
	return nil
}

// of does an operation once.
func (c *cost) of(ctx context.Context, op operation, size int, gets func() int) error {
	u, objects := new(stream.Usage), gets()
	began, cpu := time.Now(), processorTime()
	err := op.do(stream.WithUsage(ctx, u), size)
	c.took, c.cpu = append(c.took, time.Since(began)), append(c.cpu, processorTime()-cpu)
	c.uses++
	c.gets += gets() - objects
	spent := u.Spent()
	for _, call := range spent.Calls {
		switch call.Operation {
		case "GetItem", "Query", "Scan":
			c.reads += call.Requests
		default:
			c.writes += call.Requests
		}
	}
	c.readUnits, c.writeUnits = c.readUnits+spent.ReadUnits, c.writeUnits+spent.WriteUnits
	if err == nil && op.undo != nil {
		err = op.undo(ctx, size)
	}
	return err
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// requests and units are those of one operation on average: a flush may be due after an
// append, or may not.
func (c *cost) requests() float64 { return float64(c.reads+c.writes+c.gets) / float64(c.uses) }
func (c *cost) units() float64    { return (c.readUnits + c.writeUnits) / float64(c.uses) }

func median[T cmp.Ordered](all []T) T {
	s := slices.Sorted(slices.Values(all))
	return s[len(s)/2]
}

// ratio compares a figure with that of the smallest size.
func (s *series) ratio(op string, size int, figure func(*cost) float64) float64 {
	smallest := figure(s.costs[op][s.sizes[0]])
	if smallest == 0 {
		return 1
	}
	return figure(s.costs[op][size]) / smallest
}

func inTime(c *cost) float64 { return float64(median(c.took)) }
func inCPU(c *cost) float64  { return float64(median(c.cpu)) }

func (s *series) print(w io.Writer) {
	fmt.Fprintf(w, "%s: what an operation costs as there are more %s\n\n", s.store, s.what)
	if s.counted {
		fmt.Fprintf(w, "| | %s | reads | writes | objects read | read units | write units | CPU, ms | ratio | time, ms | ratio |\n|---|---|---|---|---|---|---|---|---|---|---|\n", s.what)
	} else {
		fmt.Fprintf(w, "| | %s | CPU, ms | ratio | time, ms | ratio |\n|---|---|---|---|---|---|\n", s.what)
	}
	for _, op := range s.operations {
		for _, size := range s.sizes {
			c := s.costs[op.name][size]
			n := float64(c.uses)
			fmt.Fprintf(w, "| %s | %d |", op.name, size)
			if s.counted {
				fmt.Fprintf(w, " %.2f | %.2f | %.2f | %.2f | %.2f |", float64(c.reads)/n, float64(c.writes)/n, float64(c.gets)/n, c.readUnits/n, c.writeUnits/n)
			}
			fmt.Fprintf(w, " %.3f | %.2f | %.3f | %.2f |\n", inCPU(c)/1e6, s.ratio(op.name, size, inCPU), inTime(c)/1e6, s.ratio(op.name, size, inTime))
		}
	}
	fmt.Fprintln(w)
}
