package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ownerObject is the object that says to which store the others belong.
const ownerObject = "owner"

// errForeign says that objects are not this store's. What the sweep does not know in a
// store of objects it removes, so it must not look at another's.
var errForeign = errors.New("the objects belong to another table: give each one a bucket of its own")

// own makes sure that the objects are this store's ([Options.Owner]), by their mark. The
// first sweep of a store makes it, if all objects that there are so far, or the first of
// them, are of streams that live. Cost: one read; for the first sweep a list, a put, and
// a read of each of those streams' heads.
func (s *sweep) own(ctx context.Context) error {
	if s.owner == "" {
		return nil
	}
	mark, err := s.objects.Object(ctx, ownerObject, 0, -1)
	switch {
	case err == nil && string(mark) == s.owner:
		return nil
	case err == nil:
		return fmt.Errorf("%w (%q has the mark %q; this is %q)", errForeign, ownerObject, mark, s.owner)
	case !errors.Is(err, ErrNoItem):
		return err
	}
	keys, err := s.objects.ListObjects(ctx, objectRoot, "", objectsPart)
	if err != nil {
		return err
	}
	for _, key := range keys {
		o, ok := ParseObjectKey(key)
		if !ok {
			continue
		}
		known, err := s.life(ctx, o.Life)
		if err != nil {
			return err
		}
		if known == nil {
			return fmt.Errorf("%w; if it has one, and this is its first sweep, put %q into its object %q as docs/operations.md shows (no stream is known for %s)", errForeign, s.owner, ownerObject, key)
		}
	}
	body := io.NewSectionReader(strings.NewReader(s.owner), 0, int64(len(s.owner)))
	err = s.retry(ctx, func() error { return s.objects.PutObject(ctx, ownerObject, body) })
	if errors.Is(err, ErrObjectExists) {
		return errForeign
	}
	return err
}
