package fsck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

const (
	// objectPart is how much of an object is read at a time.
	objectPart = 4 << 20
	// frameHeader is the size of a frame's length.
	frameHeader = 4
)

// verify reads the object of a manifest, all of it, and returns what it is. It fails with
// [segment.ErrCorrupt] or [stream.ErrNoItem], or an error of the store.
func verify(ctx context.Context, objects stream.Objects, m stream.Manifest) (segment.Summary, error) {
	if m.Size < segment.FooterSize {
		return segment.Summary{}, fmt.Errorf("%w: the manifest says that it has %d bytes", segment.ErrCorrupt, m.Size)
	}
	switch longer, err := objects.Object(ctx, m.Object, m.Size, 1); {
	case err == nil:
		return segment.Summary{}, fmt.Errorf("%w: it has more than the %d bytes that the manifest says (%x)", segment.ErrCorrupt, m.Size, longer)
	case !errors.Is(err, stream.ErrRejected):
		return segment.Summary{}, err
	}
	// The footer comes by itself: a store that is asked for all of an object may check a
	// checksum of its own, and then does not tell what is there.
	r := &reader{ctx: ctx, objects: objects, key: m.Object, ends: []int64{m.Size - segment.FooterSize, m.Size}}
	sum, err := segment.Verify(r, m.Size)
	if errors.Is(err, stream.ErrRejected) && r.shorter() {
		return sum, fmt.Errorf("%w: it has less than the %d bytes that the manifest says", segment.ErrCorrupt, m.Size)
	}
	return sum, err
}

// reader reads an object from its beginning to its end, a part at a time.
type reader struct {
	ctx     context.Context
	objects stream.Objects
	key     string
	// ends are offsets at which a part ends, the last of them the size.
	ends []int64
	next int64
	rest []byte
}

func (r *reader) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.next == r.ends[0] {
			if r.ends = r.ends[1:]; len(r.ends) == 0 {
				r.ends = []int64{r.next}
				return 0, io.EOF
			}
		}
		n := min(objectPart, r.ends[0]-r.next)
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

// shorter reports whether the store rejects a range because the object does not have it,
// and not because it rejects everything.
func (r *reader) shorter() bool {
	if _, err := r.objects.Object(r.ctx, r.key, 0, 1); err == nil {
		return true
	}
	whole, err := r.objects.Object(r.ctx, r.key, 0, -1)
	return err == nil && len(whole) == 0
}

// payload is how many bytes the records of an object have.
func payload(x *segment.Index) int64 {
	data, _ := x.Blocks(0, math.MaxInt)
	return data.Length - frameHeader*int64(x.Summary().Frames)
}

// excerpt is a part of a segment.
type excerpt struct {
	from, to stream.Offset
	frames   stream.Frames
}

func (p excerpt) as(what string) *run {
	return &run{what: what, from: p.from, to: p.to, frames: p.frames}
}

// from reads about max bytes of records from a position on, and at least something.
func (o *object) from(ctx context.Context, objects stream.Objects, at uint64, max int) (excerpt, error) {
	span, ok := o.index.Blocks(at, min(max, objectPart))
	if !ok {
		return excerpt{}, fmt.Errorf("%w: it ends before position %d", segment.ErrCorrupt, at)
	}
	body, err := objects.Object(ctx, o.manifest.Object, span.Offset, span.Length)
	if err != nil {
		return excerpt{}, err
	}
	first, frames, err := o.index.Decode(span, body)
	if err != nil {
		return excerpt{}, err
	}
	p := excerpt{frames: frames, from: stream.Offset{Segment: o.manifest.Segment, Position: first}}
	p.to = p.from
	u := stream.Bytes
	if o.Kind == segment.Messages {
		u = stream.Messages
	}
	for record, err := range p.frames.Records() {
		if err != nil {
			return excerpt{}, err
		}
		p.to.Position += advance(u, 1, len(record))
	}
	return p, nil
}

// said reports whether an error is of an object that is damaged, which the check of the
// segment has said.
func (o *object) said(err error) bool {
	return errors.Is(err, segment.ErrCorrupt) || errors.Is(err, stream.ErrNoItem) || errors.Is(err, stream.ErrRejected)
}

// each calls do for all records.
func (o *object) each(ctx context.Context, objects stream.Objects, do func(record []byte)) error {
	for at := uint64(0); at < o.End; {
		p, err := o.from(ctx, objects, at, objectPart)
		if err != nil {
			return fmt.Errorf("object %s: %w", o.manifest.Object, err)
		}
		for record := range p.frames.Records() {
			do(record)
		}
		at = p.to.Position
	}
	return nil
}
