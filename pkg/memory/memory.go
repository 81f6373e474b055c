// Package memory is a driver that keeps everything in this process and nothing
// on disk. It is the executable form of the driver contract, the store of quick
// tests, and of a local server that is told not to keep anything.
package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Store implements [stream.Driver]. Its zero value is not usable; call [New].
// Each call is one critical section, so every operation is linearizable.
type Store struct {
	mu      sync.Mutex
	heads   map[string]*stream.Head
	data    map[stream.Life]*data
	owed    map[stream.Life]bool
	cursors map[string]string
	// owing holds what names owe to registries.
	owing map[string][]stream.Notice
}

var _ stream.Driver = (*Store)(nil)

// data is what is stored for a life besides its head.
type data struct {
	chunks    []stream.Chunk // by To
	staged    map[stream.StagedID]stream.Frames
	producers map[string]stream.Producer
	manifests []stream.Manifest // by segment
	lineage   *stream.Lineage   // nil unless it is a fork
	forks     []stream.Life     // by incarnation
}

// New returns an empty store.
func New() *Store {
	return &Store{
		heads:   make(map[string]*stream.Head),
		data:    make(map[stream.Life]*data),
		owed:    make(map[stream.Life]bool),
		cursors: make(map[string]string),
		owing:   make(map[string][]stream.Notice),
	}
}

// Head implements [stream.Heads].
func (s *Store) Head(_ context.Context, name string, _ stream.Consistency) (*stream.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.heads[name]; h != nil {
		return h, nil
	}
	return nil, stream.ErrNoHead
}

// Create implements [stream.Heads].
func (s *Store) Create(_ context.Context, name string, head, replaced *stream.Head, owed ...stream.Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.creatable(name, replaced); err != nil {
		return err
	}
	s.create(name, head, replaced, owed)
	return nil
}

// creatable says why a head cannot be created in place of another, or of none.
func (s *Store) creatable(name string, replaced *stream.Head) error {
	stored := s.heads[name]
	switch {
	case stored == nil && replaced == nil:
		return nil
	case stored != nil && replaced != nil && stored.Incarnation == replaced.Incarnation && stored.Version == replaced.Version:
		return nil
	default:
		return &stream.RefusedError{Head: stored}
	}
}

// create stores a head that is creatable.
func (s *Store) create(name string, head, replaced *stream.Head, owed []stream.Notice) {
	if replaced != nil {
		s.owed[replaced.Life(name)] = true
	}
	s.heads[name] = head
	s.owe(name, owed)
}

// Commit implements [stream.Heads].
func (s *Store) Commit(_ context.Context, name string, b *stream.Batch, l stream.Limits) (*stream.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, ok := stream.Admit(s.heads[name], b, l)
	if !ok {
		return nil, &stream.RefusedError{Head: s.heads[name]}
	}
	s.heads[name] = next
	return next, nil
}

// Update implements [stream.Heads].
func (s *Store) Update(_ context.Context, name string, next *stream.Head, owed ...stream.Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.updatable(name, next); err != nil {
		return err
	}
	s.heads[name] = next
	s.owe(name, owed)
	return nil
}

// updatable says why a head cannot be stored in place of the one before it.
func (s *Store) updatable(name string, next *stream.Head) error {
	stored := s.heads[name]
	if stored == nil || stored.Incarnation != next.Incarnation || stored.Version != next.Version-1 {
		return &stream.RefusedError{Head: stored}
	}
	return nil
}

// Trim implements [stream.Heads].
func (s *Store) Trim(_ context.Context, name string, seen *stream.Head, to stream.Offset, l stream.Limits) (*stream.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, ok := stream.Trimmed(s.heads[name], seen, to, l)
	if !ok {
		return nil, &stream.RefusedError{Head: s.heads[name]}
	}
	s.heads[name] = next
	return next, nil
}

// Compact implements [stream.Heads].
func (s *Store) Compact(_ context.Context, life stream.Life, segments uint64) (*stream.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, ok := stream.Compacted(s.heads[life.Name], life.Incarnation, segments)
	if !ok {
		return nil, &stream.RefusedError{Head: s.heads[life.Name]}
	}
	s.heads[life.Name] = next
	return next, nil
}

// HeadSize implements [stream.Heads]: here only the records matter.
func (s *Store) HeadSize(_ string, h *stream.Head) int { return h.BufferSize }

// Delete implements [stream.Heads].
func (s *Store) Delete(_ context.Context, name string, inc stream.Incarnation, owed ...stream.Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	stored := s.heads[name]
	if stored == nil || stored.Incarnation != inc || stored.Forks > 0 || stored.Deleted && len(owed) > 0 {
		return &stream.RefusedError{Head: stored}
	}
	delete(s.heads, name)
	s.owed[stored.Life(name)] = true
	s.owe(name, owed)
	return nil
}

// find returns what is stored for a life, to be looked at.
func (s *Store) find(life stream.Life) *data {
	if v := s.data[life]; v != nil {
		return v
	}
	return &data{}
}

// of returns what is stored for a life, making a place for it.
func (s *Store) of(life stream.Life) *data {
	v := s.data[life]
	if v == nil {
		v = &data{
			staged:    make(map[stream.StagedID]stream.Frames),
			producers: make(map[string]stream.Producer),
		}
		s.data[life] = v
	}
	return v
}

// after returns where the items that end after an offset begin in a sorted list.
func after[T any](items []T, o stream.Offset, to func(T) stream.Offset) int {
	i, found := slices.BinarySearchFunc(items, o, func(t T, o stream.Offset) int { return to(t).Compare(o) })
	if found {
		i++
	}
	return i
}
