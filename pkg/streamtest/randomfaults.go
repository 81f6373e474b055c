package streamtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// seedVariable sets the seed of the random faults, to repeat a failed run as far
// as the scheduler allows.
const seedVariable = "STREAMTEST_SEED"

// randomFaults runs rounds with several clients of two processes, while a share
// of all driver calls fails and late effects take place at any moment.
func randomFaults(t *testing.T, d stream.Driver, o stream.Objects) {
	rounds := uint64(24)
	if isSlow(d) {
		rounds = 4
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv(seedVariable); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		must(t, err)
	}
	var wg sync.WaitGroup
	for i := range rounds {
		wg.Go(func() {
			if faults, err := randomRound(t.Context(), d, o, seed+i); err != nil {
				t.Errorf("%s=%d: %v\nafter %s", seedVariable, seed+i, err, strings.Join(faults, ", "))
			}
		})
	}
	wg.Wait()
}

func randomRound(ctx context.Context, d stream.Driver, o stream.Objects, seed uint64) (injected []string, err error) {
	const writers, each = 8, 8
	limits := Tiny()
	limits.WriteTimeout = 3 * time.Second
	// Some heads forget commits quickly, so that more outcomes stay unknown.
	limits.Remember = []int{1, 2, 8}[seed%3]
	// And some hold fewer producers than one group has.
	limits.Producers = 1 + int(seed/2%2)
	spare, err := stream.New(d, stream.Options{Objects: o, Limits: limits})
	if err != nil {
		return nil, err
	}
	name := fmt.Sprint("random ", seed)
	contentType := contentTypes[seed/3%2]
	if _, _, err := spare.Create(ctx, name, &stream.Create{Config: stream.Config{ContentType: contentType}}); err != nil {
		return nil, err
	}
	history := &History{}
	var processes []*client
	for i := range uint64(2) {
		f := NewFaults(d)
		f.Random(seed+i, 0.12)
		log, err := stream.New(f, stream.Options{Objects: NewObjectFaults(o, f), Limits: limits})
		if err != nil {
			return nil, err
		}
		processes = append(processes, &client{log: log, spare: spare, faults: f, name: name, contentType: contentType, history: history})
	}
	done := make(chan struct{})
	var late sync.WaitGroup
	late.Go(func() {
		for {
			select {
			case <-time.After(2 * time.Millisecond):
				for _, c := range processes {
					c.faults.ReleaseLate()
				}
			case <-done:
				return
			}
		}
	})
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			c := *processes[i%2]
			c.hasty = i >= writers/2
			errs[i] = c.writeOn(ctx, fmt.Sprint("w", i), each, i%4 > 0)
		})
	}
	wg.Wait()
	close(done)
	late.Wait()
	for _, c := range processes {
		c.faults.Stop()
		c.faults.ReleaseLate()
		injected = append(injected, c.faults.Injected()...)
	}
	if err := errors.Join(errs...); err != nil {
		return injected, err
	}
	if err := history.Verify(ctx, spare, d, o, name); err != nil {
		return injected, err
	}
	// What remained in the buffer still flushes.
	if err := spare.Flush(ctx, name, stream.Appended{}); err != nil {
		return injected, err
	}
	if err := history.Verify(ctx, spare, d, o, name); err != nil {
		return injected, err
	}
	// And what ended is compacted.
	if _, err := spare.Compact(ctx, name); err != nil {
		return injected, err
	}
	return injected, history.Verify(ctx, spare, d, o, name)
}

// writeOn appends one write after the other. A producer that gave a request up
// goes on in a new epoch.
func (c *client) writeOn(ctx context.Context, writer string, n int, producer bool) error {
	var state stream.Producer
	for i := range n {
		w := c.history.Begin(writer, i, 1+i%2, (i*37)%90)
		var tagged *stream.ProducerTag
		if producer {
			tagged = tag(writer, state.Epoch, state.Seq)
		}
		if err := c.append(ctx, w, tagged); err != nil {
			return err
		}
		if state.Seq++; w.outcome != applied {
			state = stream.Producer{Epoch: state.Epoch + 1}
		}
		if i%4 == 3 {
			if err := errors.Join(c.compact(ctx), c.glance(ctx)); err != nil {
				return err
			}
		}
	}
	return nil
}
