package embedded

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Owed implements [stream.Works].
func (s *Store) Owed(ctx context.Context, max int) ([]stream.Life, error) {
	var lives []stream.Life
	var unread []error
	works := []byte{areaWorks}
	err := scan(ctx, s.db, works, end(works), func(key, value []byte) (bool, error) {
		life, err := decodeWork(key, value)
		if err != nil {
			unread = append(unread, err)
			return true, nil
		}
		lives = append(lives, life)
		return len(lives) < max, nil
	})
	return lives, errors.Join(append(unread, err)...)
}

// Unsettled implements [stream.Works].
func (s *Store) Unsettled(_ context.Context, life stream.Life) (bool, error) {
	_, found, err := get(s.db, workKey(life.Incarnation))
	return found, err
}

// Settle implements [stream.Works]. It is not synced: a work that comes back is
// done again.
func (s *Store) Settle(_ context.Context, life stream.Life) error {
	return s.db.Delete(workKey(life.Incarnation), pebble.NoSync)
}

// Cursor implements [stream.Cursors].
func (s *Store) Cursor(_ context.Context, key string) (string, error) {
	value, found, err := get(s.db, cursorKey(key))
	if err != nil || !found {
		return "", err
	}
	return decodeText(value, "cursor")
}

// SetCursor implements [stream.Cursors].
func (s *Store) SetCursor(_ context.Context, key, value string) error {
	return s.db.Set(cursorKey(key), encodeText(value), pebble.Sync)
}
