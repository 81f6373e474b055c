package simulation

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// driver is a process's way to the store.
type driver struct{ *process }

var _ stream.Driver = driver{}

// peek is an eventually consistent [streamtest.Head]. It has a name of its own, and so a
// track, because a stream's polls and its renewals are under way at the same time.
const peek streamtest.Method = "Peek"

func (d driver) store() stream.Driver { return d.world.store }

// Head implements [stream.Heads], as the following methods do. An eventually consistent
// one is that of a moment ago.
func (d driver) Head(ctx context.Context, name string, c stream.Consistency) (*stream.Head, error) {
	m := streamtest.Head
	if c == stream.Eventual {
		m = peek
	}
	return read(ctx, d.process, m, func(ctx context.Context, call *call) (*stream.Head, error) {
		if c == stream.Eventual {
			return d.world.truth.stale(name, call.random)
		}
		return d.store().Head(ctx, name, c)
	}, name)
}

// Create is refused if it arrives so late that another life of the name was over
// meanwhile: stores to which requests travel keep a tombstone.
func (d driver) Create(ctx context.Context, name string, head, replaced *stream.Head, owed ...stream.Notice) error {
	return d.create(ctx, streamtest.Create, name, func(ctx context.Context) error {
		return d.store().Create(ctx, name, head, replaced, owed...)
	})
}

func (d driver) create(ctx context.Context, m streamtest.Method, name string, do func(context.Context) error) error {
	sent := time.Now()
	_, err := write(ctx, d.process, m, func(ctx context.Context, c *call) (struct{}, error) {
		if c.late && d.world.truth.endedSince(name, sent) {
			return struct{}{}, &stream.RefusedError{}
		}
		return struct{}{}, do(ctx)
	}, name)
	return err
}

func (d driver) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (*stream.Head, error) {
	return write(ctx, d.process, streamtest.Commit, func(ctx context.Context, _ *call) (*stream.Head, error) {
		return d.store().Commit(ctx, name, b, l)
	}, name)
}

func (d driver) Update(ctx context.Context, name string, next *stream.Head, owed ...stream.Notice) error {
	return change(ctx, d.process, streamtest.Update, func(ctx context.Context) error { return d.store().Update(ctx, name, next, owed...) }, name)
}

func (d driver) Trim(ctx context.Context, name string, seen *stream.Head, to stream.Offset, l stream.Limits) (*stream.Head, error) {
	return write(ctx, d.process, streamtest.Trim, func(ctx context.Context, _ *call) (*stream.Head, error) {
		return d.store().Trim(ctx, name, seen, to, l)
	}, name)
}

func (d driver) Compact(ctx context.Context, life stream.Life, segments uint64) (*stream.Head, error) {
	return write(ctx, d.process, streamtest.Compact, func(ctx context.Context, _ *call) (*stream.Head, error) {
		return d.store().Compact(ctx, life, segments)
	}, life, segments)
}

func (d driver) HeadSize(name string, h *stream.Head) int { return d.store().HeadSize(name, h) }

func (d driver) Delete(ctx context.Context, name string, inc stream.Incarnation, owed ...stream.Notice) error {
	return change(ctx, d.process, streamtest.Delete, func(ctx context.Context) error { return d.store().Delete(ctx, name, inc, owed...) }, name)
}

func (d driver) PutChunk(ctx context.Context, life stream.Life, c stream.Chunk) error {
	return change(ctx, d.process, streamtest.PutChunk, func(ctx context.Context) error { return d.store().PutChunk(ctx, life, c) }, life, c.To)
}

func (d driver) Chunks(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Chunk, error) {
	return read(ctx, d.process, streamtest.Chunks, func(ctx context.Context, _ *call) ([]stream.Chunk, error) {
		return d.store().Chunks(ctx, life, after, max)
	}, life, after)
}

func (d driver) PutStaged(ctx context.Context, life stream.Life, id stream.StagedID, f stream.Frames) error {
	return change(ctx, d.process, streamtest.PutStaged, func(ctx context.Context) error { return d.store().PutStaged(ctx, life, id, f) }, life, id)
}

func (d driver) Staged(ctx context.Context, life stream.Life, id stream.StagedID) (stream.Frames, error) {
	return read(ctx, d.process, streamtest.Staged, func(ctx context.Context, _ *call) (stream.Frames, error) {
		return d.store().Staged(ctx, life, id)
	}, life, id)
}

func (d driver) Retire(ctx context.Context, life stream.Life, chunks []stream.Offset, staged []stream.StagedID) error {
	return change(ctx, d.process, streamtest.Retire, func(ctx context.Context) error { return d.store().Retire(ctx, life, chunks, staged) }, life)
}

func (d driver) Discard(ctx context.Context, life stream.Life, max int) (bool, error) {
	return write(ctx, d.process, streamtest.Discard, func(ctx context.Context, _ *call) (bool, error) { return d.store().Discard(ctx, life, max) }, life)
}

// SpillProducer implements [stream.Producers], as the next method does.
func (d driver) SpillProducer(ctx context.Context, life stream.Life, id string, p stream.Producer) error {
	return change(ctx, d.process, streamtest.SpillProducer, func(ctx context.Context) error { return d.store().SpillProducer(ctx, life, id, p) }, life, id)
}

func (d driver) SpilledProducer(ctx context.Context, life stream.Life, id string) (p stream.Producer, found bool, err error) {
	p, err = read(ctx, d.process, streamtest.SpilledProducer, func(ctx context.Context, _ *call) (p stream.Producer, err error) {
		p, found, err = d.store().SpilledProducer(ctx, life, id)
		return p, err
	}, life, id)
	return p, found && err == nil, err
}

