package fsck

import (
	"context"
	"errors"
	"fmt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// chunkBytes is about how much of the chunks is read at a time.
const chunkBytes = 4 << 20

// batch is a list of chunks as it was read.
type batch struct {
	after  stream.Offset
	chunks []stream.Chunk
}

// chunksAfter returns chunks whose To is after an offset, at least one if there is one.
func (i *inspection) chunksAfter(ctx context.Context, after stream.Offset) ([]stream.Chunk, error) {
	if n := len(i.batch.chunks); n > 0 && !after.Before(i.batch.after) && after.Before(i.batch.chunks[n-1].To) {
		for k, c := range i.batch.chunks {
			if after.Before(c.To) {
				return i.batch.chunks[k:], nil
			}
		}
	}
	chunks, err := i.driver.Chunks(ctx, i.life, after, chunkBytes)
	if err != nil {
		return nil, fmt.Errorf("chunks after %v: %w", after, err)
	}
	i.batch = batch{after: after, chunks: chunks}
	return chunks, nil
}

// lookHot checks the records that are not in objects yet: chunks and buffer.
func (i *inspection) lookHot(ctx context.Context, r *Report) error {
	early, err := i.earlyManifest(ctx)
	if err != nil {
		return err
	}
	if err := i.lookChunks(ctx, r, early); err != nil {
		return err
	}
	for _, e := range i.head.Buffer {
		if e.To.Segment < i.head.Compacted {
			i.problems.add("the buffer has an entry to %v, but %d segments are in objects", e.To, i.head.Compacted)
			continue
		}
		if _, err := i.place(ctx, fmt.Sprintf("the buffer entry to %v", e.To), *e); err != nil {
			return err
		}
	}
	i.checkTail()
	return nil
}

// lookChunks checks all chunks, in order.
func (i *inspection) lookChunks(ctx context.Context, r *Report, early *earlyManifest) error {
	var at stream.Offset
	for {
		chunks, err := i.chunksAfter(ctx, at)
		if err != nil {
			return err
		}
		for _, c := range chunks {
			if !at.Before(c.To) {
				i.problems.add("the chunk to %v comes after one to %v", c.To, at)
				return nil
			}
			at = c.To
			r.Chunks++
			if i.head.Tail.Before(c.To) {
				return i.beyondTail(ctx, c)
			}
			if err := i.lookChunk(ctx, c, early); err != nil {
				return err
			}
		}
		if len(chunks) == 0 {
			early.check(&i.problems)
			return nil
		}
	}
}

// beyondTail notes a chunk that ends behind the tail, unless somebody has appended since
// the head was read: then it is no business of this look, and neither is what follows.
func (i *inspection) beyondTail(ctx context.Context, c stream.Chunk) error {
	h, err := i.driver.Head(ctx, i.name, stream.Strong)
	if err == nil && h.Incarnation == i.head.Incarnation && h.Tail == i.head.Tail {
		i.problems.add("the chunk to %v is beyond the tail %v", c.To, h.Tail)
	}
	return err
}

func (i *inspection) lookChunk(ctx context.Context, c stream.Chunk, early *earlyManifest) error {
	what := fmt.Sprintf("the chunk to %v", c.To)
	if c.To.Segment < i.head.Compacted {
		return i.lookLeftover(ctx, what, c)
	}
	r, err := i.place(ctx, what, stream.Entry(c))
	if err != nil || r == nil {
		return err
	}
	return early.saw(ctx, i, r)
}

// place checks records that continue or repeat what was found so far. It returns nil if
// they are not sound.
func (i *inspection) place(ctx context.Context, what string, e stream.Entry) (*run, error) {
	r := &run{what: what, from: e.From, to: e.To}
	var err error
	if r.frames, err = i.fetch(ctx, e); err == nil {
		if err := r.check(e, i.hot.unit); err != nil {
			i.problems.add("%w", err)
			i.hot.jump(later(i.hot.end, e.To))
			return nil, nil
		}
	} else {
		i.hot.jump(later(i.hot.end, e.To))
		return nil, wrong(&i.problems, err, "%s", what)
	}
	if i.hot.end.Before(e.From) {
		if !i.hot.open {
			i.problems.add("records from %v to %v are lost: %s begins behind them", i.hot.end, e.From, what)
		}
		i.hot.jump(e.From)
	}
	end := i.hot.end
	if e.From != end {
		if err := i.repeats(ctx, r, end); err != nil {
			return nil, err
		}
	}
	if end.Before(e.To) {
		i.append(r)
	}
	return r, nil
}

// append adds to the chain what a run has behind its end.
func (i *inspection) append(r *run) {
	from := r.first()
	if i.hot.end.Segment == r.to.Segment && from.Before(i.hot.end) {
		from = i.hot.end
	} else if r.from != i.hot.end {
		i.problems.add("%s continues %v, but the segment before ends at %v", r.what, r.from, i.hot.end)
		i.hot.jump(r.from)
	}
	var count, size int64
	base := r.first().Position
	piece(r.frames, i.hot.unit, from.Position-base, r.to.Position-base, func(record []byte) {
		count++
		size += int64(len(record))
		if i.sink.Record != nil {
			i.sink.Record(record)
		}
	})
	i.hot.extend(r.to, count, size)
}

// repeats compares a run with the chunks that hold some of the same records and end no
// later than the chain did before it.
func (i *inspection) repeats(ctx context.Context, r *run, end stream.Offset) error {
	at := r.first()
	for at.Before(end) && at.Before(r.to) {
		chunks, err := i.chunksAfter(ctx, at)
		if err != nil {
			return err
		}
		before := at
		for _, c := range chunks {
			if end.Before(c.To) || c.To.Segment > r.to.Segment {
				return nil
			}
			if at = c.To; c.To.Segment != r.to.Segment {
				continue
			}
			if err := i.compareWith(ctx, r, c); err != nil || !at.Before(r.to) {
				return err
			}
		}
		if at == before {
			return nil // they are not chunks, or were damaged, which has been said
		}
	}
	return nil
}

// compareWith compares a run with an earlier chunk of its segment.
func (i *inspection) compareWith(ctx context.Context, r *run, c stream.Chunk) error {
	frames, err := i.fetch(ctx, stream.Entry(c))
	if isDamage(err) {
		return nil // it has been said
	}
	if err != nil {
		return err
	}
	other := &run{what: fmt.Sprintf("the chunk to %v", c.To), from: c.From, to: c.To, frames: frames}
	if other.check(stream.Entry(c), i.hot.unit) != nil {
		return nil // it has been said
	}
	if r.first() == other.first() && r.from != other.from {
		i.problems.add("%s continues %v, but %s, which begins there too, %v", r.what, r.from, other.what, other.from)
	}
	if err := compare(r, other, i.hot.unit); err != nil {
		i.problems.add("%w", err)
	}
	return nil
}

// errNoObjects says that the check was not told where objects are.
var errNoObjects = errors.New("fsck: records are in objects, and none are configured")

// errTwoPlaces says that an entry has both its records and a link to them.
var errTwoPlaces = errors.New("it has both records and a link to records")

// fetch returns the records of an entry.
func (i *inspection) fetch(ctx context.Context, e stream.Entry) (stream.Frames, error) {
	switch {
	case e.Staged == stream.StagedID{}:
		return e.Frames, nil
	case len(e.Frames) > 0:
		return nil, errTwoPlaces
	case !e.Staged.Object:
		return i.driver.Staged(ctx, i.life, e.Staged)
	case i.objects == nil:
		return nil, errNoObjects
	}
	return i.objects.Object(ctx, stream.StagedKey(i.life, e.Staged), 0, -1)
}

// checkTail compares the end of what was found with what the head says.
func (i *inspection) checkTail() {
	h, c := i.head, i.hot
	switch {
	case c.end != h.Tail:
		i.problems.add("the records end at %v, but the tail is %v", c.end, h.Tail)
	case h.Origin != nil && h.Tail == h.Origin.At:
	case !c.lost && (c.count != int64(h.SegmentCount) || c.size != int64(h.SegmentSize)):
		i.problems.add("the head says that segment %d has %d records with %d bytes, but it has %d with %d",
			h.Tail.Segment, h.SegmentCount, h.SegmentSize, c.count, c.size)
	}
}

func later(a, b stream.Offset) stream.Offset {
	if a.Before(b) {
		return b
	}
	return a
}
