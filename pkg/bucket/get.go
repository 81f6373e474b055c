package bucket

import (
	"context"
	"errors"
	"fmt"
	"hash"
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
	err := s.get(ctx, key, offset, n, max(n, 0), func(a *answer) (err error) { body, err = a.all(); return err })
	if err != nil {
		return nil, err
	}
	return body, nil
}

// get asks for a range of an object, of about some size, until take has taken the
// answer's body without an error.
func (s *Store) get(ctx context.Context, key string, offset, n, size int64, take func(*answer) error) error {
	err := s.attempt(ctx, "GetObject", size, func(ctx context.Context) (err error) {
		in := &s3.GetObjectInput{Bucket: aws.String(s.bucket), Key: aws.String(key), Range: byteRange(offset, n)}
		out, err := s.api.GetObject(ctx, in, once)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, out.Body.Close()) }()
		a, err := newAnswer(out, offset, n)
		if err != nil {
			return err
		}
		return take(a)
	})
	switch {
	case err == nil:
		return nil
	case missing(err):
		return fmt.Errorf("%w: object %s in bucket %s", stream.ErrNoItem, key, s.bucket)
	case status(err) == http.StatusRequestedRangeNotSatisfiable:
		return fmt.Errorf("object %s has no offset %d: %w", key, offset, err)
	default:
		return fmt.Errorf("read object %s: %w", key, err)
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

// answer is the body of an answer on its way. It is exactly what was asked for if next
// has read all of it, and end finds nothing wrong.
type answer struct {
	*s3.GetObjectOutput
	// size is how long the body has to be, read how much of it was.
	size, read int64
	// sum is the CRC32C of what was read, nil unless the body is the whole object.
	sum hash.Hash32
}

func newAnswer(out *s3.GetObjectOutput, offset, n int64) (*answer, error) {
	want, size, err := extent(out, offset, n)
	if err != nil {
		return nil, err
	}
	a := &answer{GetObjectOutput: out, size: want}
	if want == size {
		a.sum = newSum()
	}
	return a, nil
}

// next fills part with the bytes that follow.
func (a *answer) next(part []byte) error {
	n, err := io.ReadFull(a.Body, part)
	a.read += int64(n)
	if err != nil {
		return fmt.Errorf("the body ends after %d of %d bytes: %w", a.read, a.size, err)
	}
	if a.sum != nil {
		a.sum.Write(part)
	}
	return nil
}

// end checks what only shows after the last byte. Some failures of a transfer are among
// that.
func (a *answer) end() error {
	if extra, err := io.ReadFull(a.Body, make([]byte, 1)); extra > 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("the body does not end after %d bytes: %w", a.size, err)
	}
	if a.sum == nil {
		return nil
	}
	if got, stored := text(a.sum), a.Metadata[checksum]; got != stored {
		return fmt.Errorf("the body's CRC32C is %s, that of the object %q", got, stored)
	}
	return nil
}

// all returns the body.
func (a *answer) all() ([]byte, error) {
	body := make([]byte, a.size)
	if err := a.next(body); err != nil {
		return nil, err
	}
	return body, a.end()
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
