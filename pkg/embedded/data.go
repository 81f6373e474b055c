package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// PutChunk implements [stream.Chunks]. As either of two chunks with the same To will do,
// it takes no lock: if both find none, the later one stays. The check saves the write.
func (s *Store) PutChunk(_ context.Context, life stream.Life, c stream.Chunk) error {
	key := offsetKey(life, kindChunk, c.To)
	_, closer, err := s.db.Get(key)
	if err == nil {
		return closer.Close()
	}
	if !errors.Is(err, pebble.ErrNotFound) {
		return err
	}
	return s.db.Set(key, encodeRun(stream.Entry(c)), pebble.NoSync)
}

// Chunks implements [stream.Chunks].
func (s *Store) Chunks(ctx context.Context, life stream.Life, from stream.Offset, max int) ([]stream.Chunk, error) {
	var chunks []stream.Chunk
	size := 0
	first := after(offsetKey(life, kindChunk, from))
	err := scan(ctx, s.db, first, end(kindKey(life, kindChunk)), func(_, value []byte) (bool, error) {
		e, err := decodeRun(value)
		chunks = append(chunks, stream.Chunk(e))
		size += e.Size
		return size < max, err
	})
	return chunks, err
}

// PutStaged implements [stream.Chunks].
func (s *Store) PutStaged(_ context.Context, life stream.Life, id stream.StagedID, f stream.Frames) error {
	return s.db.Set(stagedKey(life, id), f, pebble.NoSync)
}

// Staged implements [stream.Chunks].
func (s *Store) Staged(_ context.Context, life stream.Life, id stream.StagedID) (stream.Frames, error) {
	f, found, err := get(s.db, stagedKey(life, id))
	if err == nil && !found {
		err = fmt.Errorf("%w: staged %v of %v", stream.ErrNoItem, id, life)
	}
	return f, err
}

// Retire implements [stream.Chunks]. Everything is gone at once: a reader that
// still looks for it reads the head again, which sends it to the object. It is not
// synced: in the log it comes after the [Store.Compact] that made it right, and if
// it is lost, there are chunks that nobody needs, which the sweep finds.
func (s *Store) Retire(_ context.Context, life stream.Life, chunks []stream.Offset, staged []stream.StagedID) error {
	b := s.db.NewBatch()
	var err error
	for _, to := range chunks {
		err = errors.Join(err, b.Delete(offsetKey(life, kindChunk, to), nil))
	}
	for _, id := range staged {
		err = errors.Join(err, b.Delete(stagedKey(life, id), nil))
	}
	return commit(b, err, pebble.NoSync)
}

// discardPoints is how many items of a life are deleted one by one.
const discardPoints = 64

// Discard implements [stream.Chunks]. Everything goes in one batch, so it is always done
// after one call. It is not synced, as in the log it comes before the [Store.Settle] that
// ends the work.
//
// Most lives have few items, and those are deleted by their keys: while a range deletion
// is in the engine's write buffer, every read looks at all of them there, and each new one
// has the next read sort them again. A range deletion is for lives whose items are many.
func (s *Store) Discard(ctx context.Context, life stream.Life, _ int) (bool, error) {
	b := s.db.NewBatch()
	data, index := lifeKey(life), indexKey(life)
	// All kinds are between these two.
	from, to := append(data[:len(data):len(data)], 0), append(data[:len(data):len(data)], 0xff)
	err := errors.Join(discardRange(ctx, s.db, b, from, to), discardRange(ctx, s.db, b, index, end(index)))
	return true, commit(b, err, pebble.NoSync)
}

// discardRange has a batch delete all keys of a range.
func discardRange(ctx context.Context, r pebble.Reader, b *pebble.Batch, from, to []byte) error {
	keys := make([][]byte, 0, 4)
	err := walk(ctx, r, from, to, func(it *pebble.Iterator) (bool, error) {
		keys = append(keys, bytes.Clone(it.Key()))
		return len(keys) <= discardPoints, nil
	})
	if err != nil || len(keys) > discardPoints {
		return errors.Join(err, b.DeleteRange(from, to, nil))
	}
	for _, key := range keys {
		err = errors.Join(err, b.Delete(key, nil))
	}
	return err
}

// SpillProducer implements [stream.Producers].
func (s *Store) SpillProducer(ctx context.Context, life stream.Life, id string, p stream.Producer) error {
	key := producerKey(life, id)
	defer s.names.lock(string(key))()
	stored, found, err := s.SpilledProducer(ctx, life, id)
	if err != nil || found && !stored.Behind(p) {
		return err
	}
	return s.db.Set(key, encodeProducer(p), pebble.NoSync)
}

// SpilledProducer implements [stream.Producers].
func (s *Store) SpilledProducer(_ context.Context, life stream.Life, id string) (stream.Producer, bool, error) {
	value, found, err := get(s.db, producerKey(life, id))
	if err != nil || !found {
		return stream.Producer{}, false, err
	}
	p, err := decodeProducer(value)
	return p, err == nil, err
}

// PutManifest implements [stream.Manifests]. The manifest and its key in the index
// are one batch.
func (s *Store) PutManifest(_ context.Context, life stream.Life, m stream.Manifest) error {
	key := manifestKey(life, m.Segment)
	defer s.names.lock(string(key))()
	_, found, err := get(s.db, key)
	if err != nil {
		return err
	}
	if found {
		return &stream.RefusedError{}
	}
	b := s.db.NewBatch()
	err = errors.Join(b.Set(key, encodeManifest(m), nil), b.Set(segmentKey(life, m.Segment), nil, nil))
	return commit(b, err, pebble.Sync)
}

// Manifests implements [stream.Manifests].
func (s *Store) Manifests(ctx context.Context, life stream.Life, from stream.Offset, max int) ([]stream.Manifest, error) {
	// A segment's To is in the segment, so earlier segments end before from.
	var manifests []stream.Manifest
	first := manifestKey(life, from.Segment)
	err := scan(ctx, s.db, first, end(kindKey(life, kindManifest)), func(_, value []byte) (bool, error) {
		m, err := decodeManifest(value)
		if err == nil && from.Before(m.To) {
			manifests = append(manifests, m)
		}
		return len(manifests) < max, err
	})
	return manifests, err
}

// commit commits a batch, unless an error came up while it was filled, and gives it
// back in any case.
func commit(b *pebble.Batch, err error, how *pebble.WriteOptions) error {
	if err == nil {
		err = b.Commit(how)
	}
	return errors.Join(err, b.Close())
}
