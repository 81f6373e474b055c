package stream

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxAttempts bounds how often one group tries to commit. Every refusal means
// that somebody else made progress, so it is generous.
const maxAttempts = 32

// A commit brings a group of appends of one stream to their answers.
//
// Fast path: one blind conditional write, [Heads.Commit]. If that is refused, the
// head that came back is judged (plan.go), and what is left to apply is tried
// again: blindly if it can be, and otherwise as an [Heads.Update] of that head.
//
// What a crash leaves behind: before the write, at most staged items that no
// head links; after it, the records, whether acknowledged or not. There is
// nothing in between.
type commit struct {
	*Log
	name  string
	group []*ticket
	// verdicts are those of group, in order; nil while all count as accepted.
	verdicts []Verdict
	// next is the head to store; nil means that the next attempt is blind.
	next *Head
	// id is the commit id in next.
	id CommitID
	// staged lists the items that hold the records, put for the life stagedFor.
	staged    []Entry
	stagedFor Incarnation
	// known is the newest head seen; nil means none.
	known *Head
	// made is when the last attempt says that it was made.
	made time.Time
	// doubt is why an attempt of producers may still happen that was not burned.
	// Doing it again is safe, but no refusal is certain any more.
	doubt error
}

// commit settles every ticket of a group.
func (l *Log) commit(ctx context.Context, name string, group []*ticket, ln *lane) {
	c := &commit{Log: l, name: name, group: group, known: ln.last}
	for attempt := range maxAttempts {
		c.count((*Usage).attempt)
		mark, head, err := c.attempt(ctx)
		var refused *RefusedError
		switch {
		case err == nil:
			ln.last = head
			c.hub.announce(name, head)
			c.lives.note(name, head, c.now())
			if head.Ended {
				c.ended(name)
			}
			c.succeed(mark, head)
			return
		case errors.As(err, &refused):
			c.count((*Usage).conflict)
			c.lives.note(name, refused.Head, c.now())
			var done bool
			if done, err = c.plan(ctx, refused.Head); done {
				return
			}
			if err == nil {
				continue
			}
		case errors.Is(err, ErrNotApplied):
			if c.pause(ctx, attempt) == nil {
				continue
			}
		}
		c.fail(err)
		return
	}
	c.fail(ErrNotApplied)
}

// count tells the usage of every append that is still to be answered.
func (c *commit) count(what func(*Usage)) {
	for _, t := range c.group {
		if !t.settled {
			what(t.usage)
		}
	}
}

// attempt makes one write and finds out what became of it. It returns the mark
// of the commit and the newest head, or an error that is refused, not applied or
// final.
func (c *commit) attempt(ctx context.Context) (CommitMark, *Head, error) {
	if c.next != nil {
		return c.settleUpdate(ctx, c.next, c.driver.Update(ctx, c.name, c.next))
	}
	if c.group[0].append.staged(c.limits) {
		if err := c.stage(ctx); err != nil {
			return CommitMark{}, nil, err
		}
	}
	b := c.batch(c.accepted())
	head, err := c.driver.Commit(ctx, c.name, b, c.limits)
	if err == nil {
		return CommitMark{ID: b.ID, Tail: head.Tail}, head, nil
	}
	return c.settleBlind(ctx, b, err)
}

// batch makes a batch of the appends, with a commit id of its own.
func (c *commit) batch(appends []*Append) *Batch {
	c.made = c.known.unforgotten(c.clock())
	b := c.newBatch(c.made, appends...)
	if c.known != nil {
		// Were it to arrive late, it would have to find the same life.
		b.Incarnation = c.known.Incarnation
	}
	if len(c.staged) > 0 {
		b.Staged, b.Incarnation = c.staged, c.stagedFor
	}
	return b
}

// accepted returns the appends that are to be applied.
func (c *commit) accepted() []*Append {
	appends := make([]*Append, 0, len(c.group))
	for i, t := range c.group {
		if c.verdicts == nil || c.verdicts[i].Accepted() {
			appends = append(appends, t.append)
		}
	}
	return appends
}

