package stream

import (
	"context"
	"sync"
	"time"
)

// lives remembers, of the streams that this process used last, what their life was
// called and how far their chunks reached. It is a hint and no more: a read that
// trusts it fetches chunks at the same time as the head, and drops them if the head
// says otherwise; an append that stages records for it commits them only to it.
type lives struct {
	mu    sync.Mutex
	known map[string]sighting
}

type sighting struct {
	incarnation Incarnation
	// inherits is where its own records began; chunksTo is where the buffer did; the
	// segments below compacted are in objects.
	inherits, chunksTo Offset
	compacted          uint64
	// seen is when it was certainly alive.
	seen time.Time
}

// trusted is how long records may be staged for a life without another look: no
// longer than its data is kept after it has ended, or they would never be collected.
const trusted = time.Minute

// maxLives bounds the memory of lives, to about 100 KB.
const maxLives = 1024

func (v *lives) get(name string) (sighting, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known, ok := v.known[name]
	return known, ok
}

// note remembers the life of a head that was just found. Where none was found, or
// one that is expired, there is no life that records could be staged for.
func (v *lives) note(name string, h *Head, now time.Time) {
	if h.gone(now) != nil {
		v.forget(name)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.known == nil {
		v.known = make(map[string]sighting)
	}
	if _, known := v.known[name]; !known && len(v.known) >= maxLives {
		for some := range v.known {
			delete(v.known, some)
			break
		}
	}
	known := sighting{incarnation: h.Incarnation, chunksTo: h.BufferFrom(), compacted: h.Compacted, seen: now}
	if h.Origin != nil {
		known.inherits = h.Origin.At
	}
	v.known[name] = known
}

// forget is for a life that this process ended: here its data may be discarded at
// once.
func (v *lives) forget(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.known, name)
}

// ahead is what was fetched at the same time as the head: what a page begins with, or
// nothing.
type ahead struct {
	chunks    []Chunk
	manifests []Manifest
}

// readAhead begins to fetch the chunks or the manifests at a position, if the stream is
// known and they are likely to be needed. The result waits for them, and returns them if
// they are of the life of h; whatever went wrong, the read will find out by itself. It
// must be ended, so that no request outlives the read.
func (l *Log) readAhead(ctx context.Context, name string, from Position) (found func(h *Head) ahead, end func()) {
	known, ok := l.lives.get(name)
	if !ok || from.IsNow() || from.offset.Before(known.inherits) || !from.offset.Before(known.chunksTo) {
		return func(*Head) ahead { return ahead{} }, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	life := Life{name, known.incarnation}
	var got ahead
	fetched := make(chan struct{})
	go func() {
		defer close(fetched)
		// Of an error nothing is kept.
		if from.offset.Segment < known.compacted {
			got.manifests, _ = l.driver.Manifests(ctx, life, from.offset, coldRun)
		} else {
			got.chunks, _ = l.driver.Chunks(ctx, life, from.offset, l.limits.PageSize)
		}
	}()
	found = func(h *Head) ahead {
		if h.Incarnation != known.incarnation {
			return ahead{}
		}
		<-fetched
		return got
	}
	return found, func() { cancel(); <-fetched }
}
