package stream

import (
	"cmp"
	"context"
	"errors"
	"math/bits"
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

// Flush moves into chunks what an append that found it due left in the stream's
// buffer. After the zero Appended it moves whatever the buffer holds. Nobody needs
// to wait for it. An error means that it was not finished, and that a later flush
// will do it. Cost: one write a chunk (usually one), and one write of the head for each
// [MaxTrim] entries; after the zero Appended a read as well. Where others append meanwhile so fast that
// the head is too large again, the same once more, [maxFlushes] times at most.
func (l *Log) Flush(ctx context.Context, name string, after Appended) error {
	if !l.flights.begin(name) {
		return nil
	}
	defer l.flights.end(name)
	h := after.flush
	if h == nil {
		var err error
		h, err = l.driver.Head(ctx, name, Strong)
		if errors.Is(err, ErrNoHead) {
			return nil
		}
		if err != nil {
			return unavailable(err)
		}
	}
	for range maxFlushes {
		if len(h.Buffer) == 0 {
			return nil
		}
		after, err := l.flush(ctx, name, h)
		var refused *RefusedError
		if errors.As(err, &refused) {
			// Somebody else flushed, or the stream is gone.
			return nil
		}
		if err != nil || !l.flushPays(name, after) {
			return err
		}
		h = after
	}
	return nil
}

// maxFlushes bounds how often one call flushes: the process that makes it answers
// nobody else meanwhile, where processes serve one request at a time.
const maxFlushes = 16

// flushPays reports whether the buffer makes writes of the head dearer. While it is
// flushed, others append; if that is not flushed at once, every append pays for it until
// the buffer has doubled, and where a store has a limit, fewer and fewer are admitted.
func (l *Log) flushPays(name string, h *Head) bool {
	without := l.driver.HeadSize(name, h.without(len(h.Buffer)))
	return l.driver.HeadSize(name, h)/l.limits.FlushSize > without/l.limits.FlushSize
}

// flushDue reports whether a commit that added some entries to the buffer of h is
// the one after which it is to be flushed: if it filled the count, or a multiple of
// it, or if one more like it would pass the size, or twice, four times, ... of it. So
// where many processes append, one of them flushes, and few others do while it is
// at it; and where that one fails, another one does later.
func (l *Log) flushDue(name string, h *Head, added int) bool {
	before := h.without(added)
	if len(before.Buffer)/l.limits.FlushCount != len(h.Buffer)/l.limits.FlushCount {
		return true
	}
	passes := func(from, to int) bool {
		return bits.Len(uint(from/l.limits.FlushSize)) != bits.Len(uint(to/l.limits.FlushSize))
	}
	size, was := l.driver.HeadSize(name, h), l.driver.HeadSize(name, before)
	switch {
	case size <= was:
		return false
	case passes(size, size+size-was):
		return true
	case !passes(was, size):
		return false
	case len(before.Buffer) == 0:
		return true
	}
	// It passed the size at once. Unless that was to be expected after the one
	// before it, which flushes then.
	return !passes(was, was+was-l.driver.HeadSize(name, before.without(1)))
}

// without returns the head as it was before the last n entries of its buffer, as far
// as its size depends on them.
func (h *Head) without(n int) *Head {
	before := *h
	before.Buffer = h.Buffer[:max(0, len(h.Buffer)-n)]
	for _, e := range h.Buffer[len(before.Buffer):] {
		before.BufferSize -= len(e.Frames)
	}
	if len(before.Buffer) < len(h.Buffer) {
		before.Tail = h.Buffer[len(before.Buffer)].From
	}
	return &before
}

// flush puts the buffer of h into chunks and then trims it, and returns the head
// after that. What a crash leaves behind: chunks with records that are also in
// the buffer, which is harmless (invariant 2).
//
// If a chunk cannot be put, what precedes it is trimmed all the same: a buffer that has
// grown large while the store was in trouble gets smaller by every attempt, however many
// requests fail.
func (l *Log) flush(ctx context.Context, name string, h *Head) (*Head, error) {
	to, err := l.putChunks(ctx, h.Life(name), h.chunks(l.limits))
	if to == (Offset{}) && err != nil {
		return nil, err
	}
	trimmed, trimErr := l.trim(ctx, name, h, to)
	if err := cmp.Or(err, trimErr); err != nil {
		return nil, err
	}
	return trimmed, nil
}

// MaxTrim is how many entries one [Heads.Trim] removes at most: in DynamoDB each is named
// twice in an expression of at most 4 KB.
const MaxTrim = 100

// trim removes from the buffer of h the entries up to an offset, and returns the head after
// that. Steps that were made stay: if one fails, a later flush goes on there.
func (l *Log) trim(ctx context.Context, name string, h *Head, to Offset) (*Head, error) {
	for {
		step := to
		if len(h.Buffer) > MaxTrim && h.Buffer[MaxTrim].From.Before(to) {
			step = h.Buffer[MaxTrim].From
		}
		err := l.retry(ctx, func() error {
			after, err := l.driver.Trim(ctx, name, h, step, l.limits)
			if err == nil {
				h = after
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		l.hub.announce(name, h)
		if step == to {
			return h, nil
		}
	}
}

// putChunks puts chunks, and returns the end of the last one that is stored, if any. They
// are put one after the other: a chunk that is stored says that all before it are. Another
// flush may cut differently, and finds its last chunk stored already by this one.
func (l *Log) putChunks(ctx context.Context, life Life, chunks []Chunk) (to Offset, err error) {
	for _, c := range chunks {
		if err := l.retry(ctx, func() error { return l.driver.PutChunk(ctx, life, c) }); err != nil {
			return to, err
		}
		to = c.To
	}
	return to, nil
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
