package stream

import (
	"slices"
	"sync"
	"time"
)

// lanes makes appends of this process to one stream share commits. Whoever finds
// a stream's lane free leads: it commits what has gathered, and then passes the
// lead to the first that gathered meanwhile. No lock is held during a commit.
type lanes struct {
	mu   sync.Mutex
	busy map[string]*lane
}

type lane struct {
	waiting []*ticket
	// last is the newest head that a commit of this lane saw, or nil.
	last *Head
}

// ticket is one append on its way through a lane.
type ticket struct {
	append *Append
	// deadline is the caller's; zero is none.
	deadline time.Time
	// usage counts what is done for it.
	usage  *Usage
	result Appended
	err    error
	// settled says that result or err holds the answer.
	settled bool
	// wake is signalled once: when the ticket is settled, or must lead.
	wake chan struct{}
}

func (t *ticket) settle(r Appended, err error) { t.result, t.err, t.settled = r, err, true }

// enter puts a ticket into a lane and reports whether it leads.
func (ls *lanes) enter(name string, t *ticket) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ln, busy := ls.busy[name]; busy {
		ln.waiting = append(ln.waiting, t)
		return false
	}
	if ls.busy == nil {
		ls.busy = make(map[string]*lane)
	}
	ls.busy[name] = &lane{}
	return true
}

// quit takes a ticket out of a lane, unless it is in a group already, or leads.
func (ls *lanes) quit(name string, t *ticket) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ln, busy := ls.busy[name]
	if !busy {
		return false
	}
	i := slices.Index(ln.waiting, t)
	if i < 0 {
		return false
	}
	ln.waiting = slices.Delete(ln.waiting, i, i+1)
	return true
}

// gather returns the leader with as many of the waiting tickets as fit into one
// commit, in the order of their arrival.
func (ls *lanes) gather(name string, leader *ticket, l Limits) ([]*ticket, *lane) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ln := ls.busy[name]
	group := []*ticket{leader}
	size := len(leader.append.Records.Frames)
	if leader.append.staged(l) {
		return group, ln
	}
	n := 0
	for _, t := range ln.waiting {
		size += len(t.append.Records.Frames)
		if t.append.staged(l) || size > l.BufferSize {
			break
		}
		n++
	}
	group = append(group, ln.waiting[:n]...)
	ln.waiting = ln.waiting[n:]
	return group, ln
}

// leave frees the lane, or makes the first waiting ticket lead.
func (ls *lanes) leave(name string) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ln := ls.busy[name]
	if len(ln.waiting) == 0 {
		delete(ls.busy, name)
		return
	}
	next := ln.waiting[0]
	ln.waiting = ln.waiting[1:]
	next.wake <- struct{}{}
}
