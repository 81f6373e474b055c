package main

import "fmt"

// pair is a key with its new value.
type pair struct{ key, value []byte }

// engine is what the embedded driver needs of a storage engine.
//
// A write is durable when the call returns nil: its bytes, and whatever
// metadata is needed to find them, have been handed to the disk with fsync or
// fdatasync, so that it survives not only the death of the process but the loss
// of power, as far as the disk keeps its word. A write that was only handed to
// the kernel is not durable. Every write is atomic: after a crash all of its
// pairs are there, or none.
type engine interface {
	// Commit durably stores the pairs. It is for a caller that is alone.
	Commit(pairs []pair) error
	// CommitShared is Commit for many concurrent callers: it lets them share
	// fsyncs in the way that is idiomatic for the engine.
	CommitShared(pairs []pair) error
	// Get returns a copy of the value of key, in the memory of dst where the
	// engine can: engines lend values for different times, so a copy is the one
	// thing that they can all be asked for.
	Get(dst, key []byte) ([]byte, error)
	// Scan calls f with each pair in [from, to), in the order of the keys.
	Scan(from, to []byte, f func(key, value []byte)) error
	// DeleteRange durably deletes the keys in [from, to).
	DeleteRange(from, to []byte) error
	// Compact does whatever the engine offers to give space back to the file
	// system.
	Compact() error
	Close() error
}

// opener opens the engine in a directory of its own.
type opener struct {
	name string
	open func(dir string) (engine, error)
}

// openers holds the engines in the order of the table's columns.
var openers = []opener{
	{"pebble", openPebble},
	{"bbolt", openBolt},
	{"sqlite-go", openModernc},
	{"sqlite-cgo", openMattn},
}

func openerOf(name string) (opener, error) {
	for _, o := range openers {
		if o.name == name {
			return o, nil
		}
	}
	return opener{}, fmt.Errorf("no engine %q", name)
}
