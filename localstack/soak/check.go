package main

import (
	"encoding/json"
	"fmt"
	"time"
)

// checker checks what one reader gets of a stream, from its beginning: each writer's
// messages, each once, in order. A message whose append failed may be missing, or come
// late, but not twice.
type checker struct {
	of *life
	// last is the last number of each writer, or -1.
	last map[int]int
	// strays are messages of unknown outcome that were seen.
	strays map[place]bool
	// own says that a fork's own message was seen.
	own bool
}

func newChecker(s *life) *checker {
	c := &checker{of: s, last: map[int]int{}, strays: map[place]bool{}}
	for _, w := range s.writers {
		c.last[w.id] = -1
	}
	return c
}

// page checks the next messages, and returns when the last of them was sent; the zero time
// if there are none.
func (c *checker) page(body []byte) (sent time.Time, err error) {
	if len(body) == 0 {
		return time.Time{}, nil
	}
	var page []message
	if err := json.Unmarshal(body, &page); err != nil {
		return time.Time{}, fmt.Errorf("a page is no JSON: %w", err)
	}
	for _, m := range page {
		if err := c.next(m); err != nil {
			return time.Time{}, err
		}
		sent = time.Unix(0, m.Sent)
	}
	return sent, nil
}

func (c *checker) next(m message) error {
	if m.Writer == -1 && !c.own {
		c.own = true
		return nil
	}
	last, known := c.last[m.Writer]
	at := place{m.Writer, m.Number}
	switch {
	case !known:
		return fmt.Errorf("message %v was never sent to this stream", at)
	case c.isUnknown(at):
		if c.strays[at] {
			return fmt.Errorf("message %v is there twice", at)
		}
		c.strays[at] = true
		if m.Number < last {
			return nil
		}
	case m.Number <= last:
		return fmt.Errorf("message %v comes after %d: twice, or out of order", at, last)
	}
	return c.reach(m.Writer, m.Number)
}

// reach says that all messages of a writer before number were due, and notes number.
func (c *checker) reach(writer, number int) error {
	for missed := c.last[writer] + 1; missed < number; missed++ {
		if at := (place{writer, missed}); !c.isUnknown(at) {
			return fmt.Errorf("message %v was acknowledged and is missing", at)
		}
	}
	c.last[writer] = number
	return nil
}

// complete checks that nothing is missing at the end of a stream that is over.
func (c *checker) complete() error {
	for _, w := range c.of.writers {
		w.mu.Lock()
		next := w.next
		w.mu.Unlock()
		// A message beyond the last acknowledged one is a producer's that failed.
		if c.last[w.id] > next {
			return fmt.Errorf("writer %d: message %d was never sent", w.id, c.last[w.id])
		}
		if c.last[w.id] < next-1 {
			if err := c.reach(w.id, next); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *checker) isUnknown(at place) bool {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	return c.of.unknown[at]
}
