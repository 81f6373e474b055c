package stream

import (
	"fmt"
	"time"
)

// Limits are the sizes at which the log changes its way of working. They trade
// latency against the cost of a store; every process that serves a store should
// use the same ones, but none depends on it for correctness.
type Limits struct {
	// SegmentCount and SegmentSize (bytes) are what a segment holds; the append
	// after that starts the next one.
	SegmentCount int
	SegmentSize  int
	// FlushSize (bytes of [Heads.HeadSize]) and FlushCount (entries of the buffer)
	// are soft limits: where a commit fills the count, or a multiple of it, or is about
	// to pass the size, or twice, four times, ... of it, the buffer's records are moved
	// to chunks once the append is answered.
	FlushSize  int
	FlushCount int
	// BufferSize (bytes) and BufferCount (entries) are its hard limits: an append to a
	// buffer that has the count, or that would pass the size, flushes first, if it
	// has anything. An append of staged parts has an entry for each, and may pass the
	// count by all but one of them. BufferSize also bounds what one group commit carries.
	BufferSize  int
	BufferCount int
	// StageSize (bytes) is the append from which records are put into items of
	// their own before the commit that links them.
	StageSize int
	// PartSize (bytes) bounds the records of one such item, and of one chunk.
	PartSize int
	// ObjectSize (bytes) is the part from which it is marked as an object
	// ([StagedID]); 0 means never.
	ObjectSize int
	// PageSize (bytes) is about how much one read returns. A JSON message larger
	// than that is returned alone.
	PageSize int
	// Producers is how many producers a head holds; others are spilled.
	Producers int
	// KnownProducers is how many producers a stream knows at most, over its life;
	// 0 means any number.
	KnownProducers int
	// Remember is how many commits a head remembers apart from those in its buffer.
	Remember int
	// EarlyWait is how long a producer's request that arrived before its
	// predecessor waits for it; 0 means that it does not.
	EarlyWait time.Duration
	// WriteTimeout bounds one commit, with its retries.
	WriteTimeout time.Duration
}

// DefaultLimits suit a store on the same machine.
func DefaultLimits() Limits {
	return Limits{
		SegmentCount: 1000,
		SegmentSize:  4 << 20,
		FlushSize:    32 << 10,
		FlushCount:   64,
		BufferSize:   512 << 10,
		BufferCount:  1024,
		StageSize:    64 << 10,
		PartSize:     1 << 20,
		PageSize:     1 << 20,
		Producers:    32,
		Remember:     8,
		EarlyWait:    250 * time.Millisecond,
		WriteTimeout: 10 * time.Second,
	}
}

// isObject reports whether a staged part is large enough to be an object.
func (l Limits) isObject(part Records) bool {
	return l.ObjectSize > 0 && len(part.Frames) >= l.ObjectSize
}

// Validate reports the first limit that cannot work, by its name.
func (l Limits) Validate() error {
	positive := []struct {
		name  string
		value int
	}{
		{"SegmentCount", l.SegmentCount}, {"SegmentSize", l.SegmentSize},
		{"FlushSize", l.FlushSize}, {"FlushCount", l.FlushCount},
		{"BufferSize", l.BufferSize}, {"BufferCount", l.BufferCount},
		{"StageSize", l.StageSize}, {"PartSize", l.PartSize}, {"PageSize", l.PageSize},
		{"Producers", l.Producers}, {"Remember", l.Remember},
		{"WriteTimeout", int(l.WriteTimeout)},
	}
	for _, p := range positive {
		if p.value <= 0 {
			return fmt.Errorf("limit %s is %d: it must be positive", p.name, p.value)
		}
	}
	switch {
	case l.StageSize > l.BufferSize:
		return fmt.Errorf("limit StageSize (%d) is above BufferSize (%d): an append between them would fit nowhere", l.StageSize, l.BufferSize)
	case l.FlushSize > l.BufferSize:
		return fmt.Errorf("limit FlushSize (%d) is above BufferSize (%d)", l.FlushSize, l.BufferSize)
	case l.FlushCount > l.BufferCount:
		return fmt.Errorf("limit FlushCount (%d) is above BufferCount (%d)", l.FlushCount, l.BufferCount)
	case l.EarlyWait < 0:
		return fmt.Errorf("limit EarlyWait is %v: it must not be negative", l.EarlyWait)
	case l.KnownProducers < 0:
		return fmt.Errorf("limit KnownProducers is %d: it must not be negative", l.KnownProducers)
	case l.KnownProducers > 0 && l.Producers > l.KnownProducers:
		return fmt.Errorf("limit Producers (%d) is above KnownProducers (%d): a head would hold more than there may be", l.Producers, l.KnownProducers)
	case l.ObjectSize < 0:
		return fmt.Errorf("limit ObjectSize is %d: it must not be negative", l.ObjectSize)
	}
	return nil
}
