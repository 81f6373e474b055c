package embedded

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// oweNotices adds to what a name owes. The name is locked.
func (s *Store) oweNotices(b *pebble.Batch, name string, more []stream.Notice) error {
	if len(more) == 0 {
		return nil
	}
	owed, err := s.notices(name)
	if err != nil {
		return err
	}
	return b.Set(noticesKey(name), encodeNotices(append(owed, more...)), nil)
}

// notices reads what a name owes.
func (s *Store) notices(name string) ([]stream.Notice, error) {
	value, found, err := get(s.db, noticesKey(name))
	if err != nil || !found {
		return nil, err
	}
	return decodeNotices(value)
}

// Owing implements [stream.Notices].
func (s *Store) Owing(_ context.Context, name string) (stream.Owing, error) {
	owed, err := s.notices(name)
	return stream.Owing{Name: name, Notices: owed}, err
}

// Tell implements [stream.Notices]. Its one batch has the registry's head and entry, and
// the removal of what was owed.
func (s *Store) Tell(ctx context.Context, registry string, next *stream.Head, told []stream.Owing) error {
	names := []string{registry}
	for _, o := range told {
		names = append(names, o.Name)
	}
	defer s.names.lockAll(names...)()
	stored, err := s.updatable(ctx, registry, next)
	if err != nil {
		return err
	}
	b := s.db.NewBatch()
	for _, o := range told {
		owed, err := s.notices(o.Name)
		if err == nil && !stream.Told(owed, o.Notices) {
			err = &stream.OwingError{Name: o.Name}
		}
		if err == nil {
			err = b.Delete(noticesKey(o.Name), nil)
		}
		if err != nil {
			return errors.Join(err, b.Close())
		}
	}
	return s.write(b, pebble.Sync, change{registry, stored, next})
}
