package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// segmentFormat is the version of the objects that this program writes.
const segmentFormat = segment.Version

// coldRun is how many segments one page takes at a time. More would not fit, unless
// they are very small.
const coldRun = 16

// takeCold adds to a page what segments that are in objects continue it with, until
// it is full or reaches those that are not. Each object gives only the range that is
// needed. Cost: a query for the manifests of each 16 segments, and a request for each
// object; one more where its index is too large for the manifest.
func (l *Log) takeCold(ctx context.Context, p *Page, max int) error {
	for !p.full && p.Next.Before(p.Head.Tail) && p.Next.Segment < p.Head.Compacted {
		manifests, err := l.driver.Manifests(ctx, p.life, p.Next, coldRun)
		if err != nil {
			return unavailable(err)
		}
		entries := l.coldEntries(p, manifests, max)
		if len(entries) == 0 {
			// The page stands at the end of the last of them.
			return nil
		}
		at := p.Next
		err = atOnce(len(entries), func(i int) error {
			return l.fetchCold(ctx, p, &entries[i], max)
		})
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := p.take(e.Entry, max); err != nil {
				return err
			}
		}
		if p.Next == at && !p.full {
			return errGap
		}
	}
	return nil
}

// coldEntry is the part of a segment that a page takes.
type coldEntry struct {
	Entry
	manifest Manifest
	// from is the position in the segment from which on it is needed.
	from uint64
}

// coldEntries says which segments a page needs, and from where on.
func (l *Log) coldEntries(p *Page, manifests []Manifest, max int) []coldEntry {
	var entries []coldEntry
	size := int64(p.Size)
	for _, m := range manifests {
		if m.Segment >= p.Head.Compacted || size >= int64(max) {
			break
		}
		e := coldEntry{manifest: m}
		if p.Next.Segment == m.Segment {
			e.from = p.Next.Position
		} else {
			// An object is larger than its records, but not by much.
			size += m.Size - m.Size/4
		}
		entries = append(entries, e)
	}
	return entries
}

// fetchCold reads the part of a segment that a page takes.
func (l *Log) fetchCold(ctx context.Context, p *Page, e *coldEntry, max int) error {
	m := e.manifest
	index, err := l.index(ctx, p.life, m)
	if err != nil {
		return coldError(m, err)
	}
	span, ok := index.Blocks(e.from, max)
	if !ok {
		return coldError(m, fmt.Errorf("%w: it ends before position %d", segment.ErrCorrupt, e.from))
	}
	body, err := l.objects.Object(ctx, m.Object, span.Offset, span.Length)
	if err != nil {
		return coldError(m, err)
	}
	first, frames, err := index.Decode(span, body)
	if err != nil {
		return coldError(m, err)
	}
	e.From, e.Frames = Offset{Segment: m.Segment, Position: first}, frames
	if first == 0 {
		e.From = m.From
	}
	for record, err := range e.Frames.Records() {
		if err != nil {
			return coldError(m, err)
		}
		e.Count++
		e.Size += len(record)
	}
	e.To = Offset{Segment: m.Segment, Position: first + Records{Count: e.Count, Size: e.Size}.advance(p.Head.Unit())}
	return nil
}

// coldError says which object could not be read. One that is not there any more was
// discarded: the stream was deleted since its head was read.
func coldError(m Manifest, err error) error {
	if errors.Is(err, ErrNoItem) {
		return fmt.Errorf("%w: object %s: %w", errGap, m.Object, err)
	}
	return unavailable(fmt.Errorf("object %s: %w", m.Object, err))
}

// index returns the index of a segment: as it was read before, from the manifest, or
// from the object.
func (l *Log) index(ctx context.Context, life Life, m Manifest) (*segment.Index, error) {
	if l.objects == nil {
		return nil, fmt.Errorf("%w: no objects are configured", ErrRejected)
	}
	if index := l.segments.get(life.Incarnation, m.Segment); index != nil {
		return index, nil
	}
	tail := m.Tail
	if len(tail) == segment.FooterSize {
		footer, err := segment.ParseFooter(tail, m.Size)
		if err != nil {
			return nil, err
		}
		n := int64(footer.IndexSize + segment.FooterSize)
		if tail, err = l.objects.Object(ctx, m.Object, m.Size-n, n); err != nil {
			return nil, err
		}
	}
	index, err := segment.ParseTail(tail, m.Size)
	if err != nil {
		return nil, err
	}
	if s := index.Summary(); s.Segment != m.Segment || s.End != m.To.Position {
		return nil, fmt.Errorf("%w: it is of segment %d to position %d, not as its manifest says", segment.ErrCorrupt, s.Segment, s.End)
	}
	l.segments.put(life.Incarnation, m.Segment, index)
	return index, nil
}
