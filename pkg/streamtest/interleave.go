package streamtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// logInterleavings lets a whole operation of another process happen before each
// single call that an operation makes to its driver: every interleaving of two
// operations in which one of them is not torn.
func logInterleavings(r *rig) {
	for first, op := range operations {
		for second, other := range operations {
			if !sampled(r.driver, first+second) {
				continue
			}
			for n := 1; ; n++ {
				i := &interleaving{rig: r, name: fmt.Sprintf("%s | %d | %s", first, n, second)}
				calls, err := i.run(op, other, n)
				if err != nil {
					r.Errorf("%s, before call %d %s: %v", first, n, second, err)
				}
				if n >= calls {
					break
				}
			}
		}
	}
}

// interleaving is a stream with two processes.
type interleaving struct {
	*rig
	name     string
	history  History
	ended    bool // a life was ended, so what was acknowledged may be gone
	replaced bool
}

// operation is what one process does. Its outcome must be one of those that the
// operation has when the other one comes before or after it.
type operation func(i *interleaving, ctx context.Context, l *stream.Log, who string) error

var operations = map[string]operation{
	"append":           appendOf(4, nil),
	"staged append":    appendOf(130, nil),
	"produced append":  appendOf(4, tag("p1", 0, 3)),
	"same append":      appendOf(4, tag("p1", 0, 3)),
	"new producer":     appendOf(4, tag("fresh", 0, 0)),
	"spilled producer": appendOf(130, tag("p0", 0, 3)),
	"new epoch":        appendOf(4, tag("p1", 1, 0)),
	"close": func(i *interleaving, ctx context.Context, l *stream.Log, who string) error {
		_, err := l.Append(ctx, i.name, &stream.Append{Close: true})
		return i.expect(err)
	},
	"flush": func(i *interleaving, ctx context.Context, l *stream.Log, who string) error {
		return l.Flush(ctx, i.name, stream.Appended{})
	},
	"compact": func(i *interleaving, ctx context.Context, l *stream.Log, who string) error {
		_, err := l.Compact(ctx, i.name)
		return err
	},
	"read": func(i *interleaving, ctx context.Context, l *stream.Log, who string) error {
		_, err := scan(ctx, l, i.name)
		if i.replaced && !errors.Is(err, stream.ErrUnavailable) {
			return nil // it went on where the life before had been
		}
		return i.expect(err)
	},
	"follow": func(i *interleaving, ctx context.Context, l *stream.Log, who string) error {
		f, p, err := l.Follow(ctx, i.name, stream.Start())
		if err != nil {
			return i.expect(err)
		}
		defer f.Close()
		life := p.Head.Incarnation
		for !p.UpToDate() {
			if p, err = f.Next(ctx); err != nil {
				return i.expect(err)
			}
			if p.Head.Incarnation != life {
				return errors.New("the follower went on in another life")
			}
		}
		return nil
	},
	"delete": func(i *interleaving, ctx context.Context, l *stream.Log, who string) error {
		i.end()
		return i.expect(l.Delete(ctx, i.name))
	},
	"create": func(i *interleaving, ctx context.Context, l *stream.Log, who string) error {
		w := i.history.Begin(who, 0, 1, 2)
		_, created, err := l.Create(ctx, i.name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}, Records: w.Records()})
		if i.history.Fail(w, err, created); errors.Is(err, stream.ErrConfigMismatch) {
			return nil // closed meanwhile
		}
		return err
	},
	"replace": func(i *interleaving, ctx context.Context, l *stream.Log, who string) error {
		i.end()
		i.replaced = true
		if err := l.Delete(ctx, i.name); err != nil && !errors.Is(err, stream.ErrNotFound) {
			return err
		}
		if _, err := l.Collect(ctx, 1000); err != nil {
			return err
		}
		w := i.history.Begin(who, 9, 2, 110)
		_, created, err := l.Create(ctx, i.name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}, Records: w.Records()})
		i.history.Fail(w, err, created)
		return err
	},
}

// end notes that what was written so far may be gone. What is written later may
// be gone as well: it may have come before the end.
func (i *interleaving) end() { i.ended = true }

// expect accepts the outcomes that the other operation may cause.
func (i *interleaving) expect(err error) error {
	var closed *stream.ClosedError
	if errors.As(err, &closed) || i.ended && errors.Is(err, stream.ErrNotFound) {
		return nil
	}
	return err
}

// appendOf is an append of a padded record.
func appendOf(pad int, producer *stream.ProducerTag) operation {
	return func(i *interleaving, ctx context.Context, l *stream.Log, who string) error {
		w := i.history.Begin(who, 0, 2, pad)
		r, err := l.Append(ctx, i.name, &stream.Append{ContentType: "text/plain", Records: w.Records(), Producer: producer})
		switch {
		case err != nil:
			i.history.Fail(w, err, false)
		case r.Duplicate:
			// The other one sent the same request, with other records.
			i.history.Fail(w, nil, false)
		default:
			i.history.Acknowledge(w, r, stream.Bytes)
		}
		var gap *stream.GapError
		var fenced *stream.FencedError
		if producer != nil && (errors.As(err, &fenced) || i.replaced && errors.As(err, &gap)) {
			return nil
		}
		return i.expect(err)
	}
}

// run prepares a stream, runs op with other before its nth call, and checks the
// stream. It returns how many calls op made.
func (i *interleaving) run(op, other operation, n int) (calls int, err error) {
	ctx := i.Context()
	f := NewFaults(i.driver)
	log, err := stream.New(f, stream.Options{Objects: i.objects, Limits: i.limits, Now: i.clock.Now})
	if err != nil {
		return 0, err
	}
	if err := i.prepare(ctx); err != nil {
		return 0, err
	}
	var otherErr error
	f.Before(n, func() { otherErr = other(i, ctx, i.Log, "other") })
	err = op(i, ctx, log, "one")
	if f.Total() < n {
		// It came to nothing before: then the other one just follows.
		otherErr = other(i, ctx, i.Log, "other")
	}
	if err := errors.Join(err, otherErr); err != nil {
		return f.Total(), err
	}
	return f.Total(), i.check(ctx)
}

// prepare makes a stream with a buffer, chunks, and a spilled producer.
func (i *interleaving) prepare(ctx context.Context) error {
	if _, _, err := i.Create(ctx, i.name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}}); err != nil {
		return err
	}
	for n := range 8 {
		w := i.history.Begin("before", n, 1, n*37%90)
		r, err := i.history.Append(ctx, i.Log, i.name, w, &stream.Append{ContentType: "text/plain", Producer: tag(fmt.Sprint("p", n%3), 0, uint64(n/3))})
		if err != nil {
			return err
		}
		if r.FlushDue() && n < 6 {
			if err := i.Flush(ctx, i.name, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (i *interleaving) check(ctx context.Context) error {
	if i.ended {
		for _, w := range i.history.writes {
			if w.outcome == applied {
				w.outcome, w.known = inDoubt, false
			}
		}
	}
	_, err := i.Log.Head(ctx, i.name)
	if i.ended && errors.Is(err, stream.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if i.replaced {
		// Nothing of the life before.
		i.history.writes = slices.DeleteFunc(i.history.writes, func(w *Write) bool { return w.words[0][:4] == `"bef` })
	}
	return i.history.Verify(ctx, i.Log, i.driver, i.objects, i.name)
}
