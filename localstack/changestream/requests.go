package changestream

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

var (
	errInternal  = &types.InternalServerError{Message: aws.String("simulated")}
	errThrottled = &types.LimitExceededException{Message: aws.String("simulated")}
	errExpired   = &types.ExpiredIteratorException{Message: aws.String("simulated")}
	errTrimmed   = &types.TrimmedDataAccessException{Message: aws.String("simulated")}
	errNoShard   = &types.ResourceNotFoundException{Message: aws.String("simulated")}
)

// DescribeStream lists all shards that are left.
func (f *Feed) DescribeStream(ctx context.Context, _ *dynamodbstreams.DescribeStreamInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error) {
	if err := f.trouble(ctx, errInternal, errThrottled); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out := &types.StreamDescription{StreamArn: aws.String(ARN)}
	for _, s := range f.shards {
		if s.gone() {
			continue
		}
		listed := types.Shard{ShardId: aws.String(s.id)}
		if s.parent != "" {
			listed.ParentShardId = aws.String(s.parent)
		}
		out.Shards = append(out.Shards, listed)
	}
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: out}, nil
}

// GetShardIterator returns where to read a shard.
func (f *Feed) GetShardIterator(ctx context.Context, in *dynamodbstreams.GetShardIteratorInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error) {
	if err := f.trouble(ctx, errInternal); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.shard(*in.ShardId)
	if s == nil {
		return nil, errNoShard
	}
	at := s.trimmed()
	switch in.ShardIteratorType {
	case types.ShardIteratorTypeTrimHorizon:
	case types.ShardIteratorTypeLatest:
		at = len(s.records)
	case types.ShardIteratorTypeAfterSequenceNumber:
		i := slices.IndexFunc(s.records, func(r types.Record) bool { return *r.Dynamodb.SequenceNumber == *in.SequenceNumber })
		if i+1 < at {
			return nil, errTrimmed
		}
		at = i + 1
	default:
		return nil, fmt.Errorf("changestream: no iterators of the type %s", in.ShardIteratorType)
	}
	return &dynamodbstreams.GetShardIteratorOutput{ShardIterator: iterator(s, at)}, nil
}

// iterator says where in a shard to read, and when it was given out.
func iterator(s *shard, at int) *string {
	return aws.String(fmt.Sprintf("%s %d %d", s.id, at, time.Now().UnixNano()))
}

func (f *Feed) shard(id string) *shard {
	for _, s := range f.shards {
		if s.id == id && !s.gone() {
			return s
		}
	}
	return nil
}

// GetRecords returns some of what comes next in a shard.
func (f *Feed) GetRecords(ctx context.Context, in *dynamodbstreams.GetRecordsInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error) {
	if err := f.trouble(ctx, errInternal, errThrottled, errExpired); err != nil {
		return nil, err
	}
	out, wait, err := f.records(*in.ShardIterator)
	if err != nil || wait == 0 {
		return out, err
	}
	return out, sleep(ctx, wait)
}

// records returns what GetRecords does, and how long that takes.
func (f *Feed) records(token string) (*dynamodbstreams.GetRecordsOutput, time.Duration, error) {
	var id string
	var at int
	var issued int64
	if _, err := fmt.Sscan(token, &id, &at, &issued); err != nil {
		return nil, 0, fmt.Errorf("changestream: iterator %s: %w", strconv.Quote(token), err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.shard(id)
	switch {
	case s == nil:
		return nil, 0, errNoShard
	case time.Since(time.Unix(0, issued)) > iteratorLife:
		return nil, 0, errExpired
	case at < s.trimmed():
		return nil, 0, errTrimmed
	}
	out := &dynamodbstreams.GetRecordsOutput{}
	if left := len(s.records) - at; left > 0 {
		n := 1 + f.random.IntN(min(left, maxPage))
		out.Records = slices.Clone(s.records[at : at+n])
		at += n
	}
	if at < len(s.records) || s.closed.IsZero() {
		out.NextShardIterator = iterator(s, at)
	}
	var wait time.Duration
	if len(out.Records) == 0 && out.NextShardIterator != nil && f.quiet > 0 {
		wait = time.Duration(f.random.Int64N(int64(f.quiet)))
	}
	return out, wait, nil
}
