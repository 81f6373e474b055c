package stream

import (
	"context"
	"errors"
	"sync"
)

// flights keeps one flush of a stream running at a time in this process. More
// would be harmless, but wasteful.
type flights struct {
	mu   sync.Mutex
	busy map[string]bool
}

func (f *flights) begin(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy[name] {
		return false
	}
	if f.busy == nil {
		f.busy = make(map[string]bool)
	}
	f.busy[name] = true
	return true
}

func (f *flights) end(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.busy, name)
}

// Flush moves the records of a stream's buffer into chunks, if it is due. Nobody
// needs to wait for it; an error means that it was not finished, and that a later
// flush will do it. Cost: one read, one write a chunk (usually one), one write of
// the head.
func (l *Log) Flush(ctx context.Context, name string) error {
	if !l.flights.begin(name) {
		return nil
	}
	defer l.flights.end(name)
	h, err := l.driver.Head(ctx, name, Strong)
	if errors.Is(err, ErrNoHead) {
		return nil
	}
	if err != nil {
		return unavailable(err)
	}
	if !h.flushDue(l.limits) {
		return nil
	}
	_, err = l.flush(ctx, name, h)
	var refused *RefusedError
	if errors.As(err, &refused) {
		// Somebody else flushed, or the stream is gone.
		return nil
	}
	return err
}

// flush puts the buffer of h into chunks and then trims it, and returns the head
// after that. What a crash leaves behind: chunks with records that are also in
// the buffer, which is harmless (invariant 2).
func (l *Log) flush(ctx context.Context, name string, h *Head) (*Head, error) {
	for _, c := range h.chunks(l.limits) {
		err := l.retry(ctx, func() error { return l.driver.PutChunk(ctx, h.Incarnation, c) })
		if err != nil {
			return nil, err
		}
	}
	trimmed, err := l.driver.Trim(ctx, name, h.Incarnation, h.BufferFrom(), h.Tail)
	if err != nil {
		return nil, err
	}
	l.hub.announce(name, trimmed)
	return trimmed, nil
}

// chunks cuts the buffer into chunks: runs of one segment, of at most PartSize
// bytes. A staged entry becomes a chunk that links the same item.
func (h *Head) chunks(l Limits) []Chunk {
	var chunks []Chunk
	for _, e := range h.Buffer {
		var last *Chunk
		if len(chunks) > 0 {
			last = &chunks[len(chunks)-1]
		}
		joins := last != nil && last.Staged == StagedID{} && e.Staged == StagedID{} &&
			e.From.Segment == e.To.Segment && last.Size+e.Size <= l.PartSize
		if !joins {
			c := Chunk{From: e.From, To: e.To, Count: e.Count, Size: e.Size, Staged: e.Staged}
			if len(e.Frames) > 0 {
				c.Frames = append(make(Frames, 0, min(h.BufferSize, l.PartSize)), e.Frames...)
			}
			chunks = append(chunks, c)
			continue
		}
		last.To = e.To
		last.Count += e.Count
		last.Size += e.Size
		last.Frames = append(last.Frames, e.Frames...)
	}
	return chunks
}
