package main

import (
	"context"
	"fmt"
	"time"
)

// appendLatency times one append after the other on one connection, from the
// first byte sent to the last byte of the answer. It is bounded below by the
// time that one durable write takes (the report's head has the disk's) plus
// one round trip through the server; nothing here can be shared or batched.
func appendLatency(ctx context.Context, b *bench, t *target) ([]metric, error) {
	c, err := dial(ctx, t.addr)
	if err != nil {
		return nil, err
	}
	defer c.close()
	id := b.id()
	if _, err := c.create(t, id, octets); err != nil {
		return nil, err
	}
	a := newAppender(t, id, 0, false)
	samples := make(latencies, 0, 1<<16)
	w := b.window()
	cpu := usageDuring(ctx, t, w)
	defer cpu.stop()
	for begin := time.Now(); len(samples) == 0 || begin.Before(w.to); {
		if err := a.send(c); err != nil {
			return nil, err
		}
		end := time.Now()
		if !begin.Before(w.from) {
			samples = append(samples, end.Sub(begin))
		}
		begin = end
	}
	if err := finish(ctx, t, map[string]map[int]int{id: {0: a.seq}}); err != nil {
		return nil, err
	}
	return append(percentiles(samples), cpu.each(len(samples), "append")), nil
}

// send does one append and checks that it was accepted.
func (a *appender) send(c *conn) error {
	r, err := c.do(a.next())
	if err == nil && r.status != a.want {
		err = expect(r, firstLine(a.buf), a.want)
	}
	return err
}

// load is a number of concurrent writers, each on a connection of its own and
// with one append in flight, spread evenly over a number of streams.
type load struct {
	writers, streams int
	producers        bool // idempotent: Producer-Id, -Epoch and -Seq
}

// appendRate counts the appends that a load gets acknowledged per second, and how long
// each took.
// Writers on many streams are bounded by how well a server shares one durable
// write between streams, and after that by processor time; writers on one
// stream by how well it shares one between the requests of a stream. With
// producers, the deduplication state has to become durable as well.
func appendRate(l load) func(context.Context, *bench, *target) ([]metric, error) {
	return func(ctx context.Context, b *bench, t *target) ([]metric, error) {
		g := newGroup(ctx)
		defer g.cancel(nil)
		ids := make([]string, l.streams)
		conns := make([]*conn, l.writers)
		for i := range conns {
			c, err := dial(g.ctx, t.addr)
			if err != nil {
				return nil, err
			}
			conns[i] = c
		}
		for i := range ids {
			ids[i] = b.id()
			if _, err := conns[0].create(t, ids[i], octets); err != nil {
				return nil, err
			}
		}
		appenders := make([]*appender, l.writers)
		counted := make([]latencies, l.writers)
		w := b.window()
		cpu := usageDuring(ctx, t, w)
		defer cpu.stop()
		for i, c := range conns {
			a := newAppender(t, ids[i%l.streams], i, l.producers)
			appenders[i] = a
			g.run(func() error {
				samples := make(latencies, 0, 1<<14)
				for begin := time.Now(); len(samples) == 0 || begin.Before(w.to); {
					if err := a.send(c); err != nil {
						return err
					}
					end := time.Now()
					if !end.Before(w.from) {
						samples = append(samples, end.Sub(begin))
					}
					begin = end
				}
				counted[i] = samples
				return nil
			})
		}
		if err := g.wait(); err != nil {
			return nil, err
		}
		var all latencies
		acked := make(map[string]map[int]int)
		for i, a := range appenders {
			all = append(all, counted[i]...)
			id := ids[i%l.streams]
			if acked[id] == nil {
				acked[id] = make(map[int]int)
			}
			acked[id][i] = a.seq
		}
		if err := finish(ctx, t, acked); err != nil {
			return nil, err
		}
		rate := metric{name: "rate", unit: "appends/s", value: float64(len(all)) / w.seconds()}
		return append(append([]metric{rate}, percentiles(all)...), cpu.each(len(all), "append")), nil
	}
}

// finish checks that each stream holds what each of its writers has had
// acknowledged, and deletes it.
func finish(ctx context.Context, t *target, acked map[string]map[int]int) error {
	c, err := dial(ctx, t.addr)
	if err != nil {
		return err
	}
	defer c.close()
	for id, writers := range acked {
		if err := c.verifyRecords(t, id, writers); err != nil {
			return err
		}
		if err := c.remove(t, id); err != nil {
			return err
		}
	}
	return nil
}

// churn counts how many short-lived streams per second eight workers can
// create, append to once and delete. It is bounded by the cost of a stream's
// existence: files or table rows made and removed, each durably.
func churn(ctx context.Context, b *bench, t *target) ([]metric, error) {
	const workers = 8
	g := newGroup(ctx)
	defer g.cancel(nil)
	counted := make([]int, workers)
	last := make([]string, workers)
	w := b.window()
	cpu := usageDuring(ctx, t, w)
	defer cpu.stop()
	for i := range workers {
		g.run(func() error {
			c, err := dial(g.ctx, t.addr)
			if err != nil {
				return err
			}
			for now := time.Now(); now.Before(w.to); {
				id := b.id()
				if _, err := c.create(t, id, octets); err != nil {
					return err
				}
				if err := newAppender(t, id, i, false).send(c); err != nil {
					return err
				}
				if err := c.remove(t, id); err != nil {
					return err
				}
				last[i] = id
				if now = time.Now(); w.holds(now) {
					counted[i]++
				}
			}
			r, err := c.do(render("GET", t.addr, readPath(t, last[i], "-1"), nil))
			if err != nil {
				return err
			}
			return expect(r, fmt.Sprintf("GET %s after its deletion", t.path(last[i])), 404, 410)
		})
	}
	if err := g.wait(); err != nil {
		return nil, err
	}
	total := 0
	for _, n := range counted {
		total += n
	}
	rate := metric{name: "rate", unit: "cycles/s", value: float64(total) / w.seconds()}
	return []metric{rate, cpu.each(total, "cycle")}, nil
}