// stage puts the records of an append that is too large for the buffer into items
// of their own. They belong to an incarnation. If that is not known, the head is read
// first, and what it already rules out is refused before anything is put.
func (c *commit) stage(ctx context.Context) error {
	a := c.group[0].append
	if c.verdicts == nil {
		if life, ok := c.lives.get(c.name); ok && c.now().Sub(life.seen) < trusted {
			return c.stageFor(ctx, life.incarnation)
		}
		h, err := c.driver.Head(ctx, c.name, Strong)
		if errors.Is(err, ErrNoHead) {
			return ErrNotFound
		}
		if err != nil {
			return unavailable(err)
		}
		c.known = h
		if v := Judge(h, a, c.now(), c.limits); !v.Accepted() || v.Slow != 0 {
			return &RefusedError{Head: h}
		}
	}
	return c.restage(ctx)
}

// restage stages the append's records for the known head, unless they are.
func (c *commit) restage(ctx context.Context) error {
	if !c.group[0].append.staged(c.limits) {
		return nil
	}
	return c.stageFor(ctx, c.known.Incarnation)
}

func (c *commit) stageFor(ctx context.Context, inc Incarnation) error {
	if c.stagedFor == inc && (c.known == nil || !c.known.outdated(c.staged)) {
		return nil
	}
	entries, err := c.Log.stage(ctx, Life{c.name, inc}, c.group[0].append)
	if err != nil {
		return unavailable(err)
	}
	c.staged, c.stagedFor = entries, inc
	return nil
}

// succeed answers the group after its accepted appends were applied. The last of
// them ends at the mark's tail, the others where the next one begins.
func (c *commit) succeed(mark CommitMark, head *Head) {
	var flush *Head
	if c.flushDue(c.name, head, c.entries()) {
		flush = head
	}
	tail := mark.Tail
	for i := len(c.group) - 1; i >= 0; i-- {
		t := c.group[i]
		if c.verdicts != nil && !c.verdicts[i].Accepted() {
			t.settle(c.answer(c.verdicts[i], head))
			continue
		}
		// One of them flushes; the first of the group may not be among them.
		r := Appended{Tail: tail, Closed: t.append.Close, flush: flush}
		flush = nil
		if t.append.Producer != nil {
			r.Producer = t.append.Producer.Producer
		}
		t.settle(r, nil)
		tail.Position -= t.append.Records.advance(head.Unit())
	}
}

// entries returns how many entries the group adds to the buffer.
func (c *commit) entries() int {
	if len(c.staged) > 0 {
		return len(c.staged)
	}
	for _, a := range c.accepted() {
		if a.Records.Count > 0 {
			return 1
		}
	}
	return 0
}

// answer turns the verdict on an append that was not applied into its outcome.
func (c *commit) answer(v Verdict, head *Head) (Appended, error) {
	var closed *ClosedError
	if v.Err != nil && c.doubt != nil {
		return Appended{}, unsettled(c.doubt)
	}
	if errors.As(v.Err, &closed) {
		// The verdict may be older than the records that came before the closure.
		return Appended{}, &ClosedError{Tail: head.Tail}
	}
	if v.Err != nil {
		return Appended{}, v.Err
	}
	return Appended{Tail: head.Tail, Closed: head.Closed, Duplicate: true, Producer: v.Producer}, nil
}

// fail answers the group when nothing more can be done.
func (c *commit) fail(err error) {
	switch {
	case c.doubt != nil:
		err = unsettled(c.doubt)
	case certain(err):
		err = unavailable(err)
	}
	for _, t := range c.group {
		t.settle(Appended{}, err)
	}
}

// certain reports whether a write that failed certainly had no effect.
func certain(err error) bool {
	return errors.Is(err, ErrNotApplied) || errors.Is(err, ErrRejected)
}

// unsettled says that nobody knows whether a write happened.
func unsettled(err error) error { return fmt.Errorf("%w: %w", ErrUnsettled, err) }
