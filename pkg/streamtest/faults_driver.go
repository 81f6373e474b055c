package streamtest

import (
	"context"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

var _ stream.Driver = (*Faults)(nil)

// Each runs something before every call, which waits for it: so a scheduler can decide whose
// call is next. It is to be set before there are calls.
func (f *Faults) Each(do func(Method)) { f.each = do }

// A write that is late, or applied unknown to the caller, still happens when the
// caller's context is over.
func outlive(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// call1 passes a write with a result on. A late call must not write into a
// variable that its caller has returned, so the result has a place of its own.
func call1[T any](f *Faults, m Method, do func() (T, error)) (T, error) {
	value := new(T)
	if err := f.write(m, func() (err error) { *value, err = do(); return err }); err != nil {
		return *new(T), err
	}
	return *value, nil
}

func read1[T any](f *Faults, m Method, do func() (T, error)) (value T, err error) {
	err = f.read(m, func() (err error) { value, err = do(); return err })
	return value, err
}

// Head implements [stream.Heads], as the following methods do.
func (f *Faults) Head(ctx context.Context, name string, c stream.Consistency) (*stream.Head, error) {
	return read1(f, Head, func() (*stream.Head, error) { return f.driver.Head(ctx, name, c) })
}

func (f *Faults) Create(ctx context.Context, name string, head, replaced *stream.Head, owed ...stream.Notice) error {
	return f.write(Create, func() error { return f.driver.Create(outlive(ctx), name, head, replaced, owed...) })
}

func (f *Faults) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (*stream.Head, error) {
	return call1(f, Commit, func() (*stream.Head, error) { return f.driver.Commit(outlive(ctx), name, b, l) })
}

func (f *Faults) Update(ctx context.Context, name string, next *stream.Head, owed ...stream.Notice) error {
	return f.write(Update, func() error { return f.driver.Update(outlive(ctx), name, next, owed...) })
}

func (f *Faults) Trim(ctx context.Context, name string, seen *stream.Head, to stream.Offset, l stream.Limits) (*stream.Head, error) {
	return call1(f, Trim, func() (*stream.Head, error) { return f.driver.Trim(outlive(ctx), name, seen, to, l) })
}

func (f *Faults) Compact(ctx context.Context, life stream.Life, segments uint64) (*stream.Head, error) {
	return call1(f, Compact, func() (*stream.Head, error) { return f.driver.Compact(outlive(ctx), life, segments) })
}

// HeadSize makes no request, so it cannot fail.
func (f *Faults) HeadSize(name string, h *stream.Head) int { return f.driver.HeadSize(name, h) }

func (f *Faults) Delete(ctx context.Context, name string, inc stream.Incarnation, owed ...stream.Notice) error {
	return f.write(Delete, func() error { return f.driver.Delete(outlive(ctx), name, inc, owed...) })
}

// PutChunk implements [stream.Chunks], as the following methods do.
func (f *Faults) PutChunk(ctx context.Context, life stream.Life, c stream.Chunk) error {
	return f.write(PutChunk, func() error { return f.driver.PutChunk(outlive(ctx), life, c) })
}

func (f *Faults) Chunks(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Chunk, error) {
	return read1(f, Chunks, func() ([]stream.Chunk, error) { return f.driver.Chunks(ctx, life, after, max) })
}

func (f *Faults) PutStaged(ctx context.Context, life stream.Life, id stream.StagedID, frames stream.Frames) error {
	return f.write(PutStaged, func() error { return f.driver.PutStaged(outlive(ctx), life, id, frames) })
}

func (f *Faults) Staged(ctx context.Context, life stream.Life, id stream.StagedID) (stream.Frames, error) {
	return read1(f, Staged, func() (stream.Frames, error) { return f.driver.Staged(ctx, life, id) })
}

func (f *Faults) Retire(ctx context.Context, life stream.Life, chunks []stream.Offset, staged []stream.StagedID) error {
	return f.write(Retire, func() error { return f.driver.Retire(outlive(ctx), life, chunks, staged) })
}

func (f *Faults) Discard(ctx context.Context, life stream.Life, max int) (bool, error) {
	return call1(f, Discard, func() (bool, error) { return f.driver.Discard(outlive(ctx), life, max) })
}

// SpillProducer implements [stream.Producers], as the next method does.
func (f *Faults) SpillProducer(ctx context.Context, life stream.Life, id string, p stream.Producer) error {
	return f.write(SpillProducer, func() error { return f.driver.SpillProducer(outlive(ctx), life, id, p) })
}

func (f *Faults) SpilledProducer(ctx context.Context, life stream.Life, id string) (p stream.Producer, found bool, err error) {
	err = f.read(SpilledProducer, func() (err error) { p, found, err = f.driver.SpilledProducer(ctx, life, id); return err })
	return p, found, err
}

// PutManifest implements [stream.Manifests], as the next method does.
func (f *Faults) PutManifest(ctx context.Context, life stream.Life, m stream.Manifest) error {
	return f.write(PutManifest, func() error { return f.driver.PutManifest(outlive(ctx), life, m) })
}

func (f *Faults) Manifests(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Manifest, error) {
	return read1(f, Manifests, func() ([]stream.Manifest, error) { return f.driver.Manifests(ctx, life, after, max) })
}

// Owed implements [stream.Works], as the next methods do.
func (f *Faults) Owed(ctx context.Context, max int) ([]stream.Life, error) {
	return read1(f, Owed, func() ([]stream.Life, error) { return f.driver.Owed(ctx, max) })
}

func (f *Faults) Unsettled(ctx context.Context, life stream.Life) (bool, error) {
	return read1(f, Unsettled, func() (bool, error) { return f.driver.Unsettled(ctx, life) })
}

func (f *Faults) Settle(ctx context.Context, life stream.Life) error {
	return f.write(Settle, func() error { return f.driver.Settle(outlive(ctx), life) })
}

// Owing implements [stream.Notices], as the next method does.
func (f *Faults) Owing(ctx context.Context, name string) (stream.Owing, error) {
	return read1(f, Owing, func() (stream.Owing, error) { return f.driver.Owing(ctx, name) })
}

func (f *Faults) Tell(ctx context.Context, registry string, next *stream.Head, told []stream.Owing) error {
	return f.write(Tell, func() error { return f.driver.Tell(outlive(ctx), registry, next, told) })
}

// Fork implements [stream.Forks], as the next methods do.
func (f *Faults) Fork(ctx context.Context, name string, head, replaced *stream.Head, lineage *stream.Lineage, now time.Time, owed ...stream.Notice) error {
	return f.write(Fork, func() error { return f.driver.Fork(outlive(ctx), name, head, replaced, lineage, now, owed...) })
}

func (f *Faults) Lineage(ctx context.Context, life stream.Life) (*stream.Lineage, error) {
	return read1(f, Lineage, func() (*stream.Lineage, error) { return f.driver.Lineage(ctx, life) })
}

func (f *Faults) Forks(ctx context.Context, source, after stream.Life, max int) ([]stream.Life, error) {
	return read1(f, Forks, func() ([]stream.Life, error) { return f.driver.Forks(ctx, source, after, max) })
}

func (f *Faults) Release(ctx context.Context, source, fork stream.Life) (*stream.Head, error) {
	return call1(f, Release, func() (*stream.Head, error) { return f.driver.Release(outlive(ctx), source, fork) })
}

// Streams implements [stream.Catalog], as the next methods do.
func (f *Faults) Streams(ctx context.Context, prefix, after string, max int) ([]string, error) {
	return read1(f, Streams, func() ([]string, error) { return f.driver.Streams(ctx, prefix, after, max) })
}

func (f *Faults) Segments(ctx context.Context, prefix string, after stream.Life, n uint64, max int) ([]stream.StoredSegment, error) {
	return read1(f, Segments, func() ([]stream.StoredSegment, error) { return f.driver.Segments(ctx, prefix, after, n, max) })
}

func (f *Faults) Inventory(ctx context.Context, cursor string, max int) (found []stream.Stored, next string, err error) {
	err = f.read(Inventory, func() (err error) { found, next, err = f.driver.Inventory(ctx, cursor, max); return err })
	return found, next, err
}

// Cursor implements [stream.Cursors], as the next method does.
func (f *Faults) Cursor(ctx context.Context, key string) (string, error) {
	return read1(f, Cursor, func() (string, error) { return f.driver.Cursor(ctx, key) })
}

func (f *Faults) SetCursor(ctx context.Context, key, value string) error {
	return f.write(SetCursor, func() error { return f.driver.SetCursor(outlive(ctx), key, value) })
}
