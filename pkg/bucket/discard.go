package bucket

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// DiscardObjects implements [stream.Objects]. The list that shows whether objects
// are gone is also the list of those to be deleted next.
func (s *Store) DiscardObjects(ctx context.Context, prefix string, max int) (bool, error) {
	if err := stream.CheckObjectDiscard(prefix, max); err != nil {
		return false, err
	}
	var gone []string
	for deleted := 0; ; {
		left, err := s.ListObjects(ctx, prefix, "", page)
		if err != nil {
			return false, err
		}
		if err := s.noneOf(gone, left); err != nil {
			return false, err
		}
		if len(left) == 0 {
			return true, nil
		}
		if deleted >= max {
			return false, nil
		}
		gone = left[:min(len(left), max-deleted)]
		if err := s.delete(ctx, gone); err != nil {
			return false, err
		}
		deleted += len(gone)
	}
}

// RemoveObjects implements [stream.Objects].
func (s *Store) RemoveObjects(ctx context.Context, keys []string) error {
	for _, key := range keys {
		if err := stream.CheckObjectKey(key); err != nil {
			return err
		}
	}
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	for some := range slices.Chunk(keys, page) {
		if err := s.delete(ctx, some); err != nil {
			return err
		}
	}
	return s.removed(ctx, keys)
}

// removed makes sure that no object is stored under keys, which are in order. It lists
// from just before the first of them until past the last, and leaves out what is
// between a page and the next key that the page did not reach.
func (s *Store) removed(ctx context.Context, keys []string) error {
	for after := ""; len(keys) > 0; {
		first, last := keys[0], keys[len(keys)-1]
		after = max(after, first[:len(first)-1])
		left, err := s.ListObjects(ctx, commonPrefix(first, last), after, page)
		if err != nil {
			return err
		}
		if err := s.noneOf(keys, left); err != nil {
			return err
		}
		if len(left) < page {
			return nil
		}
		after = left[page-1]
		next, _ := slices.BinarySearch(keys, after)
		keys = keys[next:]
	}
	return nil
}

func commonPrefix(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// noneOf returns an error if a list has one of the keys, which are in order, of objects
// that were deleted.
func (s *Store) noneOf(deleted, listed []string) error {
	for _, key := range listed {
		if _, kept := slices.BinarySearch(deleted, key); kept {
			return fmt.Errorf("bucket %s: object %s is still there after it was deleted", s.bucket, key)
		}
	}
	return nil
}

// delete deletes up to a page of objects. Deleting one that is gone is no error.
func (s *Store) delete(ctx context.Context, keys []string) error {
	objects := make([]types.ObjectIdentifier, len(keys))
	for i, key := range keys {
		objects[i].Key = aws.String(key)
	}
	in := &s3.DeleteObjectsInput{
		Bucket: aws.String(s.bucket),
		// Quiet: only what failed is answered.
		Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)},
	}
	return s.attempt(ctx, "DeleteObjects", 0, func(ctx context.Context) error {
		out, err := s.api.DeleteObjects(ctx, in, once)
		if err != nil || len(out.Errors) == 0 {
			return err
		}
		return s.partly(out.Errors)
	})
}

// partly is the error of a delete that some objects were left out of. It promises
// nothing about the others, so it never says "not applied"; it is rejected if the
// store may not delete at all.
func (s *Store) partly(failed []types.Error) error {
	first := failed[0]
	err := fmt.Errorf("bucket %s: %d objects could not be deleted, the first is %s: %s %s",
		s.bucket, len(failed), aws.ToString(first.Key), aws.ToString(first.Code), aws.ToString(first.Message))
	if c := aws.ToString(first.Code); c == "AccessDenied" {
		return fmt.Errorf("%w: %s: %w", stream.ErrRejected, hints[c], err)
	}
	return err
}
