package embedded

import (
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Fork implements [stream.Forks]. Both heads, the note and the lineage are one batch. The
// note of a fork is only written or removed while the name of its source is locked.
func (s *Store) Fork(ctx context.Context, name string, head, replaced *stream.Head, lineage *stream.Lineage, now time.Time, owed ...stream.Notice) error {
	source := head.Origin.Source
	defer s.names.lockAll(name, source.Name)()
	stored, err := s.creatable(ctx, name, replaced)
	if err != nil {
		return err
	}
	parent, err := s.load(ctx, source.Name)
	if err != nil {
		return err
	}
	next, ok := stream.Forked(parent, source, now)
	if !ok {
		return &stream.SourceError{Head: parent}
	}
	fork := head.Life(name)
	b := s.db.NewBatch()
	if stored != nil {
		owe(b, stored.Life(name))
	}
	err = errors.Join(b.Set(lineageKey(fork), encodeLineage(lineage), nil), b.Set(forkKey(source, fork.Incarnation), encodeText(name), nil))
	err = errors.Join(err, s.oweNotices(b, name, owed))
	if err != nil {
		return errors.Join(err, b.Close())
	}
	return s.write(b, pebble.Sync, change{source.Name, parent, next}, change{name, nil, head})
}

// Lineage implements [stream.Forks].
func (s *Store) Lineage(_ context.Context, life stream.Life) (*stream.Lineage, error) {
	value, found, err := get(s.db, lineageKey(life))
	if err != nil || !found {
		return nil, err
	}
	return decodeLineage(value)
}

// Forks implements [stream.Forks].
func (s *Store) Forks(ctx context.Context, source, last stream.Life, max int) ([]stream.Life, error) {
	var forks []stream.Life
	all := kindKey(source, kindFork)
	// No life has the zero incarnation.
	first := after(forkKey(source, last.Incarnation))
	err := scan(ctx, s.db, first, end(all), func(key, value []byte) (bool, error) {
		fork, err := decodeFork(key[len(all):], value)
		forks = append(forks, fork)
		return len(forks) < max, err
	})
	return forks, err
}

// Release implements [stream.Forks].
func (s *Store) Release(ctx context.Context, source, fork stream.Life) (*stream.Head, error) {
	defer s.names.lock(source.Name)()
	stored, err := s.load(ctx, source.Name)
	if err != nil {
		return nil, err
	}
	if stored != nil && stored.Incarnation != source.Incarnation {
		stored = nil
	}
	key := forkKey(source, fork.Incarnation)
	_, noted, err := get(s.db, key)
	if err != nil || !noted {
		return stored, err
	}
	b := s.db.NewBatch()
	err = b.Delete(key, nil)
	if err != nil || stored == nil {
		return nil, commit(b, err, pebble.Sync)
	}
	next := stream.Released(stored)
	return next, s.write(b, pebble.Sync, change{source.Name, stored, next})
}
