package stream

import (
	"context"
	"errors"
)

// fork looks after a fork that is noted of a living stream: if its life is over, it is
// released.
func (s *sweep) fork(ctx context.Context, source, fork Life) error {
	known, err := s.life(ctx, fork)
	if err != nil || known != nil {
		return err
	}
	// A fork is noted in one step with its head, so it has lived.
	s.report.Released++
	return s.release(ctx, fork, source)
}

// recount counts the forks that are noted of a stream that is over, and mends its head if
// that counts others. It returns the head as it is then, or nil if it moved meanwhile.
func (s *sweep) recount(ctx context.Context, name string, h *Head) (*Head, error) {
	n, last := 0, Life{}
	for {
		const page = 1000
		forks, err := s.driver.Forks(ctx, h.Life(name), last, page)
		if err != nil {
			return nil, err
		}
		if n += len(forks); len(forks) < page {
			break
		}
		last = forks[page-1]
	}
	if n == h.Forks {
		return h, nil
	}
	next := h.Clone()
	next.Forks = n
	next.Version++
	err := s.retry(ctx, func() error { return s.driver.Update(ctx, name, next) })
	var refused *RefusedError
	if errors.As(err, &refused) {
		return nil, nil // it was forked or released; the next run counts again
	}
	s.report.Recounted++
	return next, err
}
