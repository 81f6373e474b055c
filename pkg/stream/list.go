package stream

import (
	"context"
	"errors"
	"slices"
)

// Named is a stream and its head.
type Named struct {
	Name string
	Head *Head
}

// Streams lists the streams whose names begin with prefix and come after the name after
// ("" for all), at most max of them, in the order of the names' bytes. next is the name
// to go on after, or "" if there are no more; a list may be short, or empty, although
// there are. It may miss changes of a moment ago. It fails with [ErrUnavailable].
// Cost: a query, and an eventually consistent read of each head.
func (l *Log) Streams(ctx context.Context, prefix, after string, max int) (streams []Named, next string, err error) {
	names, err := l.driver.Streams(ctx, prefix, after, max)
	if err != nil {
		return nil, "", unavailable(err)
	}
	streams, err = l.heads(ctx, names)
	if err != nil {
		return nil, "", err
	}
	if len(names) == max {
		next = names[max-1]
	}
	streams = slices.DeleteFunc(streams, func(s Named) bool { return s.Head.gone(l.now()) != nil })
	return streams, next, nil
}

// heads reads the heads of names, several at a time; nil where there is none.
func (l *Log) heads(ctx context.Context, names []string) ([]Named, error) {
	found := make([]Named, len(names))
	err := atOnce(len(names), func(i int) error {
		h, err := l.driver.Head(ctx, names[i], Eventual)
		if err != nil && !errors.Is(err, ErrNoHead) {
			return unavailable(err)
		}
		found[i] = Named{Name: names[i], Head: h}
		return nil
	})
	return found, err
}

// SegmentPlace is a place in the list of segments: behind a segment of a life. The zero
// value is the beginning.
type SegmentPlace struct {
	Life    Life
	Segment uint64
}

// Segments lists the segments that are in objects, of streams whose names begin with
// prefix, from a place on, at most max of them, in the order of names and segments. next
// is the place to go on from, or nil if there are no more; a list may be short, or empty,
// although there are. Segments of streams that are over are left out. It may miss changes
// of a moment ago. It fails with [ErrUnavailable]. Cost: a query, and an eventually
// consistent read of each stream's head.
func (l *Log) Segments(ctx context.Context, prefix string, after SegmentPlace, max int) (segments []StoredSegment, next *SegmentPlace, err error) {
	found, err := l.driver.Segments(ctx, prefix, after.Life, after.Segment, max)
	if err != nil {
		return nil, nil, unavailable(err)
	}
	if len(found) == max {
		last := found[max-1]
		next = &SegmentPlace{Life: last.Life, Segment: last.Segment}
	}
	var names []string
	for _, s := range found {
		if len(names) == 0 || names[len(names)-1] != s.Name {
			names = append(names, s.Name)
		}
	}
	streams, err := l.heads(ctx, names)
	if err != nil {
		return nil, nil, err
	}
	heads := make(map[string]*Head, len(streams))
	for _, s := range streams {
		heads[s.Name] = s.Head
	}
	for _, s := range found {
		h := heads[s.Name]
		if h.gone(l.now()) == nil && h.Incarnation == s.Incarnation && s.Segment < h.Compacted {
			segments = append(segments, s)
		}
	}
	return segments, next, nil
}
