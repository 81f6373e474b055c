package changestream

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

const (
	// ARN is that of every feed.
	ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/simulated/stream/2026-01-01T00:00:00.000"

	// retention is how long a change can be read, iteratorLife how long an iterator is good
	// for: those of DynamoDB.
	retention    = 24 * time.Hour
	iteratorLife = 15 * time.Minute
	// maxPage is how many records one request returns.
	maxPage = 1000
)

// Feed is the change stream of a table. It is safe for concurrent use.
type Feed struct {
	mu       sync.Mutex
	shards   []*shard
	sequence int
	random   *rand.Rand
	share    float64
	quiet    time.Duration
	down     bool
}

// shard has the changes of items whose keys have hashes from low up to high.
type shard struct {
	id, parent string
	low, high  uint64
	records    []types.Record
	closed     time.Time // zero: open
}

// NewFeed returns a feed with so many shards. A share of all requests fails, and a request
// that finds nothing takes up to quiet, so that changes are seen late. What it does at
// random follows from the seed and the order of its calls.
func NewFeed(seed uint64, shards int, share float64, quiet time.Duration) *Feed {
	f := &Feed{random: rand.New(rand.NewPCG(seed, 0)), share: share, quiet: quiet}
	width := ^uint64(0)/uint64(shards) + 1
	for i := range shards {
		f.add("", width*uint64(i), width*uint64(i+1)-1)
	}
	return f
}

func (f *Feed) add(parent string, low, high uint64) {
	f.shards = append(f.shards, &shard{id: fmt.Sprintf("shard-%04d", len(f.shards)), parent: parent, low: low, high: high})
}

// Down lets all requests fail, or work again.
func (f *Feed) Down(is bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = is
}

// Reshard closes one of the open shards, as happens every few hours. It is continued by
// another one, or by two with half of its keys each.
func (f *Feed) Reshard() {
	f.mu.Lock()
	defer f.mu.Unlock()
	var open []*shard
	for _, s := range f.shards {
		if s.closed.IsZero() {
			open = append(open, s)
		}
	}
	s := open[f.random.IntN(len(open))]
	s.closed = time.Now()
	if f.random.IntN(2) == 0 {
		f.add(s.id, s.low, s.high)
		return
	}
	middle := s.low + (s.high-s.low)/2
	f.add(s.id, s.low, middle)
	f.add(s.id, middle+1, s.high)
}

// Put adds the change of an item to the shard that has its key.
func (f *Feed) Put(key string, change types.StreamRecord) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := fnv.New64a()
	h.Write([]byte(key))
	hash := h.Sum64()
	for _, s := range f.shards {
		if s.closed.IsZero() && s.low <= hash && hash <= s.high {
			f.sequence++
			change.SequenceNumber = aws.String(strconv.Itoa(f.sequence))
			change.ApproximateCreationDateTime = aws.Time(time.Now().Truncate(time.Second))
			s.records = append(s.records, types.Record{
				EventID: change.SequenceNumber, EventName: types.OperationTypeModify, EventVersion: aws.String("1.1"),
				AwsRegion: aws.String("us-east-1"), Dynamodb: &change,
			})
			return
		}
	}
	panic("changestream: the open shards do not have all keys")
}

// trouble lets a request take some time, and perhaps fail.
func (f *Feed) trouble(ctx context.Context, errors ...error) error {
	f.mu.Lock()
	down, fails, which := f.down, f.random.Float64() < f.share, f.random.IntN(len(errors))
	f.mu.Unlock()
	// Without it whoever tries again and again would do so for ever in one moment.
	if err := sleep(ctx, 10*time.Millisecond); err != nil {
		return err
	}
	switch {
	case down:
		return errInternal
	case fails:
		return errors[which]
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// trimmed is how many records of the shard, from the first on, cannot be read any more.
func (s *shard) trimmed() int {
	n := 0
	for n < len(s.records) && time.Since(*s.records[n].Dynamodb.ApproximateCreationDateTime) > retention {
		n++
	}
	return n
}

// gone reports whether the shard is not listed any more.
func (s *shard) gone() bool { return !s.closed.IsZero() && time.Since(s.closed) > retention }
