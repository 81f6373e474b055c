package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// partitionLimit is what DynamoDB takes for one partition, in write units a second.
const partitionLimit = 1000

// contention has 1 to 32 processes append to one stream without pause, each flushing
// what it finds due before it goes on, as a function does. It fails if anything that was
// acknowledged was lost, or anything was repeated. Beside it the same processes make bare
// updates of one item. First with the limit that DynamoDB has, then without.
func contention(ctx context.Context, r *report, o options) error {
	for _, limit := range []float64{partitionLimit, 0} {
		name, sentence := "contention", fmt.Sprintf("Processes that append 100 bytes to one stream without pause, for %v, on a partition that takes %d write units a second, as DynamoDB's do", contended, partitionLimit)
		if limit == 0 {
			name, sentence = "contention, no limit", "The same on a partition without a limit, which DynamoDB does not have: what is refused here is refused by the appends of others"
		}
		t := r.table(name, sentence, "processes",
			column{"bare updates", "1/s", 0}, column{"appends", "1/s", 0}, column{"p50", "ms", 1}, column{"p99", "ms", 1}, column{"requests an append", "", 2},
			column{"write units an append", "", 2}, column{"least/most of a process", "", 2}, column{"Jain's index", "", 3},
			column{"attempts refused", "%", 2}, column{"throttled an append", "", 2}, column{"answered 503", "%", 2})
		for _, n := range []int{1, 2, 4, 8, 16, 32} {
			bare, err := contend(ctx, newSite(o.limits, newNetwork(o), limit), n, func(w *writer) error { return w.update(ctx) })
			if err != nil {
				return err
			}
			s := newSite(o.limits, newNetwork(o), limit)
			if err := s.create(ctx, contendedStream, contentType); err != nil {
				return err
			}
			w, err := contend(ctx, s, n, func(w *writer) error { return w.append(ctx) })
			if err != nil {
				return err
			}
			if err := check(ctx, s, w); err != nil {
				return fmt.Errorf("%d processes: %w", n, err)
			}
			c, all := w.cost(), float64(w.done())
			t.row(fmt.Sprint(n), float64(bare.done())/contended.Seconds(), all/contended.Seconds(), milliseconds(w.took().at(50)), milliseconds(w.took().at(99)),
				float64(c.requests)/all, c.writes/all, w.least()/w.most(), w.jain(), w.refused(), w.throttled()/all, 100*w.failed()/(all+w.failed()))
		}
		t.end()
	}
	return nil
}

const (
	contended       = 10 * time.Second
	contendedStream = "contended"
)

// contend lets processes do something at the same time, each again and again.
func contend(ctx context.Context, s *site, n int, do func(*writer) error) (writers, error) {
	all := make(writers, n)
	for i := range all {
		p, err := s.process(stream.Poll{})
		if err != nil {
			return nil, err
		}
		all[i] = &writer{process: p, id: i, acknowledged: make(map[int]bool)}
	}
	until := time.Now().Add(contended)
	var group sync.WaitGroup
	errs := make([]error, n)
	for i, w := range all {
		group.Go(func() {
			for time.Now().Before(until) && errs[i] == nil {
				err := do(w)
				if throttled := w.client.Throttled.Load() > 0; err != nil && !errors.Is(err, stream.ErrUnavailable) && !throttled {
					errs[i] = err
				}
			}
		})
	}
	group.Wait()
	return all, errors.Join(errs...)
}

// writer is a process that appends its number and a count.
type writer struct {
	*process
	id, next     int
	acknowledged map[int]bool
	unavailable  int
	answers      times
}

func (w *writer) append(ctx context.Context) error {
	a := &stream.Append{ContentType: contentType}
	a.Records.Add(fmt.Appendf(nil, "%d %06d%s\n", w.id, w.next, strings.Repeat(".", 90)))
	n := w.next
	w.next++
	ctx = w.counted(ctx)
	start := time.Now()
	done, err := w.Append(ctx, contendedStream, a)
	w.answers = append(w.answers, time.Since(start))
	if err != nil {
		w.unavailable++
		return err
	}
	w.acknowledged[n] = true
	if done.FlushDue() {
		return w.Flush(ctx, contendedStream, done)
	}
	return nil
}

func (w *writer) update(ctx context.Context) error {
	err := w.process.update(ctx)
	if err == nil {
		w.acknowledged[len(w.acknowledged)] = true
	}
	return err
}

// writers are all of them together.
type writers []*writer

func (all writers) done() (n int) {
	for _, w := range all {
		n += len(w.acknowledged)
	}
	return n
}

func (all writers) took() (t times) {
	for _, w := range all {
		t = append(t, w.answers...)
	}
	return t
}

func (all writers) cost() (c cost) {
	for _, w := range all {
		c = c.and(w.spent())
	}
	return c
}

// least is how much the one has done that has done least.
func (all writers) least() float64 {
	least := len(all[0].acknowledged)
	for _, w := range all {
		least = min(least, len(w.acknowledged))
	}
	return float64(least)
}

func (all writers) most() float64 {
	most := 0
	for _, w := range all {
		most = max(most, len(w.acknowledged))
	}
	return float64(most)
}

// jain is Jain's index of fairness: 1 if all have done as much, 1/n if one has done it all.
func (all writers) jain() float64 {
	var sum, squares float64
	for _, w := range all {
		x := float64(len(w.acknowledged))
		sum += x
		squares += x * x
	}
	return sum * sum / (float64(len(all)) * squares)
}

// refused is the share of the attempts of appends that the head did not admit.
func (all writers) refused() float64 {
	var attempts, conflicts float64
	for _, w := range all {
		s := w.usage.Spent()
		attempts += float64(s.Attempts)
		conflicts += float64(s.Conflicts)
	}
	return 100 * conflicts / attempts
}

func (all writers) throttled() (n float64) {
	for _, w := range all {
		n += float64(w.client.Throttled.Load())
	}
	return n
}

func (all writers) failed() (n float64) {
	for _, w := range all {
		n += float64(w.unavailable)
	}
	return n
}

// check reads the stream: what was acknowledged must be there, each writer's records in
// order, and none twice.
func check(ctx context.Context, s *site, all writers) error {
	p, err := s.process(stream.Poll{})
	if err != nil {
		return err
	}
	last, found, at := make(map[int]int), 0, stream.Start()
	for {
		page, err := p.Read(ctx, contendedStream, at)
		if err != nil {
			return err
		}
		for record := range page.Records() {
			var id, n int
			if _, err := fmt.Sscanf(string(record), "%d %d", &id, &n); err != nil {
				return fmt.Errorf("record %q: %w", record, err)
			}
			if before, any := last[id]; any && n <= before {
				return fmt.Errorf("process %d: record %d after %d", id, n, before)
			}
			last[id] = n
			if all[id].acknowledged[n] {
				found++
			}
		}
		if page.UpToDate() {
			break
		}
		at = stream.At(page.Next)
	}
	if found != all.done() {
		return fmt.Errorf("%d records were acknowledged, and %d of them are there", all.done(), found)
	}
	return nil
}
