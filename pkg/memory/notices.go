package memory

import (
	"context"
	"slices"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// owe adds to what a name owes.
func (s *Store) owe(name string, owed []stream.Notice) {
	if len(owed) > 0 {
		// Whoever was given the list before must not see it grow.
		s.owing[name] = slices.Concat(s.owing[name], owed)
	}
}

// Owing implements [stream.Notices].
func (s *Store) Owing(_ context.Context, name string) (stream.Owing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return stream.Owing{Name: name, Notices: s.owing[name]}, nil
}

// Tell implements [stream.Notices].
func (s *Store) Tell(_ context.Context, registry string, next *stream.Head, told []stream.Owing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.updatable(registry, next); err != nil {
		return err
	}
	for _, o := range told {
		if !stream.Told(s.owing[o.Name], o.Notices) {
			return &stream.OwingError{Name: o.Name}
		}
	}
	for _, o := range told {
		delete(s.owing, o.Name)
	}
	s.heads[registry] = next
	return nil
}
