// Package objectcache keeps in memory the parts of objects that were read last. Readers who
// catch up with a stream read the same parts of the same segments, one after the other: with
// the cache they cost a file's, or a bucket's, answer once.
package objectcache

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Objects is a [stream.Objects] whose reads of parts are remembered. Objects never change,
// so what is remembered is right as long as the object is there, and it is forgotten when this
// process removes it. The process must be the only
// one that removes objects, or readers may get for a while what is not there any more.
//
// Whole objects are read past the cache: whoever wants one checks what is stored. It is safe
// for concurrent use.
type Objects struct {
	stream.Objects
	max int64

	mu    sync.Mutex
	parts *simplelru.LRU[part, []byte]
	size  int64
	// forgotten counts how often something was forgotten.
	forgotten int
}

// part is n bytes of an object from an offset on.
type part struct {
	key       string
	offset, n int64
}

// largest is which share of the cache one part may take.
const largest = 4

// New returns objects with a cache of at most max bytes in front of others.
func New(objects stream.Objects, max int64) (*Objects, error) {
	c := &Objects{Objects: objects, max: max}
	parts, err := simplelru.NewLRU(math.MaxInt, func(p part, body []byte) { c.size -= weight(p, body) })
	if err != nil {
		return nil, fmt.Errorf("objectcache: %w", err)
	}
	c.parts = parts
	return c, nil
}

// weight is about how much memory a part takes.
func weight(p part, body []byte) int64 { return int64(len(p.key)) + int64(cap(body)) + 256 }

// Object implements [stream.Objects].
func (c *Objects) Object(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	if n < 0 {
		return c.Objects.Object(ctx, key, offset, n)
	}
	p := part{key, offset, n}
	body, found, forgotten := c.get(p)
	if found {
		return body, nil
	}
	body, err := c.Objects.Object(ctx, key, offset, n)
	if err == nil {
		c.put(p, body, forgotten)
	}
	return body, err
}

func (c *Objects) get(p part) (body []byte, found bool, forgotten int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, found = c.parts.Get(p)
	return body, found, c.forgotten
}

// put keeps a part, unless something was forgotten since it was asked for.
func (c *Objects) put(p part, body []byte, forgotten int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forgotten != forgotten || weight(p, body) > c.max/largest || c.parts.Contains(p) {
		return
	}
	c.parts.Add(p, body)
	for c.size += weight(p, body); c.size > c.max; {
		c.parts.RemoveOldest()
	}
}

// RemoveObjects implements [stream.Objects].
func (c *Objects) RemoveObjects(ctx context.Context, keys []string) error {
	gone := make(map[string]bool, len(keys))
	for _, key := range keys {
		gone[key] = true
	}
	removed := func(key string) bool { return gone[key] }
	c.forget(removed)
	defer c.forget(removed)
	return c.Objects.RemoveObjects(ctx, keys)
}

// DiscardObjects implements [stream.Objects].
func (c *Objects) DiscardObjects(ctx context.Context, prefix string, max int) (bool, error) {
	discarded := func(key string) bool { return strings.HasPrefix(key, prefix) }
	c.forget(discarded)
	defer c.forget(discarded)
	return c.Objects.DiscardObjects(ctx, prefix, max)
}

// forget drops the parts of some objects. It is called before they are removed, so that
// nobody reads what is not there any more, and after it, for what was read meanwhile.
func (c *Objects) forget(gone func(key string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgotten++
	for _, p := range c.parts.Keys() {
		if gone(p.key) {
			c.parts.Remove(p)
		}
	}
}
