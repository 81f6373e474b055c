package streamtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// live is one life of a stream: all that a client can do to it, each step with the
// late effects of an earlier one perhaps in between.
func (one trial) live(ctx context.Context, c *client, d stream.Driver, o stream.Objects, life int) error {
	var steps []func() error
	var fork *client
	step := func(do func() error) { steps = append(steps, do) }
	step(func() error { return c.create(ctx, c.history.Begin(fmt.Sprint("creator", life), 0, 1, 4)) })
	states := make(map[string]*stream.Producer)
	for n := range 12 {
		step(func() error {
			// Sizes around that of staging.
			w := c.history.Begin(fmt.Sprintf("w%d", life), n, 1+n%2, []int{4, 20, 60, 2, 110}[n%5])
			if !one.producers {
				return c.append(ctx, w, nil)
			}
			// More producers than the head holds; some begin a new epoch.
			id := fmt.Sprint("p", n*3%4)
			state := states[id]
			switch {
			case state == nil:
				state = &stream.Producer{}
				states[id] = state
			case n%5 == 4:
				*state = stream.Producer{Epoch: state.Epoch + 1}
			default:
				state.Seq++
			}
			return c.append(ctx, w, tag(id, state.Epoch, state.Seq))
		})
		if n%4 == 1 {
			step(func() error { return c.glance(ctx) })
		}
		if n == 8 {
			step(func() error { return c.collect(ctx) })
		}
		if n == 6 {
			step(func() error { return c.compact(ctx) })
		}
		if n == 7 {
			step(func() (err error) { fork, err = c.fork(ctx, c.name+"/fork", !one.producers); return err })
		}
		if n > 7 && n%2 == 0 {
			step(func() error {
				w := fork.history.Begin(fmt.Sprintf("f%d", life), n, 1, []int{20, 110}[n/2%2])
				if !one.producers {
					return fork.append(ctx, w, nil)
				}
				return fork.append(ctx, w, tag("p1", 0, uint64(n-8)/2))
			})
		}
	}
	step(func() error { return c.flush(ctx, stream.Appended{}) })
	step(func() error {
		if one.producers {
			return c.close(ctx, tag("closer", 0, 0))
		}
		return c.close(ctx, nil)
	})
	step(func() error { return c.compact(ctx) })
	step(func() error { return c.glance(ctx) })
	step(func() error { return fork.glance(ctx) })
	releases := one.release != nextLife || life == 1
	for i, do := range steps {
		if err := do(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		if releases && one.release != atEnd {
			c.faults.ReleaseLate()
		}
	}
	if releases {
		c.faults.ReleaseLate()
	}
	if err := c.history.Verify(ctx, c.spare, d, o, c.name); err != nil {
		return err
	}
	release := func() {
		if releases {
			c.faults.ReleaseLate()
		}
	}
	return one.die(ctx, c, fork, d, o, release)
}

// die ends a stream before its fork, which must not notice, and then the fork, with which
// the stream goes.
func (one trial) die(ctx context.Context, c, fork *client, d stream.Driver, o stream.Objects, release func()) error {
	if err := c.delete(ctx); err != nil {
		return err
	}
	release()
	if h, err := c.spare.Head(ctx, c.name); !errors.Is(err, stream.ErrGone) {
		return fmt.Errorf("after the delete of a stream with a fork: %+v, %w", h, err)
	}
	if err := c.collect(ctx); err != nil {
		return err
	}
	if err := fork.history.Verify(ctx, c.spare, d, o, fork.name); err != nil {
		return fmt.Errorf("the fork of a deleted stream: %w", err)
	}
	if err := fork.delete(ctx); err != nil {
		return fmt.Errorf("delete the fork: %w", err)
	}
	release()
	if r, err := inspect(ctx, d, o, fork.name); !errors.Is(err, stream.ErrNoHead) {
		return fmt.Errorf("after the delete of the fork: %+v, %w", r, err)
	}
	// If the fork could not be released, who collects its data does that.
	if err := c.collect(ctx); err != nil {
		return err
	}
	release()
	if h, err := d.Head(ctx, c.name, stream.Strong); !errors.Is(err, stream.ErrNoHead) {
		return fmt.Errorf("after the delete of its fork, the stream has the head %+v, %w", h, err)
	}
	return nil
}
