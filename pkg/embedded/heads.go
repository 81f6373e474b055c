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
	h, err := readHead(ctx, s.db, name)
	if h != nil {
		s.heads.put(name, h)
	}
	return h, err
}

// readHead reads a head and its buffer, past the cache; nil if there is none.
func readHead(ctx context.Context, r pebble.Reader, name string) (*stream.Head, error) {
	value, found, err := get(r, headKey(name))
	if err != nil || !found {
		return nil, err
	}
	h, err := decodeHead(value)
	if err != nil {
		return nil, err
	}
	buffer := kindKey(h.Life(name), kindBuffer)
	err = scan(ctx, r, buffer, end(buffer), func(_, value []byte) (bool, error) {
		e, err := decodeRun(value)
		h.Buffer = append(h.Buffer, &e)
		h.BufferSize += len(e.Frames)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

// Create implements [stream.Heads].
func (s *Store) Create(ctx context.Context, name string, head, replaced *stream.Head, owed ...stream.Notice) error {
	defer s.names.lock(name)()
	stored, err := s.creatable(ctx, name, replaced)
	if err != nil {
		return err
	}
	b := s.db.NewBatch()
	if stored != nil {
		owe(b, stored.Life(name))
	}
	if err := s.oweNotices(b, name, owed); err != nil {
		return errors.Join(err, b.Close())
	}
	return s.write(b, pebble.Sync, change{name, nil, head})
}

// creatable returns the stored head in whose place another one may be created, or nil if
// there is none, or refuses that. The name is locked.
func (s *Store) creatable(ctx context.Context, name string, replaced *stream.Head) (*stream.Head, error) {
	stored, err := s.load(ctx, name)
	if err != nil {
		return nil, err
	}
	if (stored == nil) != (replaced == nil) ||
		stored != nil && (stored.Incarnation != replaced.Incarnation || stored.Version != replaced.Version) {
		return nil, &stream.RefusedError{Head: stored}
	}
	return stored, nil
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
	return next, s.write(s.db.NewBatch(), pebble.Sync, change{name, stored, next})
}

// Update implements [stream.Heads].
func (s *Store) Update(ctx context.Context, name string, next *stream.Head, owed ...stream.Notice) error {
	defer s.names.lock(name)()
	stored, err := s.updatable(ctx, name, next)
	if err != nil {
		return err
	}
	b := s.db.NewBatch()
	if err := s.oweNotices(b, name, owed); err != nil {
		return errors.Join(err, b.Close())
	}
	return s.write(b, pebble.Sync, change{name, stored, next})
}

// updatable returns the stored head in whose place the next one may be stored, or refuses
// that. The name is locked.
func (s *Store) updatable(ctx context.Context, name string, next *stream.Head) (*stream.Head, error) {
	stored, err := s.load(ctx, name)
	if err != nil {
		return nil, err
	}
	if stored == nil || stored.Incarnation != next.Incarnation || stored.Version != next.Version-1 {
		return nil, &stream.RefusedError{Head: stored}
	}
	return stored, nil
}

// Trim implements [stream.Heads]. It is not synced: if it is lost, the buffer is
// as it was before, and so may be the chunks.
func (s *Store) Trim(ctx context.Context, name string, seen *stream.Head, to stream.Offset, l stream.Limits) (*stream.Head, error) {
	defer s.names.lock(name)()
	stored, err := s.load(ctx, name)
	if err != nil {
		return nil, err
	}
	next, ok := stream.Trimmed(stored, seen, to, l)
	if !ok {
		return nil, &stream.RefusedError{Head: stored}
	}
	return next, s.write(s.db.NewBatch(), pebble.NoSync, change{name, stored, next})
}

// Compact implements [stream.Heads]. Its place in the log would be enough for what
// this store does after it: the manifests come before it, and the [Store.Retire]
// after. But it is synced, because the core goes on to remove objects, staged ones
// that the segment's object replaces, and they are not in the log: a head that is
// older than their removal would send readers to them. It is one sync a segment,
// that nobody waits for.
func (s *Store) Compact(ctx context.Context, life stream.Life, segments uint64) (*stream.Head, error) {
	defer s.names.lock(life.Name)()
	stored, err := s.load(ctx, life.Name)
	if err != nil {
		return nil, err
	}
	next, ok := stream.Compacted(stored, life.Incarnation, segments)
	if !ok {
		return nil, &stream.RefusedError{Head: stored}
	}
	return next, s.write(s.db.NewBatch(), pebble.Sync, change{life.Name, stored, next})
}

// HeadSize implements [stream.Heads]. Records are written once, so the buffer
// costs nothing but the time to load it.
func (s *Store) HeadSize(_ string, h *stream.Head) int { return h.BufferSize }

// Delete implements [stream.Heads].
func (s *Store) Delete(ctx context.Context, name string, inc stream.Incarnation, owed ...stream.Notice) error {
	defer s.names.lock(name)()
	stored, err := s.load(ctx, name)
	if err != nil {
		return err
	}
	if stored == nil || stored.Incarnation != inc || stored.Forks > 0 || stored.Deleted && len(owed) > 0 {
		return &stream.RefusedError{Head: stored}
	}
	b := s.db.NewBatch()
	owe(b, stored.Life(name))
	err = errors.Join(s.oweNotices(b, name, owed), b.Delete(headKey(name), nil))
	err = commit(b, err, pebble.Sync)
	s.heads.remove(name)
	return err
}

// change is that of the head of a name, from stored, which is nil or of the same life.
type change struct {
	name         string
	stored, next *stream.Head
}

// write stores heads in place of others, with whatever else is in the batch.
func (s *Store) write(b *pebble.Batch, how *pebble.WriteOptions, changes ...change) error {
	var err error
	for _, c := range changes {
		err = errors.Join(err, c.set(b))
	}
	err = commit(b, err, how)
	for _, c := range changes {
		if err != nil {
			// What is stored is uncertain: the next call reads it.
			s.heads.remove(c.name)
		} else {
			s.heads.put(c.name, c.next)
		}
	}
	return err
}

// set adds a change to a batch: of the buffer only what is another.
func (c change) set(b *pebble.Batch) error {
	life := c.next.Life(c.name)
	err := b.Set(headKey(c.name), encodeHead(c.next), nil)
	var written stream.Offset
	if c.stored != nil {
		written = c.stored.Tail
		for _, e := range c.stored.Buffer {
			if !c.next.BufferFrom().Before(e.To) {
				err = errors.Join(err, b.Delete(offsetKey(life, kindBuffer, e.To), nil))
			}
		}
	}
	for _, e := range c.next.Buffer {
		if written.Before(e.To) {
			err = errors.Join(err, b.Set(offsetKey(life, kindBuffer, e.To), encodeRun(*e), nil))
		}
	}
	return err
}

// owe records that the data of a life is to be discarded.
func owe(b *pebble.Batch, life stream.Life) {
	// Set on a batch only fails for keys beyond 4 GiB.
	_ = b.Set(workKey(life.Incarnation), encodeWork(life), nil)
}
