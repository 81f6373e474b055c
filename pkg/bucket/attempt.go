package bucket

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// attempt makes a request, by its name in the S3 API, that transfers a body of some size,
// until it succeeds, fails for good, or has been made often enough. Its error says what all attempts together
// did: if one of them may have been applied, then the call may have been, whatever came
// after it.
func (s *Store) attempt(ctx context.Context, operation string, size int64, request func(context.Context) error) error {
	var unknown error
	for n := 1; ; n++ {
		err := s.request(ctx, operation, size, request)
		if err == nil || final(err) {
			return err
		}
		if err = s.explain(err); !errors.Is(err, stream.ErrNotApplied) && !errors.Is(err, stream.ErrRejected) {
			unknown = err
		}
		if errors.Is(err, stream.ErrRejected) || n == s.Attempts || !s.pause(ctx, n) {
			return together(unknown, err)
		}
	}
}

// together is the error of a call whose last attempt failed with last. The text
// of last is kept, but not what it promises, if an earlier attempt is unknown.
func together(unknown, last error) error {
	if unknown == nil || unknown == last {
		return last
	}
	return fmt.Errorf("%w; then: %v", unknown, last)
}

// maxBody is the largest object that one request can put, in both stores.
const maxBody = 5 << 30

// request gives one request its deadline, and notes it in the usage of ctx.
func (s *Store) request(ctx context.Context, operation string, size int64, request func(context.Context) error) error {
	transfer := float64(min(size, maxBody)) / float64(s.Rate)
	ctx, cancel := context.WithTimeout(ctx, s.Timeout+time.Duration(transfer*float64(time.Second)))
	defer cancel()
	u, call := stream.UsageOf(ctx), stream.Call{Store: stream.Bucket, Operation: operation}
	u.Begin(call)
	defer u.End(call, 0, 0, 0)
	return request(ctx)
}

// pause waits before attempt n+1; false if ctx ends first.
func (s *Store) pause(ctx context.Context, n int) bool {
	t := time.NewTimer(rand.N(s.Pause << (n - 1)))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
