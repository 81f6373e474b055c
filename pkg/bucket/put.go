package bucket

import (
	"context"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// PutObject implements [stream.Objects]. The body is read once for its checksum, and
// twice for each attempt: the SDK hashes it before it sends it. Once the SDK returns, it
// reads no more.
func (s *Store) PutObject(ctx context.Context, key string, section *io.SectionReader) error {
	if err := stream.CheckObjectKey(key); err != nil {
		return err
	}
	body := &upload{section: section}
	sum, err := body.sum()
	if err != nil {
		return fmt.Errorf("object %s: %w", key, err)
	}
	err = s.attempt(ctx, "PutObject", section.Size(), func(ctx context.Context) error {
		_, err := s.api.PutObject(ctx, &s3.PutObjectInput{
			Bucket:        aws.String(s.bucket),
			Key:           aws.String(key),
			Body:          body.reader(),
			ContentLength: aws.Int64(section.Size()),
			// A type that nothing between us and the store compresses or rewrites.
			ContentType: aws.String("application/octet-stream"),
			IfNoneMatch: aws.String("*"),
			Metadata:    map[string]string{checksum: sum},
		}, once)
		if failed := body.failure(); err != nil && failed != nil {
			return failed
		}
		return err
	})
	switch {
	case exists(err):
		return s.same(ctx, key, body)
	case ofBody(err):
		return fmt.Errorf("object %s: %w", key, err)
	default:
		return err
	}
}

// same returns nil if body is what is stored under key: then an attempt of this
// call stored it whose answer was lost, or another call did.
func (s *Store) same(ctx context.Context, key string, body *upload) error {
	var equal bool
	var size int64
	err := s.get(ctx, key, 0, -1, body.section.Size(), func(a *answer) (err error) {
		size = a.size
		equal, err = body.equals(a)
		return err
	})
	switch {
	case ofBody(err):
		return fmt.Errorf("bucket %s: object %s exists, and could not be compared: %w", s.bucket, key, err)
	case err != nil:
		// It may be ours, or be deleted by now: nobody knows what this call did.
		return fmt.Errorf("bucket %s: object %s exists, and could not be compared: %v", s.bucket, key, err)
	case !equal:
		return fmt.Errorf("%w: %s in bucket %s, %d bytes", stream.ErrObjectExists, key, s.bucket, size)
	}
	return nil
}
