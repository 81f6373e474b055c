package simulation

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// objects is a process's way to the bucket. That loses, tears and damages what belongs to
// segments, which are checked whenever they are read.
type objects struct{ *process }

var _ stream.Objects = objects{}

func (o objects) bucket() stream.Objects { return o.world.objects }

// flawed reports whether something is wrong with a segment's object this time.
func (c *call) flawed(key string) bool {
	n, ok := stream.ParseObjectKey(key)
	return ok && n.Staged == (stream.StagedID{}) && c.chance(c.process.world.plan.flaws)
}

// PutObject implements [stream.Objects], as the following methods do. A torn body is
// stored as if it were whole.
func (o objects) PutObject(ctx context.Context, key string, body *io.SectionReader) error {
	data := make([]byte, body.Size())
	if n, err := body.ReadAt(data, 0); n < len(data) {
		return fmt.Errorf("object %s: %w", key, err)
	}
	_, err := write(ctx, o.process, streamtest.PutObject, func(ctx context.Context, c *call) (struct{}, error) {
		stored := data
		if _, known := o.world.put[key]; !known {
			o.world.put[key] = time.Now()
			if c.flawed(key) {
				stored = data[:len(data)/2]
				o.world.torn[key] = len(stored)
			}
		}
		return struct{}{}, o.bucket().PutObject(ctx, key, io.NewSectionReader(bytes.NewReader(stored), 0, int64(len(stored))))
	}, key)
	return err
}

func (o objects) Object(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	return read(ctx, o.process, streamtest.Object, func(ctx context.Context, c *call) ([]byte, error) {
		body, err := o.bucket().Object(ctx, key, offset, n)
		if err != nil || !c.flawed(key) {
			return body, err
		}
		switch body = slices.Clone(body); c.random.IntN(3) {
		case 0:
			return nil, fmt.Errorf("%w: %s", stream.ErrNoItem, key)
		case 1:
			clear(body[len(body)/2:])
		default:
			body[c.random.IntN(len(body))] ^= 4
		}
		return body, nil
	}, key, offset)
}

// ListObjects does not list what was put a moment ago.
func (o objects) ListObjects(ctx context.Context, prefix, after string, max int) ([]string, error) {
	return read(ctx, o.process, streamtest.ListObjects, func(ctx context.Context, c *call) ([]string, error) {
		keys, err := o.bucket().ListObjects(ctx, prefix, after, max)
		if len(keys) == max {
			return keys, err // a shorter list says that there are no more
		}
		keys = slices.DeleteFunc(keys, func(key string) bool { return time.Since(o.world.put[key]) < staleness && c.chance(0.3) })
		return keys, err
	}, prefix, after)
}

func (o objects) RemoveObjects(ctx context.Context, keys []string) error {
	return change(ctx, o.process, streamtest.RemoveObjects, func(ctx context.Context) error { return o.bucket().RemoveObjects(ctx, keys) }, strings.Join(keys, " "))
}

func (o objects) DiscardObjects(ctx context.Context, prefix string, max int) (bool, error) {
	return write(ctx, o.process, streamtest.DiscardObjects, func(ctx context.Context, _ *call) (bool, error) {
		return o.bucket().DiscardObjects(ctx, prefix, max)
	}, prefix)
}

// repair removes the objects that were torn, as somebody does who is told of the damage.
func (w *world) repair(ctx context.Context) error {
	var keys []string
	for key, size := range w.torn {
		if body, err := w.objects.Object(ctx, key, 0, -1); err == nil && len(body) == size {
			keys = append(keys, key)
		}
	}
	clear(w.torn)
	return w.objects.RemoveObjects(ctx, keys)
}
