package faults

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// maxNoted is how many of the last faults a layer remembers.
const maxNoted = 200

// Layer lets requests go wrong as its plan says. It is safe for concurrent use.
type Layer struct {
	mu   sync.Mutex
	plan Plan
	// nth counts requests by operation, n by operation and stream, of by stream.
	nth map[string]int
	n   map[[2]string]int
	of  map[string]int
	// waiting are requests that are delivered late.
	waiting []delivery
	past    answers

	total int
	count map[string]int
	noted []string
}

// delivery is a request that is delivered just before the stream's request with a number.
type delivery struct {
	stream string
	before int
	send   func()
}

// New returns a layer that passes everything on until it is given a plan.
func New() *Layer {
	l := &Layer{count: make(map[string]int), past: newAnswers()}
	l.Use(nil)
	return l
}

// Use begins a plan; nil is one without faults. What is late remains so. Requests are
// counted anew.
func (l *Layer) Use(p Plan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plan = p
	l.nth, l.n, l.of = make(map[string]int), make(map[[2]string]int), make(map[string]int)
	// Numbers begin anew, so what waits for one goes first.
	for i := range l.waiting {
		l.waiting[i].before = 0
	}
}

// Stop ends all faults, and delivers what is late. It returns when that has been delivered.
func (l *Layer) Stop() {
	l.Use(nil)
	l.mu.Lock()
	late := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	for _, d := range late {
		d.send()
	}
}

// Requests returns how many requests came, whatever became of them.
func (l *Layer) Requests() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// Came returns how many requests of an operation came since the plan is used.
func (l *Layer) Came(operation string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.nth[operation]
}

// Injected returns how many faults there were, by their names.
func (l *Layer) Injected() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.count)
}

// Last lists the last faults, with the requests to which they happened.
func (l *Layer) Last() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.noted)
}

// next numbers a call, and decides on it. It returns what is to be delivered before it.
func (l *Layer) next(c Call) (Call, Fault, []delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	l.nth[c.Operation]++
	l.n[[2]string{c.Operation, c.Stream}]++
	l.of[c.Stream]++
	c.Nth, c.N = l.nth[c.Operation], l.n[[2]string{c.Operation, c.Stream}]
	var due []delivery
	l.waiting = slices.DeleteFunc(l.waiting, func(d delivery) bool {
		is := d.stream == c.Stream && d.before <= l.of[c.Stream]
		if is {
			due = append(due, d)
		}
		return is
	})
	if l.plan == nil {
		return c, Fault{}, due
	}
	return c, l.plan.Decide(c), due
}

// later delivers a request just before the one of its stream that comes a few later, or
// when the layer is stopped.
func (l *Layer) later(c Call, draw uint64, send func()) {
	const most = 20
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, delivery{c.Stream, l.of[c.Stream] + 1 + int(draw%most), send})
}

// note counts a fault that happened.
func (l *Layer) note(c Call, f Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count[f.Name()]++
	l.noted = append(l.noted, fmt.Sprintf("%v: %s", c, f.Name()))
	if len(l.noted) > maxNoted {
		l.noted = slices.Delete(l.noted, 0, 1)
	}
}

// Over returns base with the layer on it.
func (l *Layer) Over(base http.RoundTripper) http.RoundTripper { return &transport{l, base} }
