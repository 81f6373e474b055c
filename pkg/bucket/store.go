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
	// Timeout is the deadline of one request, the transfer of its body included.
	Timeout time.Duration
	// Attempts is how often a request is made at most before the call fails. All
	// requests are safe to repeat.
	Attempts int
	// Pause is the longest wait before the second attempt; it doubles with every
	// further one. Waits are random, up to that, so that callers who failed
	// together do not return together.
	Pause time.Duration
}

// DefaultOptions suit a function that answers a client: three attempts, of which
// even a slow one can transfer 6 MB.
func DefaultOptions() Options {
	return Options{Timeout: 10 * time.Second, Attempts: 3, Pause: 100 * time.Millisecond}
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
	case o.Timeout <= 0 || o.Attempts < 1 || o.Pause <= 0:
		return nil, fmt.Errorf("bucket: timeout %v, attempts %d and pause %v must be positive", o.Timeout, o.Attempts, o.Pause)
	}
	return &Store{api: api, bucket: bucket, Options: o}, nil
}

// once switches off the SDK's repetitions, whatever client was given.
func once(o *s3.Options) { o.Retryer = aws.NopRetryer{} }
