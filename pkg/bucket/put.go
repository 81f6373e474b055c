package bucket

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// checksum names the metadata that holds the CRC32C of an object's body.
const checksum = "crc32c"

func crc32c(body []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}

// PutObject implements [stream.Objects].
func (s *Store) PutObject(ctx context.Context, key string, body []byte) error {
	if err := stream.CheckObjectKey(key); err != nil {
		return err
	}
	sum := crc32c(body)
	err := s.attempt(ctx, func(ctx context.Context) error {
		_, err := s.api.PutObject(ctx, &s3.PutObjectInput{
			Bucket:        aws.String(s.bucket),
			Key:           aws.String(key),
			Body:          bytes.NewReader(body),
			ContentLength: aws.Int64(int64(len(body))),
			// A type that nothing between us and the store compresses or rewrites.
			ContentType: aws.String("application/octet-stream"),
			IfNoneMatch: aws.String("*"),
			Metadata:    map[string]string{checksum: sum},
		}, once)
		return err
	})
	if exists(err) {
		return s.same(ctx, key, body)
	}
	return err
}

// same returns nil if body is what is stored under key: then an attempt of this
// call stored it whose answer was lost, or another call did.
func (s *Store) same(ctx context.Context, key string, body []byte) error {
	stored, err := s.Object(ctx, key, 0, -1)
	switch {
	case err != nil:
		// It may be ours, or be deleted by now: nobody knows what this call did.
		return fmt.Errorf("bucket %s: object %s exists, and could not be compared: %v", s.bucket, key, err)
	case !bytes.Equal(stored, body):
		return fmt.Errorf("%w: %s in bucket %s, %d bytes", stream.ErrObjectExists, key, s.bucket, len(stored))
	}
	return nil
}
