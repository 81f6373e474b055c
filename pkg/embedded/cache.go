package embedded

import (
	"math"
	"slices"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// headCache keeps the heads that were used last, up to a number of bytes. As
// this process is the only one on the store, a cached head is the stored one:
// writers replace it before they let go of the name's lock.
type headCache struct {
	max int

	mu    sync.Mutex
	lru   *simplelru.LRU[string, *stream.Head]
	bytes int
}

func newHeadCache(max int) *headCache {
	c := &headCache{max: max}
	lru, err := simplelru.NewLRU(math.MaxInt, func(name string, h *stream.Head) { c.bytes -= weight(name, h) })
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	c.lru = lru
	return c
}

func (c *headCache) get(name string) (*stream.Head, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Get(name)
}

func (c *headCache) put(name string, h *stream.Head) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(name)
	c.lru.Add(name, h)
	c.bytes += weight(name, h)
	for c.bytes > c.max && c.lru.Len() > 1 {
		c.lru.RemoveOldest()
	}
}

func (c *headCache) remove(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(name)
}

// weight is about how much memory a cached head takes.
func weight(name string, h *stream.Head) int {
	const fixed, perEntry, perProducer = 1024, 128, 128
	return fixed + 2*len(name) + len(h.ContentType) + h.BufferSize + perEntry*len(h.Buffer) + perProducer*len(h.Producers)
}

// nameLocks serialises the writes to each name. There are locks only for names
// that are being written.
type nameLocks struct {
	mu   sync.Mutex
	held map[string]*nameLock
}

type nameLock struct {
	sync.Mutex
	refs int // guarded by nameLocks.mu
}

// lock locks a name and returns what unlocks it.
func (n *nameLocks) lock(name string) (unlock func()) {
	n.mu.Lock()
	l := n.held[name]
	if l == nil {
		l = &nameLock{}
		if n.held == nil {
			n.held = make(map[string]*nameLock)
		}
		n.held[name] = l
	}
	l.refs++
	n.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		n.mu.Lock()
		defer n.mu.Unlock()
		if l.refs--; l.refs == 0 {
			delete(n.held, name)
		}
	}
}

// lockAll locks names, each once, in an order that is the same for everybody, so that
// nobody waits for somebody who waits for him. It returns what unlocks them.
func (n *nameLocks) lockAll(names ...string) (unlock func()) {
	unlocks := make([]func(), 0, len(names))
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		unlocks = append(unlocks, n.lock(name))
	}
	return func() {
		for _, unlock := range slices.Backward(unlocks) {
			unlock()
		}
	}
}
