package eventsource

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// Streams is what a mapping needs of the DynamoDB Streams API;
// [*dynamodbstreams.Client] has it.
type Streams interface {
	DescribeStream(context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error)
	GetShardIterator(context.Context, *dynamodbstreams.GetShardIteratorInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error)
	GetRecords(context.Context, *dynamodbstreams.GetRecordsInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error)
}

// Invoker runs a function with an event, and returns what the function returned.
// An error means that the function failed, for whatever reason. It must return
// soon after ctx has ended, and is called by one goroutine for each shard.
type Invoker interface {
	Invoke(ctx context.Context, payload []byte) (result []byte, err error)
}

// Unlimited is the value of limits that are not to be.
const Unlimited = -1

// Config are the settings of a mapping. Their names are those of Lambda's API.
type Config struct {
	// StreamARN is the table's LatestStreamArn.
	StreamARN string
	// StartingPosition is TRIM_HORIZON (all that the stream has) or LATEST (what
	// comes after the mapping has begun).
	StartingPosition types.ShardIteratorType
	// BatchSize is how many records an event has at most, 1 to 10,000.
	BatchSize int
	// MaximumBatchingWindow is how long records wait for others to fill their batch,
	// at most five minutes. 0 means not at all.
	MaximumBatchingWindow time.Duration
	// Filters are patterns; a record is delivered if one of them matches it, or if
	// there are none. See [CompilePattern].
	Filters []string
	// MaximumRetryAttempts is how often a failed batch is tried again before it is
	// given up, or Unlimited.
	MaximumRetryAttempts int
	// MaximumRecordAge is how old a record may be when it is delivered, or
	// Unlimited. Older ones are given up.
	MaximumRecordAge time.Duration
	// BisectBatchOnFunctionError splits a failed batch in two before it is retried.
	// A split is not counted as an attempt.
	BisectBatchOnFunctionError bool
	// ReportBatchItemFailures lets the function say in its result which records
	// failed. It is retried from the first of those on.
	ReportBatchItemFailures bool
	// OnFailure is told of records that are given up; nil means nobody is. The shard
	// waits for it.
	OnFailure func(Failure)
	// Logger receives what goes wrong; nil discards it.
	Logger *slog.Logger
	// Jitter returns a number in [0, 1) that spreads retries; nil means a random one.
	Jitter func() float64
}

// DefaultConfig returns Lambda's defaults for a stream: batches of 100, no window,
// no filter, retried without limit.
func DefaultConfig(streamARN string, from types.ShardIteratorType) Config {
	return Config{
		StreamARN:            streamARN,
		StartingPosition:     from,
		BatchSize:            100,
		MaximumRetryAttempts: Unlimited,
		MaximumRecordAge:     Unlimited,
	}
}

func (c *Config) check() error {
	switch {
	case c.StreamARN == "":
		return fmt.Errorf("eventsource: StreamARN is missing; it is the table's LatestStreamArn")
	case c.StartingPosition != types.ShardIteratorTypeTrimHorizon && c.StartingPosition != types.ShardIteratorTypeLatest:
		return fmt.Errorf("eventsource: StartingPosition is %q; it must be TRIM_HORIZON or LATEST", c.StartingPosition)
	case c.BatchSize < 1 || c.BatchSize > 10_000:
		return fmt.Errorf("eventsource: BatchSize is %d; it must be 1 to 10000", c.BatchSize)
	case c.MaximumBatchingWindow < 0 || c.MaximumBatchingWindow > 5*time.Minute:
		return fmt.Errorf("eventsource: MaximumBatchingWindow is %v; it must be 0 to 5m", c.MaximumBatchingWindow)
	case c.MaximumRetryAttempts < Unlimited || c.MaximumRetryAttempts > 10_000:
		return fmt.Errorf("eventsource: MaximumRetryAttempts is %d; it must be 0 to 10000, or -1 for no limit", c.MaximumRetryAttempts)
	case c.MaximumRecordAge != Unlimited && c.MaximumRecordAge < time.Minute:
		return fmt.Errorf("eventsource: MaximumRecordAge is %v; it must be a minute or more, or -1 for no limit", c.MaximumRecordAge)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	return nil
}
