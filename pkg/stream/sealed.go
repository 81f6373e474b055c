package stream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// sealed is a segment that ended. What comes after unit is known once its chunks have
// been walked through.
type sealed struct {
	life   Life
	number uint64
	unit   Unit
	// from and to are as in [Entry], for the whole segment.
	from, to Offset
	// chunks are the ends of the chunks, links the staged parts that they link.
	chunks []Offset
	links  []StagedID
}

func (s *sealed) kind() segment.Kind {
	if s.unit == Messages {
		return segment.Messages
	}
	return segment.Bytes
}

// walkSize is how many bytes of chunks are read at a time. The last time, some of them
// are of the next segment, and read for nothing.
const walkSize = 256 << 10

// walk calls do for each chunk of a segment, in order, with the offset up to which the
// chunks before it reach. It fails with errGap if a chunk is missing.
func (l *Log) walk(ctx context.Context, h *Head, s *sealed, do func(c Chunk, at Offset) error) error {
	// The first chunk says where the segment before ends.
	at, first := Offset{Segment: s.number}, true
	for {
		chunks, err := l.driver.Chunks(ctx, s.life, at, min(walkSize, l.limits.PageSize))
		if err != nil {
			return unavailable(err)
		}
		for _, c := range chunks {
			switch {
			case first && c.To.Segment == s.number && (c.From.Segment < s.number || c.From == Offset{}):
				s.from, first = c.From, false
			case first || at.Before(c.From):
				return fmt.Errorf("%w between %v and %v", errGap, at, c.From)
			case c.To.Segment > s.number:
				return nil
			}
			if err := do(c, at); err != nil {
				return err
			}
			s.chunks = append(s.chunks, c.To)
			if c.Staged != (StagedID{}) {
				s.links = append(s.links, c.Staged)
			}
			at, s.to = c.To, c.To
		}
		if len(chunks) > 0 {
			continue
		}
		// What follows is in the buffer, or there is nothing.
		if first || at != h.BufferFrom() {
			return fmt.Errorf("%w between %v and %v", errGap, at, h.BufferFrom())
		}
		return nil
	}
}

// first is the offset of a chunk's first record in its own segment.
func (c Chunk) first() Offset { return Entry(c).first() }

// writeSegment writes a segment's records in the form in which they are stored as an
// object.
func (l *Log) writeSegment(ctx context.Context, h *Head, s *sealed, to io.Writer) (segment.Summary, []byte, error) {
	buffered := bufio.NewWriterSize(to, 64<<10)
	w := segment.NewWriter(buffered, s.kind(), s.number)
	err := l.walk(ctx, h, s, func(c Chunk, at Offset) error {
		link := []Entry{Entry(c)}
		if err := l.fetch(ctx, s.life, link); err != nil {
			return err
		}
		frames := link[0].Frames
		if first := c.first(); first.Before(at) {
			// Two flushes cut the buffer in different ways.
			var err error
			if frames, err = skip(frames, s.unit, at.Position-first.Position); err != nil {
				return err
			}
		}
		for _, err := range frames.Records() {
			if err != nil {
				return err
			}
		}
		return w.Write(frames)
	})
	if err != nil {
		return segment.Summary{}, nil, err
	}
	summary, tail, err := w.Close()
	if err != nil {
		return summary, tail, err
	}
	if summary.End != s.to.Position {
		return summary, tail, fmt.Errorf("%w: the chunks hold %d positions, not as they say, %v", ErrDamaged, summary.End, s.to)
	}
	return summary, tail, buffered.Flush()
}

// verifyObject checks that an object is what its manifest says. One that is not is read once
// more: parts of it have no checksum that a store could compare, so it may have been altered
// on its way, which is no damage.
func (l *Log) verifyObject(ctx context.Context, m Manifest) error {
	err := l.readBack(ctx, m)
	if errors.Is(err, segment.ErrCorrupt) {
		err = l.readBack(ctx, m)
	}
	return err
}

// readBack reads an object, in parts, and compares it with its manifest.
func (l *Log) readBack(ctx context.Context, m Manifest) error {
	r := &objectReader{ctx: ctx, objects: l.objects, key: m.Object, size: m.Size, part: int64(l.limits.PartSize)}
	got, err := segment.Verify(r, m.Size)
	if errors.Is(err, ErrNoItem) {
		return fmt.Errorf("%w: %s was discarded after it was put", errGap, m.Object)
	}
	if err != nil {
		return fmt.Errorf("read %s back: %w", m.Object, err)
	}
	if got.Segment != m.Segment || got.End != m.To.Position || got.CRC != m.CRC {
		return fmt.Errorf("read %s back: %w: it is another segment", m.Object, segment.ErrCorrupt)
	}
	return nil
}

// objectReader reads an object from its beginning to its end, a part at a time.
type objectReader struct {
	ctx              context.Context
	objects          Objects
	key              string
	size, part, next int64
	rest             []byte
}

func (r *objectReader) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.next == r.size {
			return 0, io.EOF
		}
		n := min(r.part, r.size-r.next)
		part, err := r.objects.Object(r.ctx, r.key, r.next, n)
		if err != nil {
			return 0, err
		}
		r.rest, r.next = part, r.next+n
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// maxTail bounds what a manifest holds of an object's tail, so that the index of 4 MiB
// fits: reading a larger manifest costs more than asking the object.
const maxTail = 12 << 10

// shortTail returns the tail of an object, or only its footer if it is long.
func shortTail(tail []byte) []byte {
	if len(tail) <= maxTail {
		return tail
	}
	return tail[len(tail)-segment.FooterSize:]
}

// retire lets go of chunks whose records are in an object, and of what they linked. A
// reader that still follows a link finds nothing, and looks again.
func (l *Log) retire(ctx context.Context, life Life, chunks []Offset, links []StagedID) error {
	var items []StagedID
	var objects []string
	for _, id := range links {
		if id.Object {
			objects = append(objects, StagedKey(life, id))
		} else {
			items = append(items, id)
		}
	}
	if len(objects) > 0 {
		if err := l.retry(ctx, func() error { return l.objects.RemoveObjects(ctx, objects) }); err != nil {
			return unavailable(err)
		}
	}
	if err := l.retry(ctx, func() error { return l.driver.Retire(ctx, life, chunks, items) }); err != nil {
		return unavailable(err)
	}
	return nil
}
