package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Objects implements [stream.Objects]. Its zero value is an empty store. Each call
// is one critical section, so every operation is linearizable.
type Objects struct {
	mu     sync.Mutex
	bodies map[string][]byte
}

var _ stream.Objects = (*Objects)(nil)

// PutObject implements [stream.Objects].
func (o *Objects) PutObject(_ context.Context, key string, section *io.SectionReader) error {
	if err := stream.CheckObjectKey(key); err != nil {
		return err
	}
	body := make([]byte, section.Size())
	if n, err := section.ReadAt(body, 0); n < len(body) {
		return fmt.Errorf("object %s: %d bytes of a body of %d can be read: %w", key, n, len(body), err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	stored, found := o.bodies[key]
	switch {
	case !found:
		if o.bodies == nil {
			o.bodies = make(map[string][]byte)
		}
		o.bodies[key] = body
		return nil
	case bytes.Equal(stored, body):
		return nil
	default:
		return fmt.Errorf("%w: %s", stream.ErrObjectExists, key)
	}
}

// Object implements [stream.Objects].
func (o *Objects) Object(_ context.Context, key string, offset, n int64) ([]byte, error) {
	if err := stream.CheckObjectKey(key); err != nil {
		return nil, err
	}
	if err := stream.CheckObjectRange(offset, n); err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	body, found := o.bodies[key]
	if !found {
		return nil, fmt.Errorf("%w: object %s", stream.ErrNoItem, key)
	}
	size := int64(len(body))
	if offset > 0 && offset >= size || offset+n > size {
		return nil, fmt.Errorf("%w: %d bytes from offset %d on of object %s, which has %d", stream.ErrRejected, n, offset, key, size)
	}
	if n < 0 {
		n = size - offset
	}
	return body[offset : offset+n : offset+n], nil
}

// ListObjects implements [stream.Objects].
func (o *Objects) ListObjects(_ context.Context, prefix, after string, max int) ([]string, error) {
	if err := stream.CheckObjectList(prefix, after, max); err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.list(prefix, after, max), nil
}

func (o *Objects) list(prefix, after string, max int) (keys []string) {
	for _, key := range slices.Sorted(maps.Keys(o.bodies)) {
		if len(keys) == max {
			break
		}
		if strings.HasPrefix(key, prefix) && key > after {
			keys = append(keys, key)
		}
	}
	return keys
}

// RemoveObjects implements [stream.Objects].
func (o *Objects) RemoveObjects(_ context.Context, keys []string) error {
	for _, key := range keys {
		if err := stream.CheckObjectKey(key); err != nil {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, key := range keys {
		delete(o.bodies, key)
	}
	return nil
}

// DiscardObjects implements [stream.Objects].
func (o *Objects) DiscardObjects(_ context.Context, prefix string, max int) (bool, error) {
	if err := stream.CheckObjectDiscard(prefix, max); err != nil {
		return false, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, key := range o.list(prefix, "", max) {
		delete(o.bodies, key)
	}
	return len(o.list(prefix, "", 1)) == 0, nil
}
