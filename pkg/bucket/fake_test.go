package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
)

// answer is an error as the SDK returns it for an answer of the store.
func answer(status int, code string) error {
	return &smithy.OperationError{ServiceID: "S3", OperationName: "Op", Err: &awshttp.ResponseError{
		RequestID: "1",
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
			Err:      &smithy.GenericAPIError{Code: code, Message: "message of " + code},
		},
	}}
}

// reset is an error of a connection that broke while it was used.
var reset = &smithy.OperationError{ServiceID: "S3", Err: &smithyhttp.RequestSendError{Err: io.ErrUnexpectedEOF}}

// fault is what happens to one request: nothing, or an error before or after it
// is applied.
type fault struct {
	err     error
	applied bool
}

// fake is a bucket in memory whose requests fail as they are told to.
type fake struct {
	t testing.TB

	mu      sync.Mutex
	objects map[string]stored
	// deadlines are how long these may take.
	deadlines []time.Duration
	// faults happen to the next requests, one each.
	faults []fault
	// requests are the names of those made so far.
	requests []string

	// get, list and delete alter answers.
	get    func(*s3.GetObjectOutput)
	list   func(*s3.ListObjectsV2Output)
	delete func(keys []string) (rest []string, failed []types.Error)
}

type stored struct {
	body     []byte
	metadata map[string]string
}

func newFake(t testing.TB, faults ...fault) *fake {
	return &fake{t: t, objects: make(map[string]stored), faults: faults}
}

// do is one request: apply is what it does if it gets there.
func (f *fake) do(ctx context.Context, name, bucketName string, opts []func(*s3.Options), apply func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, name)
	if bucketName != "b" {
		f.t.Errorf("%s: bucket %q", name, bucketName)
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		f.t.Errorf("%s: no deadline", name)
	}
	f.deadlines = append(f.deadlines, time.Until(deadline))
	var o s3.Options
	for _, opt := range opts {
		opt(&o)
	}
	if o.Retryer == nil || o.Retryer.MaxAttempts() != 1 {
		f.t.Errorf("%s: the SDK may repeat it by itself", name)
	}
	var now fault
	if len(f.faults) > 0 {
		now, f.faults = f.faults[0], f.faults[1:]
	}
	if now.err != nil && !now.applied {
		return f.failed(ctx, now.err)
	}
	err := apply()
	if now.err != nil {
		return f.failed(ctx, now.err)
	}
	return err
}

// errHangs is a fault of a request that is not answered before its deadline.
var errHangs = errors.New("errHangs")

func (f *fake) failed(ctx context.Context, err error) error {
	if err != errHangs {
		return err
	}
	<-ctx.Done()
	return &smithy.OperationError{ServiceID: "S3", Err: &aws.RequestCanceledError{Err: ctx.Err()}}
}

func (f *fake) PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	err := f.do(ctx, "put", *in.Bucket, opts, func() error {
		body, err := io.ReadAll(in.Body)
		if err != nil {
			return &smithy.OperationError{ServiceID: "S3", Err: &smithyhttp.RequestSendError{Err: errors.New("the body ended early")}}
		}
		if int64(len(body)) != *in.ContentLength {
			f.t.Errorf("put: %d bytes of %d", len(body), *in.ContentLength)
		}
		if aws.ToString(in.IfNoneMatch) != "*" {
			f.t.Error("put: without a condition")
		}
		if _, found := f.objects[*in.Key]; found {
			return answer(http.StatusPreconditionFailed, "PreconditionFailed")
		}
		f.objects[*in.Key] = stored{body, in.Metadata}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &s3.PutObjectOutput{}, nil
}

func (f *fake) GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	var out *s3.GetObjectOutput
	err := f.do(ctx, "get", *in.Bucket, opts, func() error {
		object, found := f.objects[*in.Key]
		if !found {
			return answer(http.StatusNotFound, "NoSuchKey")
		}
		body, size := object.body, int64(len(object.body))
		out = &s3.GetObjectOutput{Metadata: object.metadata}
		if in.Range != nil {
			first, last := int64(0), size-1
			if n, _ := fmt.Sscanf(*in.Range, "bytes=%d-%d", &first, &last); n == 0 {
				f.t.Errorf("range %q", *in.Range)
			}
			if first >= size {
				return answer(http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			}
			last = min(last, size-1)
			body = body[first : last+1]
			out.ContentRange = aws.String(fmt.Sprintf("bytes %d-%d/%d", first, last, size))
		}
		out.ContentLength, out.Body = aws.Int64(int64(len(body))), io.NopCloser(bytes.NewReader(body))
		if f.get != nil {
			f.get(out)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (f *fake) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, opts ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	out := &s3.ListObjectsV2Output{IsTruncated: aws.Bool(false)}
	err := f.do(ctx, "list", *in.Bucket, opts, func() error {
		after := max(aws.ToString(in.StartAfter), aws.ToString(in.ContinuationToken))
		for _, key := range slices.Sorted(maps.Keys(f.objects)) {
			if key <= after || !strings.HasPrefix(key, aws.ToString(in.Prefix)) {
				continue
			}
			if len(out.Contents) == int(*in.MaxKeys) {
				out.IsTruncated, out.NextContinuationToken = aws.Bool(true), out.Contents[len(out.Contents)-1].Key
				break
			}
			out.Contents = append(out.Contents, types.Object{Key: aws.String(key)})
		}
		if f.list != nil {
			f.list(out)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (f *fake) DeleteObjects(ctx context.Context, in *s3.DeleteObjectsInput, opts ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error) {
	out := &s3.DeleteObjectsOutput{}
	err := f.do(ctx, "delete", *in.Bucket, opts, func() error {
		var keys []string
		for _, o := range in.Delete.Objects {
			keys = append(keys, *o.Key)
		}
		if len(keys) == 0 || len(keys) > 1000 {
			f.t.Errorf("delete: %d keys", len(keys))
		}
		if f.delete != nil {
			keys, out.Errors = f.delete(keys)
		}
		for _, key := range keys {
			delete(f.objects, key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// store is a store on the fake with the options of production.
func (f *fake) store() *bucket.Store {
	s, err := bucket.New(f, "b", bucket.DefaultOptions())
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// wantRequests checks what was requested.
func (f *fake) wantRequests(want ...string) {
	f.t.Helper()
	if !slices.Equal(f.requests, want) {
		f.t.Errorf("requests %v, want %v", f.requests, want)
	}
}
