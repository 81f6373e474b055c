package main

import "slices"

// queue is the simplest group commit: one goroutine commits whatever has
// arrived while it was committing. It is SQLite's idiom, as SQLite has one
// writer at a time; row 2b puts it before every engine, which tells the engines
// from their own group commits.
type queue struct {
	commit  func([]pair) error
	waiting chan waiter
	done    chan struct{}
}

type waiter struct {
	pairs  []pair
	result chan error
}

func newQueue(commit func([]pair) error) *queue {
	q := &queue{commit, make(chan waiter, 4*writers), make(chan struct{})}
	go q.run()
	return q
}

func (q *queue) run() {
	defer close(q.done)
	for w := range q.waiting {
		group, pairs := []waiter{w}, slices.Clone(w.pairs)
		for n := len(q.waiting); n > 0; n-- {
			w := <-q.waiting
			group, pairs = append(group, w), append(pairs, w.pairs...)
		}
		err := q.commit(pairs)
		for _, w := range group {
			w.result <- err
		}
	}
}

func (q *queue) Commit(pairs []pair) error {
	w := waiter{pairs, make(chan error, 1)}
	q.waiting <- w
	return <-w.result
}

// Close may be called when no Commit is under way.
func (q *queue) Close() {
	close(q.waiting)
	<-q.done
}
