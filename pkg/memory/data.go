package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// PutChunk implements [stream.Chunks].
func (s *Store) PutChunk(_ context.Context, inc stream.Incarnation, c stream.Chunk) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.life(inc)
	i, found := slices.BinarySearchFunc(v.chunks, c.To, func(c stream.Chunk, to stream.Offset) int { return c.To.Compare(to) })
	if !found {
		v.chunks = slices.Insert(v.chunks, i, c)
	}
	return nil
}

// Chunks implements [stream.Chunks].
func (s *Store) Chunks(_ context.Context, inc stream.Incarnation, from stream.Offset, max int) ([]stream.Chunk, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.life(inc).chunks
	first := after(all, from, func(c stream.Chunk) stream.Offset { return c.To })
	end, size := first, 0
	for end < len(all) && (end == first || size < max) {
		size += all[end].Size
		end++
	}
	return slices.Clone(all[first:end]), nil
}

// PutStaged implements [stream.Chunks].
func (s *Store) PutStaged(_ context.Context, inc stream.Incarnation, id stream.StagedID, f stream.Frames) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life(inc).staged[id] = f
	return nil
}

// Staged implements [stream.Chunks].
func (s *Store) Staged(_ context.Context, inc stream.Incarnation, id stream.StagedID) (stream.Frames, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.life(inc).staged[id]
	if !ok {
		return nil, fmt.Errorf("%w: staged %v of %v", stream.ErrNoItem, id, inc)
	}
	return f, nil
}

// Discard implements [stream.Chunks]. It removes everything at once.
func (s *Store) Discard(_ context.Context, inc stream.Incarnation, _ int) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lives, inc)
	return true, nil
}

// SpillProducer implements [stream.Producers].
func (s *Store) SpillProducer(_ context.Context, inc stream.Incarnation, id string, p stream.Producer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	producers := s.life(inc).producers
	if stored, ok := producers[id]; !ok || stored.Behind(p) {
		producers[id] = p
	}
	return nil
}

// SpilledProducer implements [stream.Producers].
func (s *Store) SpilledProducer(_ context.Context, inc stream.Incarnation, id string) (stream.Producer, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.life(inc).producers[id]
	return p, ok, nil
}

// PutManifest implements [stream.Manifests].
func (s *Store) PutManifest(_ context.Context, inc stream.Incarnation, m stream.Manifest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.life(inc)
	i, found := slices.BinarySearchFunc(v.manifests, m.Segment, func(m stream.Manifest, n uint64) int { return cmp.Compare(m.Segment, n) })
	if found {
		return &stream.RefusedError{}
	}
	v.manifests = slices.Insert(v.manifests, i, m)
	return nil
}

// Manifests implements [stream.Manifests].
func (s *Store) Manifests(_ context.Context, inc stream.Incarnation, from stream.Offset, max int) ([]stream.Manifest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.life(inc).manifests
	first := after(all, from, func(m stream.Manifest) stream.Offset { return m.To })
	return slices.Clone(all[first:min(first+max, len(all))]), nil
}

// Owed implements [stream.Works].
func (s *Store) Owed(_ context.Context, max int) ([]stream.Work, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var works []stream.Work
	for _, w := range s.owed {
		if len(works) == max {
			break
		}
		works = append(works, w)
	}
	return works, nil
}

// Settle implements [stream.Works].
func (s *Store) Settle(_ context.Context, w stream.Work) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.owed, w.Incarnation)
	return nil
}
