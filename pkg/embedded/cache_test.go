package embedded

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// Whoever waits for one of two names does not hold the other one, if others take them
// the other way round.
func TestLockBothInOneOrder(t *testing.T) {
	for _, names := range [][2]string{{"a", "b"}, {"b", "a"}} {
		var n nameLocks
		unlock := n.lock("a")
		got := make(chan func())
		go func() { got <- n.lockAll(names[0], names[1]) }()
		waiting := func() bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			return n.held["a"].refs == 2
		}
		for !waiting() {
			if held := heldNames(&n); slices.Contains(held, "b") {
				t.Fatalf("lockAll%q holds %q, and does not wait for a", names, held)
			}
			runtime.Gosched()
		}
		free := make(chan func())
		go func() { free <- n.lock("b") }()
		select {
		case unlockB := <-free:
			unlockB()
		case <-time.After(10 * time.Second):
			t.Fatalf("lockAll%q holds b while it waits for a", names)
		}
		unlock()
		(<-got)()
		if held := heldNames(&n); len(held) > 0 {
			t.Errorf("after all was unlocked, %q are locked", held)
		}
	}
}

// A name that is given twice is locked once: nobody waits for himself.
func TestLockTwice(t *testing.T) {
	var n nameLocks
	got := make(chan func())
	go func() { got <- n.lockAll("b", "a", "b") }()
	select {
	case unlock := <-got:
		unlock()
	case <-time.After(10 * time.Second):
		t.Fatal("lockAll waits for itself")
	}
	if held := heldNames(&n); len(held) > 0 {
		t.Errorf("after all was unlocked, %q are locked", held)
	}
}

func heldNames(n *nameLocks) (held []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name := range n.held {
		held = append(held, name)
	}
	return held
}
