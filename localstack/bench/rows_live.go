package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	liveReaders = 100
	livePace    = 20 * time.Millisecond
	drainLimit  = 30 * time.Second // for the last message to reach all readers

	stampHead   = `{"sent":"@`
	stampDigits = 18
)

// live lets a writer append a JSON message every 20 ms to a stream that 100
// readers follow, and reports how long after the writer began to send a
// message a reader had it: the durable append plus the fan-out. It is bounded
// by the processor time of 100 deliveries per message, 5,000 a second, which
// the readers share with the server. The writer waits for each answer and
// drops the ticks it misses, so a server that cannot keep up shows a lower
// rate of messages, not an endless latency.
//
// Every reader has to get every message. The first one warms up and is waited
// for; a last one tells the readers to stop.
func live(read func(*liveReader) error) func(context.Context, *bench, *target) ([]metric, error) {
	return func(ctx context.Context, b *bench, t *target) ([]metric, error) {
		g := newGroup(ctx)
		defer g.cancel(nil)
		c, err := dial(g.ctx, t.addr)
		if err != nil {
			return nil, err
		}
		id := b.id()
		tail, err := c.create(t, id, jsonMode)
		if err != nil {
			return nil, err
		}
		l := &liveRow{began: time.Now(), warm: make(chan struct{}, liveReaders)}
		readers := make([]*liveReader, liveReaders)
		for i := range readers {
			r := &liveReader{liveRow: l, t: t, id: id, offset: tail}
			if r.c, err = dial(g.ctx, t.addr); err != nil {
				return nil, err
			}
			readers[i] = r
			g.run(func() error { return read(r) })
		}
		if err := l.write(g.ctx, b, c, t, id); err != nil {
			g.cancel(err)
		}
		late := time.AfterFunc(drainLimit, func() { g.cancel(errors.New("messages outstanding for too long")) })
		defer late.Stop()
		if err := g.wait(); err != nil {
			return nil, fmt.Errorf("%w (%d messages sent; %s)", err, l.sent, received(readers))
		}
		var all latencies
		for i, r := range readers {
			if r.received != l.sent {
				return nil, fmt.Errorf("reader %d received %d messages, %d were sent", i, r.received, l.sent)
			}
			for _, d := range r.deliveries {
				if !l.began.Add(d.sent).Before(l.from) {
					all = append(all, d.after)
				}
			}
		}
		if c, err = dial(ctx, t.addr); err != nil {
			return nil, err
		}
		defer c.close()
		rate := metric{name: "rate", unit: "messages/s", value: l.rate}
		return append(percentiles(all), rate, l.cpu.each(len(all), "delivery")), c.remove(t, id)
	}
}

// liveRow is what the writer and the readers of one row share.
type liveRow struct {
	began time.Time
	warm  chan struct{} // one for each reader that has had the first message

	// The writer's, for when all goroutines are through.
	cpu  *usage
	from time.Time // messages sent before it do not count
	sent int       // messages acknowledged, the first and last included
	rate float64   // of the messages that count
}

// A message is stamped with the time since the row began, in nanoseconds; the
// last one with this.
const lastStamp = 999_999_999_999_999_999

// write sends all messages.
func (l *liveRow) write(ctx context.Context, b *bench, c *conn, t *target, id string) error {
	body := bytes.Repeat([]byte{'x'}, messageSize)
	copy(body, stampHead)
	copy(body[len(stampHead)+stampDigits:], `@","pad":"`)
	copy(body[messageSize-2:], `"}`)
	req := render("POST", t.addr, t.path(id), body, "Content-Type: "+jsonMode)
	stamp := req[len(req)-messageSize+len(stampHead):][:stampDigits]
	post := func(at int) error {
		digits(stamp, at)
		if _, err := c.request(req, 204); err != nil {
			return err
		}
		l.sent++
		return nil
	}
	if err := post(int(time.Since(l.began))); err != nil {
		return err
	}
	for range liveReaders {
		select {
		case <-l.warm:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	w := b.window()
	l.cpu = usageDuring(ctx, t, w)
	defer l.cpu.stop()
	l.from = w.from
	counted := 0
	tick := time.NewTicker(livePace)
	defer tick.Stop()
	now := time.Now()
	for ; counted == 0 || now.Before(w.to); now = <-tick.C {
		at := time.Since(l.began)
		if err := post(int(at)); err != nil {
			return err
		}
		if !l.began.Add(at).Before(w.from) {
			counted++
		}
	}
	l.rate = float64(counted) / now.Sub(w.from).Seconds()
	return post(lastStamp)
}
