package streamtest

import (
	"context"
	"fmt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest/fsck"
)

// inspect checks what a driver and its objects hold for a stream, below the log.
func inspect(ctx context.Context, d stream.Driver, o stream.Objects, name string) (*fsck.Report, error) {
	return fsck.Stream(ctx, itemized{d, o}, name)
}

// itemized shows what is in objects as if it were in items: a staged part as a staged
// item, and a segment that has a manifest as one chunk. What a fork inherits it shows as
// chunks of the fork.
type itemized struct {
	stream.Driver
	objects stream.Objects
}

func (d itemized) Staged(ctx context.Context, life stream.Life, id stream.StagedID) (stream.Frames, error) {
	if !id.Object {
		return d.Driver.Staged(ctx, life, id)
	}
	return d.objects.Object(ctx, stream.StagedKey(life, id), 0, -1)
}

func (d itemized) Chunks(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Chunk, error) {
	lineage, err := d.Driver.Lineage(ctx, life)
	if err != nil || lineage == nil {
		return d.own(ctx, life, after, max)
	}
	for _, r := range lineage.Ranges {
		if after.Before(r.To) {
			return d.inherited(ctx, life, r, after)
		}
	}
	return d.own(ctx, life, after, max)
}

// inherited returns a chunk of what a fork inherits from another life, with its frames.
func (d itemized) inherited(ctx context.Context, fork stream.Life, r stream.Inherited, after stream.Offset) ([]stream.Chunk, error) {
	h, err := d.Driver.Head(ctx, fork.Name, stream.Strong)
	if err != nil {
		return nil, err
	}
	chunks, err := d.own(ctx, r.Life, after, 1)
	if err != nil {
		return nil, err
	}
	if len(chunks) == 0 {
		return nil, fmt.Errorf("what %v inherits from %v to %v ends at %v", fork, r.Life, r.To, after)
	}
	c := chunks[0]
	if c.Staged != (stream.StagedID{}) {
		if c.Frames, err = d.Staged(ctx, r.Life, c.Staged); err != nil {
			return nil, err
		}
		c.Staged = stream.StagedID{}
	}
	if r.To.Before(c.To) {
		c, err = cut(c, h.Unit(), r.To)
	}
	return []stream.Chunk{c}, err
}

// cut returns the part of a chunk before an offset.
func cut(c stream.Chunk, u stream.Unit, to stream.Offset) (stream.Chunk, error) {
	at := c.From
	if at.Segment != c.To.Segment {
		at = stream.Offset{Segment: c.To.Segment}
	}
	if !at.Before(to) {
		return c, fmt.Errorf("nothing leads to %v: the next chunk is from %v to %v", to, c.From, c.To)
	}
	var kept stream.Records
	for record, err := range c.Frames.Records() {
		if err != nil {
			return c, err
		}
		left := to.Position - at.Position
		switch {
		case left == 0:
			continue
		case u == stream.Messages:
			at.Position++
		case left < uint64(len(record)):
			record = record[:left]
			fallthrough
		default:
			at.Position += uint64(len(record))
		}
		kept.Add(record)
	}
	return stream.Chunk{From: c.From, To: at, Count: kept.Count, Size: kept.Size, Frames: kept.Frames}, nil
}

// own returns chunks of a life itself.
func (d itemized) own(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Chunk, error) {
	manifests, err := d.Driver.Manifests(ctx, life, after, 1)
	if err != nil {
		return nil, err
	}
	if len(manifests) == 0 {
		return d.Driver.Chunks(ctx, life, after, max)
	}
	m := manifests[0]
	c := stream.Chunk{From: m.From, To: m.To, Count: m.Count}
	if c.Frames, err = d.segment(ctx, m); err != nil {
		return nil, err
	}
	for record, err := range c.Frames.Records() {
		if err != nil {
			return nil, err
		}
		c.Size += len(record)
	}
	return []stream.Chunk{c}, nil
}

// segment returns all records of a segment that is in an object.
func (d itemized) segment(ctx context.Context, m stream.Manifest) (stream.Frames, error) {
	body, err := d.objects.Object(ctx, m.Object, 0, m.Size)
	if err != nil {
		return nil, err
	}
	footer, err := segment.ParseFooter(body[len(body)-segment.FooterSize:], m.Size)
	if err != nil {
		return nil, err
	}
	index, err := segment.ParseTail(body[len(body)-segment.FooterSize-footer.IndexSize:], m.Size)
	if err != nil {
		return nil, err
	}
	span, ok := index.Blocks(0, len(body))
	if !ok {
		return nil, segment.ErrCorrupt
	}
	_, frames, err := index.Decode(span, body[span.Offset:span.Offset+span.Length])
	return frames, err
}
