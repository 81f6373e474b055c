package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// coldRun is how many segments one page takes at a time. More would not fit, unless
// they are very small.
const coldRun = 16

// takeCold adds to a page what segments of the stream itself that are in objects continue
// it with, until it is full or reaches those that are not. Some manifests may be known
// already. Cost: a query for the manifests of each 16 segments, and a request for each
// object, all at once; one more where its index is too large for the manifest.
func (l *Log) takeCold(ctx context.Context, p *Page, known []Manifest, max int) error {
	// What is in the buffer was never in an object.
	for !p.full && p.Next.Before(p.Head.BufferFrom()) && p.Head.isCold(p.Next) {
		manifests := known
		if known = nil; len(manifests) == 0 {
			var err error
			if manifests, err = l.driver.Manifests(ctx, p.life, p.Next, coldRun); err != nil {
				return unavailable(err)
			}
		}
		if len(manifests) == 0 || manifests[0].Segment >= p.Head.Compacted {
			// The page stands at the end of the last of them.
			return nil
		}
		at := p.Next
		if err := l.takeSegments(ctx, p, manifests, p.Head.Compacted, max); err != nil {
			return err
		}
		if p.Next == at && !p.full {
			return errGap
		}
		if slices.ContainsFunc(manifests, func(m Manifest) bool { return m.To == p.Next && m.Segment+1 == p.Head.Compacted }) {
			return nil // that was the last of them
		}
	}
	return nil
}

// isCold reports whether the records after an offset are, or may be, in an object. Those
// of a fork itself begin in the segment after the one in which it parted.
func (h *Head) isCold(o Offset) bool {
	next := o.Segment
	if h.Origin != nil && o == h.Origin.At {
		next++
	}
	return next < h.Compacted
}

// takeSegments adds to a page what segments below a number continue it with, as far as
// their manifests go. Each object gives only the range that is needed.
func (l *Log) takeSegments(ctx context.Context, p *Page, manifests []Manifest, below uint64, max int) error {
	entries := coldEntries(p, manifests, below, max)
	err := atOnce(len(entries), func(i int) error { return l.fetchCold(ctx, p, &entries[i]) })
	if err != nil {
		return err
	}
	for _, e := range entries {
		room := max - p.Size
		if err := p.take(e.Entry, max); err != nil {
			return err
		}
		if p.Next != e.manifest.To {
			// Where all that fits was asked for, what follows does not fit. Otherwise there
			// was a wrong guess, and another round follows.
			p.full = p.full || e.want >= room && p.Next.Before(p.to)
			break
		}
	}
	return nil
}

// coldEntry is the part of a segment that a page takes.
type coldEntry struct {
	Entry
	manifest Manifest
	// from is the position in the segment from which on it is needed, want how many
	// bytes of records.
	from uint64
	want int
}

// coldEntries says which segments a page needs, from where on, and how much of them.
func coldEntries(p *Page, manifests []Manifest, below uint64, max int) []coldEntry {
	var entries []coldEntry
	for want := int64(max - p.Size); len(manifests) > 0 && want > 0; manifests = manifests[1:] {
		m := manifests[0]
		if m.Segment >= below || !m.From.Before(p.to) {
			break
		}
		e := coldEntry{manifest: m, want: int(want)}
		if p.Next.Segment == m.Segment {
			e.from = p.Next.Position
		}
		entries = append(entries, e)
		// How much it has is a guess: an object is larger than its records, but not by
		// much. Where it is wrong, another round follows.
		rest := float64(m.To.Position-e.from) / float64(m.To.Position)
		want -= int64(rest * float64(m.Size-m.Size/4))
	}
	return entries
}

// fetchCold reads the part of a segment that a page takes.
func (l *Log) fetchCold(ctx context.Context, p *Page, e *coldEntry) error {
	m := e.manifest
	index, err := l.index(ctx, p.life, m)
	if err != nil {
		return coldError(m, err)
	}
	span, ok := index.Blocks(e.from, e.want)
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
	e.Frames = frames
	for record, err := range e.Frames.Records() {
		if err != nil {
			return coldError(m, err)
		}
		e.Count++
		e.Size += len(record)
	}
	e.From = Offset{Segment: m.Segment, Position: first}
	if first == 0 {
		e.From = m.From
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
	index, err := ReadIndex(ctx, l.objects, m)
	if err == nil {
		l.segments.put(life.Incarnation, m.Segment, index)
	}
	return index, err
}

// ReadIndex returns the index of a segment's object: from the manifest if it holds it,
// and from the object otherwise. What is not the manifest's segment is
// [segment.ErrCorrupt]. Cost: nothing, or one request.
func ReadIndex(ctx context.Context, objects Objects, m Manifest) (*segment.Index, error) {
	tail := m.Tail
	if len(tail) == segment.FooterSize {
		footer, err := segment.ParseFooter(tail, m.Size)
		if err != nil {
			return nil, err
		}
		n := int64(footer.IndexSize) + segment.FooterSize
		if tail, err = objects.Object(ctx, m.Object, m.Size-n, n); err != nil {
			return nil, err
		}
	}
	index, err := segment.ParseTail(tail, m.Size)
	if err != nil {
		return nil, err
	}
	if s := index.Summary(); s.Segment != m.Segment || s.End != m.To.Position || s.CRC != m.CRC {
		return nil, fmt.Errorf("%w: it is of segment %d to position %d, not as its manifest says", segment.ErrCorrupt, s.Segment, s.End)
	}
	return index, nil
}
