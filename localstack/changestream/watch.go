package changestream

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Watch returns a driver whose writes of heads a feed tells of: each that was applied, once,
// and in their order, whatever its caller is told.
func Watch(d stream.Driver, f *Feed) stream.Driver { return &watched{Driver: d, feed: f} }

type watched struct {
	stream.Driver
	feed *Feed
	// mu keeps the order of the writes.
	mu sync.Mutex
}

// tell adds the record of a write of a head.
func (w *watched) tell(name string, ends, owes bool) {
	key := map[string]types.AttributeValue{"pk": text("stream#" + name), "sk": text("head")}
	if got, ok := dynamo.NameOfHead("stream#"+name, "head"); !ok || got != name {
		panic("changestream: the table's heads have other keys")
	}
	image := maps.Clone(key)
	if ends || owes {
		image[dynamo.ChangeAttribute] = text(markOf(ends, owes))
	}
	w.feed.Put(name, types.StreamRecord{StreamViewType: types.StreamViewTypeNewAndOldImages, Keys: key, NewImage: image})
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// markOf is the mark that says so in the table.
func markOf(ends, owes bool) string {
	for _, mark := range []string{"1", "2", "3"} {
		if e, o := dynamo.ChangeOf(mark); e == ends && o == owes {
			return mark
		}
	}
	panic("changestream: the table has other marks")
}

// write makes a write, and tells of it if it was applied.
func (w *watched) write(write func() error, tell func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := write()
	if err == nil {
		tell()
	}
	return err
}

func (w *watched) Create(ctx context.Context, name string, head, replaced *stream.Head, owed ...stream.Notice) error {
	return w.write(func() error { return w.Driver.Create(ctx, name, head, replaced, owed...) },
		func() { w.tell(name, head.Ended, len(owed) > 0) })
}

func (w *watched) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (h *stream.Head, err error) {
	err = w.write(func() (err error) { h, err = w.Driver.Commit(ctx, name, b, l); return err },
		func() { w.tell(name, h.Ended, false) })
	return h, err
}

func (w *watched) Update(ctx context.Context, name string, next *stream.Head, owed ...stream.Notice) error {
	return w.write(func() error { return w.Driver.Update(ctx, name, next, owed...) },
		func() { w.tell(name, next.Ended, len(owed) > 0) })
}

func (w *watched) Trim(ctx context.Context, name string, seen *stream.Head, to stream.Offset, l stream.Limits) (h *stream.Head, err error) {
	err = w.write(func() (err error) { h, err = w.Driver.Trim(ctx, name, seen, to, l); return err },
		func() { w.tell(name, false, false) })
	return h, err
}

func (w *watched) Compact(ctx context.Context, life stream.Life, segments uint64) (h *stream.Head, err error) {
	err = w.write(func() (err error) { h, err = w.Driver.Compact(ctx, life, segments); return err },
		func() { w.tell(life.Name, false, false) })
	return h, err
}

func (w *watched) Delete(ctx context.Context, name string, inc stream.Incarnation, owed ...stream.Notice) error {
	return w.write(func() error { return w.Driver.Delete(ctx, name, inc, owed...) },
		func() { w.tell(name, false, len(owed) > 0) })
}

func (w *watched) Fork(ctx context.Context, name string, head, replaced *stream.Head, lineage *stream.Lineage, now time.Time, owed ...stream.Notice) error {
	return w.write(func() error { return w.Driver.Fork(ctx, name, head, replaced, lineage, now, owed...) },
		func() {
			w.tell(name, head.Ended, len(owed) > 0)
			w.tell(lineage.Source.Name, false, false)
		})
}

func (w *watched) Release(ctx context.Context, source, fork stream.Life) (h *stream.Head, err error) {
	err = w.write(func() (err error) { h, err = w.Driver.Release(ctx, source, fork); return err },
		func() { w.tell(source.Name, false, false) })
	return h, err
}

func (w *watched) Tell(ctx context.Context, registry string, next *stream.Head, told []stream.Owing) error {
	return w.write(func() error { return w.Driver.Tell(ctx, registry, next, told) }, func() {
		w.tell(registry, next.Ended, false)
		for _, o := range told {
			w.tell(o.Name, false, false)
		}
	})
}