// PutManifest implements [stream.Manifests], as the next method does.
func (d driver) PutManifest(ctx context.Context, life stream.Life, m stream.Manifest) error {
	return change(ctx, d.process, streamtest.PutManifest, func(ctx context.Context) error { return d.store().PutManifest(ctx, life, m) }, life, m.Segment)
}

func (d driver) Manifests(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Manifest, error) {
	return read(ctx, d.process, streamtest.Manifests, func(ctx context.Context, _ *call) ([]stream.Manifest, error) {
		return d.store().Manifests(ctx, life, after, max)
	}, life, after)
}

// Owed implements [stream.Works]: in no particular order, and perhaps without some.
func (d driver) Owed(ctx context.Context, max int) ([]stream.Life, error) {
	return read(ctx, d.process, streamtest.Owed, func(ctx context.Context, c *call) ([]stream.Life, error) {
		owed, err := d.store().Owed(ctx, 1<<20)
		slices.SortFunc(owed, func(a, b stream.Life) int { return bytes.Compare(a.Incarnation[:], b.Incarnation[:]) })
		owed = slices.DeleteFunc(owed, func(stream.Life) bool { return c.chance(0.1) })
		c.random.Shuffle(len(owed), func(i, j int) { owed[i], owed[j] = owed[j], owed[i] })
		return owed[:min(max, len(owed))], err
	})
}

// Unsettled implements [stream.Works], as the next method does.
func (d driver) Unsettled(ctx context.Context, life stream.Life) (bool, error) {
	return read(ctx, d.process, streamtest.Unsettled, func(ctx context.Context, _ *call) (bool, error) { return d.store().Unsettled(ctx, life) }, life)
}

func (d driver) Settle(ctx context.Context, life stream.Life) error {
	return change(ctx, d.process, streamtest.Settle, func(ctx context.Context) error { return d.store().Settle(ctx, life) }, life)
}

// Owing implements [stream.Notices], as the next method does.
func (d driver) Owing(ctx context.Context, name string) (stream.Owing, error) {
	return read(ctx, d.process, streamtest.Owing, func(ctx context.Context, _ *call) (stream.Owing, error) { return d.store().Owing(ctx, name) }, name)
}

func (d driver) Tell(ctx context.Context, registry string, next *stream.Head, told []stream.Owing) error {
	return change(ctx, d.process, streamtest.Tell, func(ctx context.Context) error { return d.store().Tell(ctx, registry, next, told) }, registry)
}

// Fork implements [stream.Forks], as the next methods do.
func (d driver) Fork(ctx context.Context, name string, head, replaced *stream.Head, lineage *stream.Lineage, now time.Time, owed ...stream.Notice) error {
	return d.create(ctx, streamtest.Fork, name, func(ctx context.Context) error {
		return d.store().Fork(ctx, name, head, replaced, lineage, now, owed...)
	})
}

func (d driver) Lineage(ctx context.Context, life stream.Life) (*stream.Lineage, error) {
	return read(ctx, d.process, streamtest.Lineage, func(ctx context.Context, _ *call) (*stream.Lineage, error) { return d.store().Lineage(ctx, life) }, life)
}

func (d driver) Forks(ctx context.Context, source, after stream.Life, max int) ([]stream.Life, error) {
	return read(ctx, d.process, streamtest.Forks, func(ctx context.Context, _ *call) ([]stream.Life, error) {
		return d.store().Forks(ctx, source, after, max)
	}, source)
}

func (d driver) Release(ctx context.Context, source, fork stream.Life) (*stream.Head, error) {
	return write(ctx, d.process, streamtest.Release, func(ctx context.Context, _ *call) (*stream.Head, error) {
		return d.store().Release(ctx, source, fork)
	}, source, fork)
}

// Streams implements [stream.Catalog], as the next methods do.
func (d driver) Streams(ctx context.Context, prefix, after string, max int) ([]string, error) {
	return read(ctx, d.process, streamtest.Streams, func(ctx context.Context, _ *call) ([]string, error) {
		return d.store().Streams(ctx, prefix, after, max)
	}, prefix, after)
}

func (d driver) Segments(ctx context.Context, prefix string, after stream.Life, n uint64, max int) ([]stream.StoredSegment, error) {
	return read(ctx, d.process, streamtest.Segments, func(ctx context.Context, _ *call) ([]stream.StoredSegment, error) {
		return d.store().Segments(ctx, prefix, after, n, max)
	}, prefix)
}

// Inventory shows heads as they were a moment ago.
func (d driver) Inventory(ctx context.Context, cursor string, max int) (found []stream.Stored, next string, err error) {
	found, err = read(ctx, d.process, streamtest.Inventory, func(ctx context.Context, c *call) (found []stream.Stored, err error) {
		found, next, err = d.store().Inventory(ctx, cursor, max)
		for i, it := range found {
			if it.Kind != stream.KindHead || !c.chance(0.3) {
				continue
			}
			if h, err := d.world.truth.stale(it.Life.Name, c.random); err == nil {
				found[i].Head, found[i].Life = h, h.Life(it.Life.Name)
			}
		}
		return found, err
	}, cursor)
	return found, next, err
}

// Cursor implements [stream.Cursors], as the next method does.
func (d driver) Cursor(ctx context.Context, key string) (string, error) {
	return read(ctx, d.process, streamtest.Cursor, func(ctx context.Context, _ *call) (string, error) { return d.store().Cursor(ctx, key) }, key)
}

func (d driver) SetCursor(ctx context.Context, key, value string) error {
	return change(ctx, d.process, streamtest.SetCursor, func(ctx context.Context) error { return d.store().SetCursor(ctx, key, value) }, key)
}
