package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// PutChunk implements [stream.Chunks].
func (s *Store) PutChunk(_ context.Context, life stream.Life, c stream.Chunk) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.of(life)
	i, found := slices.BinarySearchFunc(v.chunks, c.To, func(c stream.Chunk, to stream.Offset) int { return c.To.Compare(to) })
	if !found {
		v.chunks = slices.Insert(v.chunks, i, c)
	}
	return nil
}

// Chunks implements [stream.Chunks].
func (s *Store) Chunks(_ context.Context, life stream.Life, from stream.Offset, max int) ([]stream.Chunk, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.find(life).chunks
	first := after(all, from, func(c stream.Chunk) stream.Offset { return c.To })
	end, size := first, 0
	for end < len(all) && (end == first || size < max) {
		size += all[end].Size
		end++
	}
	return slices.Clone(all[first:end]), nil
}

// PutStaged implements [stream.Chunks].
func (s *Store) PutStaged(_ context.Context, life stream.Life, id stream.StagedID, f stream.Frames) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(life).staged[id] = f
	return nil
}

// Staged implements [stream.Chunks].
func (s *Store) Staged(_ context.Context, life stream.Life, id stream.StagedID) (stream.Frames, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.find(life).staged[id]
	if !ok {
		return nil, fmt.Errorf("%w: staged %v of %v", stream.ErrNoItem, id, life)
	}
	return f, nil
}

// Retire implements [stream.Chunks]. What it is told of is gone at once.
func (s *Store) Retire(_ context.Context, life stream.Life, chunks []stream.Offset, staged []stream.StagedID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.find(life)
	v.chunks = slices.DeleteFunc(v.chunks, func(c stream.Chunk) bool { return slices.Contains(chunks, c.To) })
	for _, id := range staged {
		delete(v.staged, id)
	}
	return nil
}

// Discard implements [stream.Chunks]. It removes everything at once.
func (s *Store) Discard(_ context.Context, life stream.Life, _ int) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.data, life)
	return true, nil
}

// SpillProducer implements [stream.Producers].
func (s *Store) SpillProducer(_ context.Context, life stream.Life, id string, p stream.Producer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	producers := s.of(life).producers
	if stored, ok := producers[id]; !ok || stored.Behind(p) {
		producers[id] = p
	}
	return nil
}

// SpilledProducer implements [stream.Producers].
func (s *Store) SpilledProducer(_ context.Context, life stream.Life, id string) (stream.Producer, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.find(life).producers[id]
	return p, ok, nil
}

// PutManifest implements [stream.Manifests].
func (s *Store) PutManifest(_ context.Context, life stream.Life, m stream.Manifest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.of(life)
	i, found := slices.BinarySearchFunc(v.manifests, m.Segment, func(m stream.Manifest, n uint64) int { return cmp.Compare(m.Segment, n) })
	if found {
		return &stream.RefusedError{}
	}
	v.manifests = slices.Insert(v.manifests, i, m)
	return nil
}

// Manifests implements [stream.Manifests].
func (s *Store) Manifests(_ context.Context, life stream.Life, from stream.Offset, max int) ([]stream.Manifest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.find(life).manifests
	first := after(all, from, func(m stream.Manifest) stream.Offset { return m.To })
	return slices.Clone(all[first:min(first+max, len(all))]), nil
}

// Owed implements [stream.Works].
func (s *Store) Owed(_ context.Context, max int) ([]stream.Life, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lives := slices.SortedFunc(maps.Keys(s.owed), compareLives)
	return lives[:min(max, len(lives))], nil
}

// Unsettled implements [stream.Works].
func (s *Store) Unsettled(_ context.Context, life stream.Life) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owed[life], nil
}

// Settle implements [stream.Works].
func (s *Store) Settle(_ context.Context, life stream.Life) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.owed, life)
	return nil
}

// Cursor implements [stream.Cursors].
func (s *Store) Cursor(_ context.Context, key string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursors[key], nil
}

// SetCursor implements [stream.Cursors].
func (s *Store) SetCursor(_ context.Context, key, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursors[key] = value
	return nil
}
