package stream

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
)

// plan judges the group against the head that refused its last attempt, and
// decides on the next one. done says that there is none: every ticket is answered.
//
// Verdicts on later appends of the group rest on earlier ones being applied, so
// they are only delivered together with those (succeed), or when there are none.
func (c *commit) plan(ctx context.Context, h *Head) (done bool, err error) {
	blind, tried, by := c.next == nil, len(c.accepted()), h
	for {
		if err := ctx.Err(); err != nil {
			return false, unavailable(err)
		}
		c.known, c.next, c.verdicts = h, nil, nil
		full, unknown, err := c.recall(ctx, h)
		if err != nil {
			return false, unavailable(err)
		}
		verdicts, next, slow := c.judge(full)
		if full != h {
			slow |= SlowSpilled
		}
		if next == nil && unknown {
			// Nothing is written that would tell whether the life was over by then, and its
			// producers discarded.
			now, err := c.driver.Head(ctx, c.name, Strong)
			if err != nil && !errors.Is(err, ErrNoHead) {
				return false, unavailable(err)
			}
			if now == nil || now.Incarnation != h.Incarnation {
				h = now
				continue
			}
		}
		if next == nil {
			for i, t := range c.group {
				t.settle(c.answer(verdicts[i], h))
			}
			return true, nil
		}
		if slow&SlowRoom != 0 {
			if h, err = c.makeRoom(ctx, h); err != nil {
				return false, err
			}
			continue
		}
		c.verdicts = verdicts
		if err := c.restage(ctx); err != nil {
			return false, err
		}
		// A driver may refuse blindly what it would have to look at the head for.
		// The same again would be refused again, unless it was for its id.
		stubborn := blind && h == by && len(c.accepted()) == tried && !h.forgot(c.made)
		if slow == 0 && !stubborn {
			return false, nil
		}
		return false, c.prepare(ctx, next)
	}
}

// judge judges the group in order. It returns the verdicts, the head with the
// accepted appends noted (nil if there are none), and why they are slow.
func (c *commit) judge(h *Head) (verdicts []Verdict, next *Head, slow Slow) {
	verdicts = make([]Verdict, len(c.group))
	at := h
	for i, t := range c.group {
		v := Judge(at, t.append, c.now(), c.limits)
		verdicts[i] = v
		if !v.Accepted() {
			continue
		}
		if next == nil {
			next = h.Clone()
			at = next
		}
		slow |= v.Slow
		next.note(t.append, c.now(), c.limits)
	}
	return verdicts, next, slow
}

// recall returns a head that can judge every producer of the group: those that
// were spilled are put back, and count as such no more, and Spilled is cleared, so that the others are known
// to be new. prepare sets it again. It reports whether there were such, of which nothing
// is known.
func (c *commit) recall(ctx context.Context, h *Head) (full *Head, unknown bool, err error) {
	full = h
	if h == nil || !h.Spilled {
		return full, false, nil
	}
	for _, t := range c.group {
		tag := t.append.Producer
		if tag == nil {
			continue
		}
		if _, held := h.Producers[tag.ID]; held {
			continue
		}
		if full == h {
			full = h.Clone()
			full.Spilled = false
			if full.Producers == nil {
				full.Producers = make(map[string]HeldProducer)
			}
		}
		p, found, err := c.driver.SpilledProducer(ctx, h.Life(c.name), tag.ID)
		if err != nil {
			return nil, false, err
		}
		unknown = unknown || !found
		if found {
			full.Producers[tag.ID] = HeldProducer{Producer: p}
			full.SpilledCount = max(0, full.SpilledCount-1)
		}
	}
	return full, unknown, nil
}

// makeRoom flushes the buffer of a head, and returns the head after it.
func (c *commit) makeRoom(ctx context.Context, h *Head) (*Head, error) {
	after, err := c.flush(ctx, c.name, h)
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		return refused.Head, nil
	case err != nil:
		return nil, unavailable(err)
	}
	return after, nil
}

// prepare completes next, a head with the accepted appends noted, into the head
// that the next attempt stores. Producers that it has no place for are spilled
// first: a crash in between leaves their state in both places, which is harmless,
// because the head's comes first and spilled states only move forward.
func (c *commit) prepare(ctx context.Context, next *Head) error {
	next.Spilled = c.known.Spilled
	if over := len(next.Producers) - c.limits.Producers; over > 0 {
		// Spill a few more than needed, so that the next new producers fit.
		for _, id := range c.idlest(next, over+c.limits.Producers/4) {
			err := c.retry(ctx, func() error {
				return c.driver.SpillProducer(ctx, next.Life(c.name), id, next.Producers[id].Producer)
			})
			if err != nil {
				return unavailable(err)
			}
			delete(next.Producers, id)
			next.Spilled = true
			next.SpilledCount++
		}
	}
	b := c.batch(c.accepted())
	next.add(b, c.limits)
	c.next, c.id = next, b.ID
	return nil
}

// idlest returns at most n of the producers that wrote longest ago, none of them
// in the group that is being committed.
func (c *commit) idlest(h *Head, n int) []string {
	ids := slices.SortedFunc(maps.Keys(h.Producers), func(a, b string) int {
		return cmp.Or(cmp.Compare(h.Producers[a].Used, h.Producers[b].Used), cmp.Compare(a, b))
	})
	ids = slices.DeleteFunc(ids, func(id string) bool {
		return slices.ContainsFunc(c.group, func(t *ticket) bool {
			return t.append.Producer != nil && t.append.Producer.ID == id
		})
	})
	return ids[:min(n, len(ids))]
}
