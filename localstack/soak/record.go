package main

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// kinds are what is measured, in the order of the tables. Those of live readers are how
// long after an append was sent its record was there.
var kinds = []string{
	create, appendPlain, appendProducer, appendSequenced, appendBig, catchUp, head, closing, fork, deletion, longPoll, sse,
}

const (
	create          = "create"
	appendPlain     = "append"
	appendProducer  = "append, producer"
	appendSequenced = "append, Stream-Seq"
	appendBig       = "append, 100 KB"
	catchUp         = "catch-up"
	head            = "head"
	closing         = "close"
	fork            = "fork"
	deletion        = "delete"
	longPoll        = "long-poll, lag"
	sse             = "SSE, lag"
)

// record collects what happens. It is safe for concurrent use.
type record struct {
	mu sync.Mutex
	// took has the latencies of the interval under way.
	took map[string][]time.Duration
	// failures counts what went wrong since the beginning, by what it was, and wrong
	// has the first things that readers should not have seen.
	failures map[string]int
	wrong    []string
}

func newRecord() *record {
	return &record{took: map[string][]time.Duration{}, failures: map[string]int{}}
}

// done notes a request, or what a live reader got, and how long it took since it was due.
func (r *record) done(kind string, since time.Time) {
	took := time.Since(since)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.took[kind] = append(r.took[kind], took)
}

// failed notes a request that failed.
func (r *record) failed(kind string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures[fmt.Sprintf("%s: %v", kind, err)]++
}

// maxWrong is how much is kept of what readers should not have seen.
const maxWrong = 20

// sawWrong notes that a reader saw what it should not.
func (r *record) sawWrong(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.wrong) < maxWrong {
		r.wrong = append(r.wrong, err.Error())
	}
}

// stats are the latencies of one kind in one interval, in milliseconds.
type stats struct {
	Count         int
	P50, P99, Max float64
}

// take returns the figures of the interval that ends, and begins the next one.
func (r *record) take() map[string]stats {
	r.mu.Lock()
	took := r.took
	r.took = make(map[string][]time.Duration, len(took))
	r.mu.Unlock()
	all := make(map[string]stats, len(took)+1)
	var everything []time.Duration
	for kind, durations := range took {
		if kind != longPoll && kind != sse {
			everything = append(everything, durations...)
		}
		all[kind] = statsOf(durations)
	}
	all[everyRequest] = statsOf(everything)
	return all
}

// everyRequest is the kind of all requests together, live readers apart.
const everyRequest = "all requests"

func statsOf(durations []time.Duration) stats {
	if len(durations) == 0 {
		return stats{}
	}
	slices.Sort(durations)
	at := func(q float64) float64 {
		i := int(math.Ceil(q*float64(len(durations)))) - 1
		return float64(durations[i]) / float64(time.Millisecond)
	}
	return stats{Count: len(durations), P50: at(0.5), P99: at(0.99), Max: at(1)}
}
