package stream_test

import (
	"context"
	"io"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// The calls of a store, each recorded under one word.

func (s *store) Head(ctx context.Context, name string, c stream.Consistency) (h *stream.Head, err error) {
	op := "head"
	if c == stream.Eventual {
		op = "peek"
	}
	err = s.do(op, func() error { h, err = s.Store.Head(ctx, name, c); return err })
	return h, err
}

func (s *store) Create(ctx context.Context, name string, head, replaced *stream.Head, owed ...stream.Notice) error {
	return s.do("create", func() error { return s.Store.Create(ctx, name, head, replaced, owed...) })
}

func (s *store) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (h *stream.Head, err error) {
	err = s.do("commit", func() error {
		h, err = s.Store.Commit(ctx, name, b, l)
		return err
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

func (s *store) Update(ctx context.Context, name string, next *stream.Head, owed ...stream.Notice) error {
	return s.do("update", func() error { return s.Store.Update(ctx, name, next, owed...) })
}

func (s *store) Trim(ctx context.Context, name string, seen *stream.Head, to stream.Offset, l stream.Limits) (h *stream.Head, err error) {
	err = s.do("trim", func() error { h, err = s.Store.Trim(ctx, name, seen, to, l); return err })
	return h, err
}

func (s *store) Delete(ctx context.Context, name string, inc stream.Incarnation, owed ...stream.Notice) error {
	return s.do("delete", func() error { return s.Store.Delete(ctx, name, inc, owed...) })
}

func (s *store) PutChunk(ctx context.Context, life stream.Life, c stream.Chunk) error {
	return s.do("chunk", func() error { return s.Store.PutChunk(ctx, life, c) })
}

func (s *store) Chunks(ctx context.Context, life stream.Life, after stream.Offset, max int) (cs []stream.Chunk, err error) {
	err = s.do("chunks", func() error { cs, err = s.Store.Chunks(ctx, life, after, max); return err })
	return cs, err
}

func (s *store) PutStaged(ctx context.Context, life stream.Life, id stream.StagedID, f stream.Frames) error {
	return s.do("stage", func() error { return s.Store.PutStaged(ctx, life, id, f) })
}

func (s *store) Staged(ctx context.Context, life stream.Life, id stream.StagedID) (f stream.Frames, err error) {
	err = s.do("staged", func() error { f, err = s.Store.Staged(ctx, life, id); return err })
	return f, err
}

func (s *store) Discard(ctx context.Context, life stream.Life, max int) (done bool, err error) {
	err = s.do("discard", func() error { done, err = s.Store.Discard(ctx, life, max); return err })
	return done, err
}

func (s *store) SpillProducer(ctx context.Context, life stream.Life, id string, p stream.Producer) error {
	return s.do("spill", func() error { return s.Store.SpillProducer(ctx, life, id, p) })
}

func (s *store) SpilledProducer(ctx context.Context, life stream.Life, id string) (p stream.Producer, found bool, err error) {
	err = s.do("recall", func() error { p, found, err = s.Store.SpilledProducer(ctx, life, id); return err })
	return p, found, err
}

func (s *store) Owed(ctx context.Context, max int) (lives []stream.Life, err error) {
	err = s.do("owed", func() error { lives, err = s.Store.Owed(ctx, max); return err })
	return lives, err
}

func (s *store) Unsettled(ctx context.Context, life stream.Life) (found bool, err error) {
	err = s.do("unsettled", func() error { found, err = s.Store.Unsettled(ctx, life); return err })
	return found, err
}

func (s *store) Settle(ctx context.Context, life stream.Life) error {
	return s.do("settle", func() error { return s.Store.Settle(ctx, life) })
}

func (s *store) Owing(ctx context.Context, name string) (o stream.Owing, err error) {
	err = s.do("owing", func() error { o, err = s.Store.Owing(ctx, name); return err })
	return o, err
}

func (s *store) Tell(ctx context.Context, registry string, next *stream.Head, told []stream.Owing) error {
	return s.do("tell", func() error { return s.Store.Tell(ctx, registry, next, told) })
}

func (s *store) Compact(ctx context.Context, life stream.Life, segments uint64) (h *stream.Head, err error) {
	err = s.do("compact", func() error { h, err = s.Store.Compact(ctx, life, segments); return err })
	return h, err
}

func (s *store) Retire(ctx context.Context, life stream.Life, chunks []stream.Offset, staged []stream.StagedID) error {
	return s.do("retire", func() error { return s.Store.Retire(ctx, life, chunks, staged) })
}

func (s *store) PutManifest(ctx context.Context, life stream.Life, m stream.Manifest) error {
	return s.do("manifest", func() error { return s.Store.PutManifest(ctx, life, m) })
}

func (s *store) Manifests(ctx context.Context, life stream.Life, after stream.Offset, max int) (ms []stream.Manifest, err error) {
	err = s.do("manifests", func() error { ms, err = s.Store.Manifests(ctx, life, after, max); return err })
	return ms, err
}

func (s *store) Streams(ctx context.Context, prefix, after string, max int) (names []string, err error) {
	err = s.do("streams", func() error { names, err = s.Store.Streams(ctx, prefix, after, max); return err })
	return names, err
}

func (s *store) Segments(ctx context.Context, prefix string, after stream.Life, n uint64, max int) (all []stream.StoredSegment, err error) {
	err = s.do("segments", func() error { all, err = s.Store.Segments(ctx, prefix, after, n, max); return err })
	return all, err
}

func (s *store) Inventory(ctx context.Context, cursor string, max int) (all []stream.Stored, next string, err error) {
	err = s.do("inventory", func() error { all, next, err = s.Store.Inventory(ctx, cursor, max); return err })
	return all, next, err
}

func (s *store) Cursor(ctx context.Context, key string) (value string, err error) {
	err = s.do("cursor", func() error { value, err = s.Store.Cursor(ctx, key); return err })
	return value, err
}

func (s *store) SetCursor(ctx context.Context, key, value string) error {
	return s.do("advance", func() error { return s.Store.SetCursor(ctx, key, value) })
}

// objects are those of a store: their calls are recorded with its own.
type objects struct{ *store }

func (o objects) PutObject(ctx context.Context, key string, body *io.SectionReader) error {
	return o.do("put", func() error { return o.objects.PutObject(ctx, key, body) })
}

func (o objects) Object(ctx context.Context, key string, offset, n int64) (b []byte, err error) {
	err = o.do("get", func() error { b, err = o.objects.Object(ctx, key, offset, n); return err })
	return b, err
}

func (o objects) ListObjects(ctx context.Context, prefix, after string, max int) (keys []string, err error) {
	err = o.do("list", func() error { keys, err = o.objects.ListObjects(ctx, prefix, after, max); return err })
	return keys, err
}

func (o objects) RemoveObjects(ctx context.Context, keys []string) error {
	return o.do("remove", func() error { return o.objects.RemoveObjects(ctx, keys) })
}

func (o objects) DiscardObjects(ctx context.Context, prefix string, max int) (done bool, err error) {
	err = o.do("empty", func() error { done, err = o.objects.DiscardObjects(ctx, prefix, max); return err })
	return done, err
}
