package stream

import (
	"sync"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// segments remembers the indexes of the segments that this process read last. They
// never change, so none can be stale.
type segments struct {
	mu     sync.Mutex
	known  map[segmentID]*segment.Index
	weight int
}

type segmentID struct {
	incarnation Incarnation
	number      uint64
}

// maxWeight bounds the memory of segments, to 7 MB: a block takes 24 bytes, and an index
// with its place in the map about as much as another eight.
const maxWeight = 1 << 18

func weight(x *segment.Index) int { return x.Summary().Blocks + 8 }

func (s *segments) get(inc Incarnation, number uint64) *segment.Index {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[segmentID{inc, number}]
}

func (s *segments) put(inc Incarnation, number uint64, index *segment.Index) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := segmentID{inc, number}
	if s.known == nil {
		s.known = make(map[segmentID]*segment.Index)
	}
	if s.known[id] != nil {
		return
	}
	for some, x := range s.known {
		if s.weight+weight(index) <= maxWeight {
			break
		}
		s.weight -= weight(x)
		delete(s.known, some)
	}
	s.known[id] = index
	s.weight += weight(index)
}
