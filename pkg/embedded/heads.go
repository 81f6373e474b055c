package embedded

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Head implements [stream.Heads]. A head in the cache costs no I/O; it is always
// the stored one.
func (s *Store) Head(ctx context.Context, name string, _ stream.Consistency) (*stream.Head, error) {
	if h, ok := s.heads.get(name); ok {
		return h, nil
	}
	// Under the lock, so that a head just read cannot replace a newer one.
	defer s.names.lock(name)()
	h, err := s.load(ctx, name)
	if err == nil && h == nil {
		err = stream.ErrNoHead
	}
	return h, err
}

// load returns the stored head, or nil if there is none. The name is locked.
func (s *Store) load(ctx context.Context, name string) (*stream.Head, error) {
	if h, ok := s.heads.get(name); ok {
		return h, nil
	}
	value, found, err := s.get(headKey(name))
	if err != nil || !found {
		return nil, err
	}
	h, err := decodeHead(value)
	if err != nil {
		return nil, err
	}
	buffer := kindKey(h.Incarnation, kindBuffer)
	err = s.scan(ctx, buffer, end(buffer), func(_, value []byte) (bool, error) {
		e, err := decodeRun(value)
		h.Buffer = append(h.Buffer, e)
		h.BufferSize += len(e.Frames)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	s.heads.put(name, h)
	return h, nil
}

// Create implements [stream.Heads].
func (s *Store) Create(ctx context.Context, name string, head, replaced *stream.Head) error {
	defer s.names.lock(name)()
	stored, err := s.load(ctx, name)
	if err != nil {
		return err
	}
	b := s.db.NewBatch()
	switch {
	case stored == nil && replaced == nil:
	case stored != nil && replaced != nil && stored.Incarnation == replaced.Incarnation && stored.Version == replaced.Version:
		owe(b, name, stored.Incarnation)
	default:
		return &stream.RefusedError{Head: stored}
	}
	return s.write(name, b, nil, head, pebble.Sync)
}

// Commit implements [stream.Heads]. It sets two keys: the head, and the entry
// with the batch's records.
func (s *Store) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (*stream.Head, error) {
	defer s.names.lock(name)()
	stored, err := s.load(ctx, name)
	if err != nil {
		return nil, err
	}
	next, ok := stream.Admit(stored, b, l)
	if !ok {
		return nil, &stream.RefusedError{Head: stored}
	}
	return next, s.write(name, s.db.NewBatch(), stored, next, pebble.Sync)
}

// Update implements [stream.Heads].
func (s *Store) Update(ctx context.Context, name string, next *stream.Head) error {
	defer s.names.lock(name)()
	stored, err := s.load(ctx, name)
	if err != nil {
		return err
	}
	if stored == nil || stored.Incarnation != next.Incarnation || stored.Version != next.Version-1 {
		return &stream.RefusedError{Head: stored}
	}
	return s.write(name, s.db.NewBatch(), stored, next, pebble.Sync)
}

// Trim implements [stream.Heads]. It is not synced: if it is lost, the buffer is
// as it was before, and so may be the chunks.
func (s *Store) Trim(ctx context.Context, name string, seen *stream.Head, to stream.Offset) (*stream.Head, error) {
	defer s.names.lock(name)()
	stored, err := s.load(ctx, name)
	if err != nil {
		return nil, err
	}
	next, ok := stream.Trimmed(stored, seen, to)
	if !ok {
		return nil, &stream.RefusedError{Head: stored}
	}
	return next, s.write(name, s.db.NewBatch(), stored, next, pebble.NoSync)
}

// HeadSize implements [stream.Heads]. Records are written once, so the buffer
// costs nothing but the time to load it.
func (s *Store) HeadSize(_ string, h *stream.Head) int { return h.BufferSize }

// Delete implements [stream.Heads].
func (s *Store) Delete(ctx context.Context, name string, inc stream.Incarnation) error {
	defer s.names.lock(name)()
	stored, err := s.load(ctx, name)
	if err != nil {
		return err
	}
	if stored == nil || stored.Incarnation != inc {
		return &stream.RefusedError{Head: stored}
	}
	b := s.db.NewBatch()
	owe(b, name, inc)
	err = errors.Join(b.Delete(headKey(name), nil), b.Commit(pebble.Sync), b.Close())
	s.heads.remove(name)
	return err
}

// write stores next in place of stored, which is nil or of the same life, with
// whatever else is in the batch. Only what changed of the buffer is written.
func (s *Store) write(name string, b *pebble.Batch, stored, next *stream.Head, how *pebble.WriteOptions) error {
	err := b.Set(headKey(name), encodeHead(next), nil)
	var written stream.Offset
	if stored != nil {
		written = stored.Tail
		for _, e := range stored.Buffer {
			if !next.BufferFrom().Before(e.To) {
				err = errors.Join(err, b.Delete(offsetKey(next.Incarnation, kindBuffer, e.To), nil))
			}
		}
	}
	for _, e := range next.Buffer {
		if written.Before(e.To) {
			err = errors.Join(err, b.Set(offsetKey(next.Incarnation, kindBuffer, e.To), encodeRun(e), nil))
		}
	}
	if err = errors.Join(err, b.Commit(how), b.Close()); err != nil {
		// What is stored is uncertain: the next call reads it.
		s.heads.remove(name)
		return err
	}
	s.heads.put(name, next)
	return nil
}

func owe(b *pebble.Batch, name string, inc stream.Incarnation) {
	// Set on a batch only fails for keys beyond 4 GiB.
	_ = b.Set(workKey(inc), encodeWork(stream.Work{Name: name, Incarnation: inc}), nil)
}
