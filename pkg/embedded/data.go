package embedded

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// PutChunk implements [stream.Chunks]. As chunks with the same To hold the same
// records, and only one flush of a stream runs in a process, overwriting one is
// as good as leaving it; the check saves the write.
func (s *Store) PutChunk(_ context.Context, inc stream.Incarnation, c stream.Chunk) error {
	key := offsetKey(inc, kindChunk, c.To)
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
func (s *Store) Chunks(ctx context.Context, inc stream.Incarnation, from stream.Offset, max int) ([]stream.Chunk, error) {
	var chunks []stream.Chunk
	size := 0
	first := after(offsetKey(inc, kindChunk, from))
	err := s.scan(ctx, first, end(kindKey(inc, kindChunk)), func(_, value []byte) (bool, error) {
		e, err := decodeRun(value)
		chunks = append(chunks, stream.Chunk(e))
		size += e.Size
		return size < max, err
	})
	return chunks, err
}

// PutStaged implements [stream.Chunks]. A large item becomes a file: the engine
// would write it twice or more, to its log and then to its tables.
func (s *Store) PutStaged(_ context.Context, inc stream.Incarnation, id stream.StagedID, f stream.Frames) error {
	if len(f) >= fileSize {
		return s.files.put(inc, id, f)
	}
	return s.db.Set(stagedKey(inc, id), f, pebble.NoSync)
}

// Staged implements [stream.Chunks].
func (s *Store) Staged(_ context.Context, inc stream.Incarnation, id stream.StagedID) (stream.Frames, error) {
	f, found, err := s.get(stagedKey(inc, id))
	if err != nil || found {
		return f, err
	}
	return s.files.get(inc, id)
}

// Discard implements [stream.Chunks]. One range deletion takes everything in the
// engine, so it is always done after one call.
func (s *Store) Discard(_ context.Context, inc stream.Incarnation, _ int) (bool, error) {
	if err := s.files.drop(inc); err != nil {
		return false, err
	}
	life := lifeKey(inc)
	return true, s.db.DeleteRange(append(life[:len(life):len(life)], 0), append(life[:len(life):len(life)], 0xff), pebble.NoSync)
}

// SpillProducer implements [stream.Producers].
func (s *Store) SpillProducer(ctx context.Context, inc stream.Incarnation, id string, p stream.Producer) error {
	defer s.names.lock(string(producerKey(inc, id)))()
	stored, found, err := s.SpilledProducer(ctx, inc, id)
	if err != nil || found && !stored.Behind(p) {
		return err
	}
	return s.db.Set(producerKey(inc, id), encodeProducer(p), pebble.NoSync)
}

// SpilledProducer implements [stream.Producers].
func (s *Store) SpilledProducer(_ context.Context, inc stream.Incarnation, id string) (stream.Producer, bool, error) {
	value, found, err := s.get(producerKey(inc, id))
	if err != nil || !found {
		return stream.Producer{}, false, err
	}
	p, err := decodeProducer(value)
	return p, err == nil, err
}

// PutManifest implements [stream.Manifests].
func (s *Store) PutManifest(_ context.Context, inc stream.Incarnation, m stream.Manifest) error {
	key := manifestKey(inc, m.Segment)
	defer s.names.lock(string(key))()
	_, found, err := s.get(key)
	if err != nil {
		return err
	}
	if found {
		return &stream.RefusedError{}
	}
	return s.db.Set(key, encodeManifest(m), pebble.Sync)
}

// Manifests implements [stream.Manifests].
func (s *Store) Manifests(ctx context.Context, inc stream.Incarnation, from stream.Offset, max int) ([]stream.Manifest, error) {
	// A segment's To is in the segment, so earlier segments end before from.
	var manifests []stream.Manifest
	first := manifestKey(inc, from.Segment)
	err := s.scan(ctx, first, end(kindKey(inc, kindManifest)), func(_, value []byte) (bool, error) {
		m, err := decodeManifest(value)
		if err == nil && from.Before(m.To) {
			manifests = append(manifests, m)
		}
		return len(manifests) < max, err
	})
	return manifests, err
}

// Owed implements [stream.Works].
func (s *Store) Owed(ctx context.Context, max int) ([]stream.Work, error) {
	var works []stream.Work
	err := s.scan(ctx, workFrom, workTo, func(key, value []byte) (bool, error) {
		w, err := decodeWork(key, value)
		works = append(works, w)
		return len(works) < max, err
	})
	return works, err
}

// Settle implements [stream.Works].
func (s *Store) Settle(_ context.Context, w stream.Work) error {
	return s.db.Delete(workKey(w.Incarnation), pebble.NoSync)
}
