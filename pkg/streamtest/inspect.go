package streamtest

import (
	"context"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest/fsck"
)

// inspect checks what a driver and its objects hold for a stream, below the log.
func inspect(ctx context.Context, d stream.Driver, o stream.Objects, name string) (*fsck.Report, error) {
	return fsck.Stream(ctx, itemized{d, o}, name)
}

// itemized shows what is in objects as if it were in items: a staged part as a staged
// item, and a segment that has a manifest as one chunk.
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
