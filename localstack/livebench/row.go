package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	leastTime  = 5 * time.Second
	drainLimit = time.Minute // until the last message has reached all readers
)

// row measures one number of readers, on a server of its own.
func row(ctx context.Context, o options, mode string, readers int, start func(context.Context) (*server, error)) (r result, err error) {
	s, err := start(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	r = result{mode: mode, readers: readers, counted: s.requests != nil}
	b := &board{began: time.Now(), readers: readers}
	offset, err := create(ctx, s.url)
	if err != nil {
		return r, err
	}
	// What the first requests of a process allocate is no reader's.
	if err := b.append(ctx, s.url, "warm"); err != nil {
		return r, err
	}
	if r.before, err = s.footprint(ctx); err != nil {
		return r, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel(nil)
	for i := range readers {
		all.Go(func() {
			if err := follow(ctx, b, s.addr, mode, offset, i); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("reader %d: %w", i, err))
			}
		})
		if i%100 == 99 {
			time.Sleep(20 * time.Millisecond) // the queue of connections is short
		}
	}
	if err := b.arrive(ctx, 0); err != nil { // all have the first message
		return r, fmt.Errorf("while they connect: %w", err)
	}
	if err := r.measure(ctx, o, s, b); err != nil {
		return r, err
	}
	return r, context.Cause(ctx)
}

// measure lets nothing happen for a while, and then appends.
func (r *result) measure(ctx context.Context, o options, s *server, b *board) (err error) {
	s.take()
	select {
	case <-time.After(o.idle):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.idle, r.idleSeconds = s.take(), o.idle.Seconds()
	pace := time.Duration(float64(time.Second) * max(1/50.0, float64(r.readers)/o.deliveries))
	tick := time.NewTicker(pace)
	defer tick.Stop()
	begin, cpu := time.Now(), s.cpu()
	for sent := 0; sent < o.events || time.Since(begin) < leastTime; sent++ {
		at := time.Now()
		if err := b.append(ctx, s.url, strconv.FormatInt(int64(time.Since(b.began)), 10)); err != nil {
			return err
		}
		r.appends = append(r.appends, time.Since(at))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	r.seconds = time.Since(begin).Seconds()
	if err := b.arrive(ctx, len(r.appends)); err != nil {
		return fmt.Errorf("after %d messages: %w", len(r.appends), err)
	}
	r.cpu, r.busy = s.cpu()-cpu, s.take()
	r.delays, r.again = b.take(), b.busy.Load()
	r.with, err = s.footprint(ctx)
	return err
}

// board is where readers note what they got.
type board struct {
	began   time.Time
	readers int
	// busy counts how often a reader was asked to come again.
	busy atomic.Int64

	mu     sync.Mutex
	firsts int
	delays []time.Duration
}

// got notes a message. The first one has no time.
func (b *board) got(stamp []byte, now time.Time) {
	sent, err := strconv.ParseInt(string(stamp), 10, 64)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.firsts++
		return
	}
	b.delays = append(b.delays, now.Sub(b.began)-time.Duration(sent))
}

func (b *board) take() []time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.delays
}

// arrive waits until each reader has the first message and so many others.
func (b *board) arrive(ctx context.Context, messages int) error {
	late := time.After(drainLimit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		b.mu.Lock()
		firsts, others := b.firsts, len(b.delays)
		b.mu.Unlock()
		if firsts == b.readers && others == messages*b.readers {
			return nil
		}
		if others > messages*b.readers {
			return fmt.Errorf("%d deliveries, more than there can be", others)
		}
		select {
		case <-tick.C:
		case <-late:
			return fmt.Errorf("%d of %d readers have begun, and %d messages were delivered, in %v", firsts, b.readers, others, drainLimit)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

const message = `{"sent":"@%s@","pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`

func (b *board) append(ctx context.Context, url, stamp string) error {
	_, err := request(ctx, http.MethodPost, url, fmt.Sprintf(message, stamp), http.StatusNoContent)
	return err
}

// create makes the stream, and returns where it begins.
func create(ctx context.Context, url string) (offset string, err error) {
	h, err := request(ctx, http.MethodPut, url, "", http.StatusCreated)
	return h.Get("Stream-Next-Offset"), err
}

func request(ctx context.Context, method, url, body string, want int) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != want {
		err = fmt.Errorf("%s was answered %s: %.200s", method, res.Status, text)
	}
	return res.Header, err
}
