package stream

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Usage counts what one request of a client takes of the stores. Whoever wants to know
// puts one into the request's context ([WithUsage]); the log and the drivers that make
// requests of their own add to it as they go. What nobody asks for is not counted.
//
// Appends that share a commit each have the commit's attempts, while the requests that
// it makes are those of the append that leads. Polls and renewals on behalf of several live
// readers are those of the reader that has waited longest.
//
// The zero value is empty and ready. A Usage is safe for concurrent use, and the methods
// of a nil one do nothing.
type Usage struct {
	mu    sync.Mutex
	spent Spent
	// underWay counts the requests that have not ended. If there are any, one at least
	// has been under way since since.
	underWay int
	since    time.Time
}

// Spent is what a [Usage] has counted up to some moment.
type Spent struct {
	// Attempts counts the writes of a head that were tried for an append, and Conflicts
	// those of them that the head as it was did not admit: it had the append already, its
	// segment was full, another writer came first.
	Attempts, Conflicts int
	// Calls counts the requests that drivers made, by kind, in the order of first use. One
	// that was repeated counts each time.
	Calls []Calls
	// ReadUnits and WriteUnits are what the requests are charged in units of the store's
	// own, if it has any.
	ReadUnits, WriteUnits float64
	// Busy is the time in which one request at least was under way, polls included.
	Busy time.Duration
}

// Calls is how many requests of a kind were made.
type Calls struct {
	Call
	Requests int
}

// Call is a kind of request to a store.
type Call struct {
	Store Store
	// Operation is the store's own name of it.
	Operation string
}

// Store says what a request goes to.
type Store string

// The two kinds of stores.
const (
	// Table is where a [Driver] keeps items.
	Table Store = "table"
	// Bucket is where [Objects] are kept.
	Bucket Store = "bucket"
)

// Requests counts the requests to a store.
func (s Spent) Requests(to Store) int {
	n := 0
	for _, c := range s.Calls {
		if c.Store == to {
			n += c.Requests
		}
	}
	return n
}

type usageKey struct{}

// WithUsage returns a context that carries u.
func WithUsage(ctx context.Context, u *Usage) context.Context {
	return context.WithValue(ctx, usageKey{}, u)
}

// UsageOf returns what a context carries, or nil.
func UsageOf(ctx context.Context) *Usage {
	u, _ := ctx.Value(usageKey{}).(*Usage)
	return u
}

// Begin counts a request that is about to be made. It is paired with an [Usage.End].
func (u *Usage) Begin(c Call) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.underWay++; u.underWay == 1 {
		u.since = time.Now()
	}
	u.count(c, 1)
}

// End notes that a request has ended: how often it was repeated by itself, and the units
// that it is charged.
func (u *Usage) End(c Call, repeated int, readUnits, writeUnits float64) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.underWay--; u.underWay == 0 {
		u.spent.Busy += time.Since(u.since)
	}
	u.count(c, repeated)
	u.spent.ReadUnits += readUnits
	u.spent.WriteUnits += writeUnits
}

func (u *Usage) count(c Call, n int) {
	for i := range u.spent.Calls {
		if u.spent.Calls[i].Call == c {
			u.spent.Calls[i].Requests += n
			return
		}
	}
	u.spent.Calls = append(u.spent.Calls, Calls{c, n})
}

// attempt counts an attempt of an append.
func (u *Usage) attempt() {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.spent.Attempts++
}

// conflict counts one that the head did not admit.
func (u *Usage) conflict() {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.spent.Conflicts++
}

// Spent returns what has been counted so far.
func (u *Usage) Spent() Spent {
	if u == nil {
		return Spent{}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.spent
	s.Calls = slices.Clone(s.Calls)
	if u.underWay > 0 {
		s.Busy += time.Since(u.since)
	}
	return s
}
