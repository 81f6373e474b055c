package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Object implements [stream.Objects]. A body that does not arrive whole and
// unaltered is asked for again.
func (s *Store) Object(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	if err := stream.CheckObjectKey(key); err != nil {
		return nil, err
	}
	if err := stream.CheckObjectRange(offset, n); err != nil {
		return nil, err
	}
	var body []byte
	err := s.attempt(ctx, func(ctx context.Context) error {
		in := &s3.GetObjectInput{Bucket: aws.String(s.bucket), Key: aws.String(key), Range: byteRange(offset, n)}
		out, err := s.api.GetObject(ctx, in, once)
		if err != nil {
			return err
		}
		body, err = read(out, offset, n)
		return err
	})
	switch {
	case err == nil:
		return body, nil
	case missing(err):
		return nil, fmt.Errorf("%w: object %s in bucket %s", stream.ErrNoItem, key, s.bucket)
	case status(err) == http.StatusRequestedRangeNotSatisfiable:
		return nil, fmt.Errorf("object %s has no offset %d: %w", key, offset, err)
	default:
		return nil, fmt.Errorf("read object %s: %w", key, err)
	}
}

// byteRange is the value of the Range header, nil for the whole object.
func byteRange(offset, n int64) *string {
	switch {
	case n > 0:
		return aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+n-1))
	case offset > 0:
		return aws.String(fmt.Sprintf("bytes=%d-", offset))
	default:
		return nil
	}
}

// read returns the body of an answer if it is exactly what was asked for.
func read(out *s3.GetObjectOutput, offset, n int64) (body []byte, err error) {
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	want, size, err := extent(out, offset, n)
	if err != nil {
		return nil, err
	}
	body = make([]byte, want)
	if got, err := io.ReadFull(out.Body, body); err != nil {
		return nil, fmt.Errorf("the body ends after %d of %d bytes: %w", got, want, err)
	}
	// The end is read too: some failures of a transfer show only there.
	if extra, err := io.ReadFull(out.Body, make([]byte, 1)); extra > 0 || !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the body does not end after %d bytes: %w", want, err)
	}
	if want < size {
		return body, nil
	}
	if got, stored := crc32c(body), out.Metadata[checksum]; got != stored {
		return nil, fmt.Errorf("the body's CRC32C is %s, that of the object %q", got, stored)
	}
	return body, nil
}

// extent returns how long the body of an answer has to be, and the size of the
// object. It trusts no answer that is for another range.
func extent(out *s3.GetObjectOutput, offset, n int64) (want, size int64, err error) {
	length := aws.ToInt64(out.ContentLength)
	if out.ContentLength == nil || length < 0 {
		return 0, 0, errors.New("the answer has no length")
	}
	if byteRange(offset, n) == nil {
		if out.ContentRange != nil {
			return 0, 0, fmt.Errorf("the answer is the range %q of the whole object", *out.ContentRange)
		}
		return length, length, nil
	}
	var first, last int64
	text := aws.ToString(out.ContentRange)
	if _, err := fmt.Sscanf(text, "bytes %d-%d/%d", &first, &last, &size); err != nil {
		return 0, 0, fmt.Errorf("the answer has the range %q: %w", text, err)
	}
	if n < 0 {
		n = size - offset
	}
	switch {
	case offset+n > size:
		return 0, 0, fmt.Errorf("%w: %d bytes from offset %d on of an object of %d", stream.ErrRejected, n, offset, size)
	case first != offset || last != offset+n-1 || length != n:
		return 0, 0, fmt.Errorf("the answer is the range %q of %d bytes, not %d bytes from offset %d on", text, length, n, offset)
	}
	return n, size, nil
}
