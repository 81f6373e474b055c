package bucket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// API is what the driver uses of the S3 API. [*s3.Client] implements it.
type API interface {
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
	DeleteObjects(context.Context, *s3.DeleteObjectsInput, ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error)
}

var _ API = (*s3.Client)(nil)

// Options bound what a call may take.
type Options struct {
	// Timeout is the deadline of one request, without the transfer of its body.
	Timeout time.Duration
	// Rate (bytes a second) is how slowly a body may be transferred: its size moves
	// the deadline. A read to the end of an object, whose size nobody knows before the
	// answer, has Timeout alone.
	Rate int64
	// Attempts is how often a request is made at most before the call fails. All
	// requests are safe to repeat.
	Attempts int
	// Pause is the longest wait before the second attempt; it doubles with every
	// further one. Waits are random, up to that, so that callers who failed
	// together do not return together.
	Pause time.Duration
}

// DefaultOptions suit functions: three attempts, each of which has 11 seconds for a
// body of 1 MiB, as those have that answer a client, and 74 for a segment of 64 MiB.
func DefaultOptions() Options {
	return Options{Timeout: 10 * time.Second, Rate: 1 << 20, Attempts: 3, Pause: 100 * time.Millisecond}
}

// Store implements [stream.Objects] in a bucket.
type Store struct {
	api    API
	bucket string
	Options
}

var _ stream.Objects = (*Store)(nil)

// New returns a store in a bucket. It makes no request.
func New(api API, bucket string, o Options) (*Store, error) {
	switch {
	case bucket == "":
		return nil, errors.New("bucket: no bucket name")
	case o.Timeout <= 0 || o.Rate < 1 || o.Attempts < 1 || o.Pause <= 0:
		return nil, fmt.Errorf("bucket: timeout %v, rate %d, attempts %d and pause %v must be positive", o.Timeout, o.Rate, o.Attempts, o.Pause)
	}
	return &Store{api: api, bucket: bucket, Options: o}, nil
}

// once switches off the SDK's repetitions, whatever client was given.
func once(o *s3.Options) { o.Retryer = aws.NopRetryer{} }
