package streamtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// walkers lets readers walk through a stream from its start while it grows, and while
// what they read moves from the head into chunks, into objects, and out of the chunks:
// between their pages, and between the requests of one page.
func walkers(t *testing.T, open func(t *testing.T) (stream.Driver, stream.Objects)) {
	const schedules = 300
	d, _ := open(t)
	var seeds []uint64
	for seed := range uint64(schedules) {
		if sampled(d, fmt.Sprint("walk ", seed)) {
			seeds = append(seeds, seed)
		}
	}
	inParallel(d, seeds, func(seed uint64) {
		own, o := open(t)
		if err := walkThrough(t.Context(), own, o, seed); err != nil {
			t.Errorf("schedule %d: %v", seed, err)
		}
	})
	t.Logf("%d schedules", len(seeds))
}

// walk is a stream that somebody walks through.
type walk struct {
	mu      sync.Mutex // a page makes several requests at once
	random  *rand.Rand
	driver  *Lazy
	clock   *Clock
	others  *stream.Log
	unit    string
	text    strings.Builder
	written int
	err     error
}

// grows is how many appends a walked stream gets.
const grows = 40

func walkThrough(ctx context.Context, d stream.Driver, o stream.Objects, seed uint64) error {
	w := &walk{random: rand.New(rand.NewPCG(seed, 0)), driver: NewLazy(d), clock: NewClock(), unit: []string{"text/plain", "application/json"}[seed%2]}
	log := func(d stream.Driver, o stream.Objects) (*stream.Log, error) {
		return stream.New(d, stream.Options{Objects: o, Limits: Tiny(), Now: w.clock.Now})
	}
	f := NewFaults(w.driver)
	reader, err := log(f, NewObjectFaults(o, f))
	if err != nil {
		return err
	}
	if w.others, err = log(w.driver, o); err != nil {
		return err
	}
	if _, _, err := w.others.Create(ctx, "walk", &stream.Create{Config: stream.Config{ContentType: w.unit}}); err != nil {
		return err
	}
	// It has a long way to go, so that most of it moves under its feet.
	for w.written < grows/2 {
		w.step(ctx)
	}
	at, got := stream.Start(), ""
	for {
		for range w.draw(3) {
			w.step(ctx)
		}
		for range w.draw(4) {
			f.Before(1+w.draw(4), func() { w.step(ctx) })
		}
		p, err := reader.Read(ctx, "walk", at)
		if err = errors.Join(err, w.failure()); err != nil {
			return fmt.Errorf("after %d bytes: %w", len(got), err)
		}
		if err := checkPage(p); err != nil {
			return err
		}
		got += pageText(p)
		at = stream.At(p.Next)
		want := w.sofar()
		if !strings.HasPrefix(want, got) {
			return fmt.Errorf("the reader has something else: %s", firstDifference(got, want))
		}
		if p.UpToDate() && got == want && w.written >= grows {
			return nil
		}
	}
}

func (w *walk) draw(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.IntN(n)
}

func (w *walk) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *walk) sofar() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// step does one thing that the reader must not notice.
func (w *walk) step(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var err error
	switch w.random.IntN(6) {
	case 0, 1:
		err = w.append(ctx)
	case 2:
		err = w.others.Flush(ctx, "walk", stream.Appended{})
	case 3:
		// Perhaps everything goes at once that readers with an older head look for.
		if _, err = w.others.Compact(ctx, "walk"); err == nil && w.random.IntN(2) == 0 {
			err = w.driver.Expire(ctx, w.random, w.driver.RetiredLeft())
		}
	case 4:
		err = w.driver.Expire(ctx, w.random, 1+w.random.IntN(4))
	case 5:
		w.clock.Advance(time.Duration(w.random.IntN(72)) * time.Hour)
		_, err = w.others.Sweep(ctx, stream.SweepOptions{IdleAfter: 24 * time.Hour, Items: 100, Objects: 100, Lives: 10})
	}
	w.err = errors.Join(w.err, err)
}

func (w *walk) append(ctx context.Context) error {
	if w.written >= grows {
		return nil
	}
	var words []string
	for range 1 + w.random.IntN(3) {
		words = append(words, fmt.Sprintf(`"%d.%d%s"`, w.written, len(words), strings.Repeat("ü", w.random.IntN(60))))
	}
	w.written++
	_, err := w.others.Append(ctx, "walk", &stream.Append{ContentType: w.unit, Records: records(words...)})
	w.text.WriteString(strings.Join(words, ""))
	return err
}
