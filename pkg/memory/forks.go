package memory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Fork implements [stream.Forks].
func (s *Store) Fork(_ context.Context, name string, head, replaced *stream.Head, lineage *stream.Lineage, now time.Time, owed ...stream.Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.creatable(name, replaced); err != nil {
		return err
	}
	source := head.Origin.Source
	next, ok := stream.Forked(s.heads[source.Name], source, now)
	if !ok {
		return &stream.SourceError{Head: s.heads[source.Name]}
	}
	s.create(name, head, replaced, owed)
	s.heads[source.Name] = next
	fork := head.Life(name)
	s.of(fork).lineage = lineage
	v := s.of(source)
	i, _ := v.findFork(fork)
	v.forks = slices.Insert(v.forks, i, fork)
	return nil
}

// Lineage implements [stream.Forks].
func (s *Store) Lineage(_ context.Context, life stream.Life) (*stream.Lineage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(life).lineage, nil
}

// Forks implements [stream.Forks].
func (s *Store) Forks(_ context.Context, source, last stream.Life, max int) ([]stream.Life, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.find(source)
	first, found := v.findFork(last)
	if found {
		first++
	}
	all := v.forks
	return slices.Clone(all[first:min(first+max, len(all))]), nil
}

// Release implements [stream.Forks].
func (s *Store) Release(_ context.Context, source, fork stream.Life) (*stream.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.heads[source.Name]
	if h != nil && h.Incarnation != source.Incarnation {
		h = nil
	}
	v := s.find(source)
	i, noted := v.findFork(fork)
	if !noted {
		return h, nil
	}
	v.forks = slices.Delete(v.forks, i, i+1)
	if h != nil {
		h = stream.Released(h)
		s.heads[source.Name] = h
	}
	return h, nil
}

// findFork returns where a fork is noted or belongs.
func (v *data) findFork(fork stream.Life) (i int, noted bool) {
	return slices.BinarySearchFunc(v.forks, fork, func(a, b stream.Life) int {
		return bytes.Compare(a.Incarnation[:], b.Incarnation[:])
	})
}
