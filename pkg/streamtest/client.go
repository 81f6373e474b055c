package streamtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// client is what an HTTP client does with one stream over a log whose driver
// fails, and what it may conclude from each answer:
//
//   - Unavailable says that nothing happened, so it tries again.
//   - Unsettled says that the request may have happened. It tries again only what
//     may be done twice: requests of producers, creates, closes and deletes.
type client struct {
	log *stream.Log
	// spare is a log whose driver does not fail, of another process: it takes over
	// when the first one has crashed.
	spare  *stream.Log
	faults *Faults
	name   string
	// contentType is that of all appends.
	contentType string
	history     *History
	// hasty clients give up at the first error, and believe it.
	hasty bool
}

// tries is how often a client tries, and is sure to succeed: there are fewer
// scripted faults in a row.
const tries = 12

func (c *client) via() *stream.Log {
	if c.faults.Dead() {
		return c.spare
	}
	return c.log
}

// again reports whether an error is one after which a client may go on.
func again(err error) (retry, doubt bool) {
	doubt = errors.Is(err, stream.ErrUnsettled)
	return doubt || errors.Is(err, stream.ErrUnavailable), doubt
}

// insist tries until it succeeds. Repetitions are told that an earlier try may
// have happened.
func (c *client) insist(what string, try func(l *stream.Log, doubted bool) error) error {
	doubted := false
	var last error
	for range tries {
		if last = try(c.via(), doubted); last == nil {
			return nil
		}
		retry, doubt := again(last)
		if !retry {
			return fmt.Errorf("%s: %w", what, last)
		}
		doubted = doubted || doubt
	}
	return fmt.Errorf("%s: still after %d tries: %w", what, tries, last)
}

func (c *client) create(ctx context.Context, w *Write) error {
	return c.insist("create", func(l *stream.Log, doubted bool) error {
		h, created, err := l.Create(ctx, c.name, &stream.Create{Config: stream.Config{ContentType: c.contentType}, Records: w.Records()})
		if err != nil {
			return err
		}
		if !created && !doubted {
			return errors.New("the stream exists already")
		}
		c.history.Acknowledge(w, stream.Appended{Tail: h.Tail}, h.Unit())
		return nil
	})
}

// fork creates a fork of the stream, at its tail or where half of it was written, and
// returns the client of the fork. All of the stream up to there is in its history.
func (c *client) fork(ctx context.Context, name string, atTail bool) (*client, error) {
	var from stream.Fork
	forked := *c
	forked.name, from.Source = name, c.name
	if !atTail {
		from.At, from.HasAt = c.history.middle(), true
	}
	err := c.insist("fork", func(l *stream.Log, doubted bool) error {
		h, created, err := l.Create(ctx, name, &stream.Create{Fork: &from})
		if err != nil {
			return err
		}
		if !created && !doubted {
			return errors.New("the fork exists already")
		}
		forked.history = c.history.until(h.Origin.At)
		if known := c.history.until(stream.Offset{Segment: math.MaxUint64}); atTail && len(forked.history.writes) < len(known.writes) {
			return fmt.Errorf("the fork at the tail parts at %v, and does not have all that was acknowledged", h.Origin.At)
		}
		return nil
	})
	return &forked, err
}

// append appends as often as a client would, and notes what came of it. It fails
// if the log gives an answer that it may not give.
func (c *client) append(ctx context.Context, w *Write, producer *stream.ProducerTag) error {
	doubted := false
	var err error
	for range tries {
		a := &stream.Append{ContentType: c.contentType, Records: w.Records(), Producer: producer}
		var r stream.Appended
		if r, err = c.via().Append(ctx, c.name, a); err == nil {
			c.history.Acknowledge(w, r, stream.Config{ContentType: c.contentType}.Unit())
			if r.FlushDue() {
				return c.flush(ctx, r)
			}
			return nil
		}
		retry, doubt := again(err)
		if !retry {
			return fmt.Errorf("append %s: %w", w.ID, err)
		}
		doubted = doubted || doubt
		if doubt && producer == nil || c.hasty {
			break
		}
	}
	c.history.Fail(w, err, doubted)
	return nil
}

// flush flushes in the background, as it were: an error matters to nobody.
func (c *client) flush(ctx context.Context, after stream.Appended) error {
	c.via().Flush(ctx, c.name, after)
	return nil
}

// compactsWithin bounds a compaction: one that finds a gap looks again as long as it may.
const compactsWithin = 2 * time.Second

// compact moves segments into objects in the background, as flush does chunks.
func (c *client) compact(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, compactsWithin)
	defer cancel()
	c.via().Compact(ctx, c.name)
	return nil
}

// glance reads a page. It may be unavailable, but never wrong.
func (c *client) glance(ctx context.Context) error {
	p, err := c.via().Read(ctx, c.name, stream.Start())
	if retry, _ := again(err); retry {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return checkPage(p)
}

func (c *client) close(ctx context.Context, producer *stream.ProducerTag) error {
	return c.insist("close", func(l *stream.Log, _ bool) error {
		r, err := l.Append(ctx, c.name, &stream.Append{Close: true, Producer: producer})
		if err == nil && !r.Closed {
			err = errors.New("the stream is not closed")
		}
		return err
	})
}

func (c *client) delete(ctx context.Context) error {
	return c.insist("delete", func(l *stream.Log, doubted bool) error {
		err := l.Delete(ctx, c.name)
		if doubted && (errors.Is(err, stream.ErrNotFound) || errors.Is(err, stream.ErrGone)) {
			return nil
		}
		return err
	})
}

func (c *client) collect(ctx context.Context) error {
	return c.insist("collect", func(l *stream.Log, _ bool) error {
		done, err := l.Collect(ctx, 1000)
		if err == nil && done.Failed > 0 {
			err = fmt.Errorf("%w: %d works failed", stream.ErrUnavailable, done.Failed)
		}
		return err
	})
}
