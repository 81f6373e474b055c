package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Client is what the driver uses of the SDK's *dynamodb.Client, so that tests can
// count, delay and break its calls.
type Client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
	BatchWriteItem(context.Context, *dynamodb.BatchWriteItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Options are what a [Store] is given from outside.
type Options struct {
	// Table is the name of a table as [Table] defines it.
	Table string
	// CollectAfter is how long an ended life's data is left alone, so that no write
	// under way puts anything after it was discarded. It must be longer than any
	// write can take; see [stream.Driver].
	CollectAfter time.Duration
	// RetireAfter is how long chunks and staged items can still be read after
	// [stream.Chunks.Retire]; 0 means a day. It must be longer than any reader goes on
	// with a head that it read.
	RetireAfter time.Duration
	// Now is the clock of CollectAfter, of RetireAfter and of tombstones; nil means
	// time.Now.
	Now func() time.Time
}

// Store implements [stream.Driver]. It holds no state but its settings, and is safe
// for concurrent use.
type Store struct {
	client Client
	Options
}

var _ stream.Driver = (*Store)(nil)

// New returns a driver. It makes no request. What its calls take is noted in the
// [stream.Usage] of their contexts, if there is one.
func New(c Client, o Options) (*Store, error) {
	if o.Table == "" {
		return nil, errors.New("dynamo: no table name")
	}
	if o.RetireAfter == 0 {
		o.RetireAfter = retireAfter
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Store{client: counted{c}, Options: o}, nil
}

// Limits adapts the core's limits to what a write costs here. docs/performance.md
// has the tables that they were chosen by.
func Limits(l stream.Limits) stream.Limits {
	l.FlushSize, l.FlushCount = unit, 64
	l.BufferSize, l.BufferCount = 48<<10, 256
	l.StageSize = 2 << 10
	l.PartSize, l.ObjectSize = 1<<20, 16<<10
	l.Producers = min(l.Producers, maxProducers)
	return l
}

// unit is what one write unit pays for, in bytes.
const unit = 1024

// maxProducers keeps an item with many producers far below its limit of 400 KB.
const maxProducers = 256

// once is the retry policy of all writes. Repeating one is a decision of the core:
// an SDK that does it by itself may meet its own earlier success and report it as a
// refusal, which would be a lie ([stream.Driver]). Reads keep the client's policy.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// head reads the item of a name, which may be a tombstone.
func (s *Store) head(ctx context.Context, name string, c stream.Consistency) (item, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &s.Table,
		Key:            headKey(name),
		ConsistentRead: aws.Bool(bool(c)),
	})
	if err != nil {
		return nil, classify(err)
	}
	return out.Item, nil
}

// page returns the first page of a query that is not empty, or the last one: an
// empty page does not mean that there is nothing behind it.
func (s *Store) page(ctx context.Context, in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
	for {
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return nil, classify(err)
		}
		if len(out.Items) > 0 || out.LastEvaluatedKey == nil {
			return out, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// update makes one conditional write of a head, and returns the item after it. If
// the condition did not hold, the error is a refusal with the head as it is.
func (s *Store) update(ctx context.Context, name string, e *expression) (item, error) {
	out, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                           &s.Table,
		Key:                                 headKey(name),
		ConditionExpression:                 e.condition(),
		UpdateExpression:                    e.update(),
		ExpressionAttributeNames:            e.names,
		ExpressionAttributeValues:           e.values,
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, once)
	if err != nil {
		return nil, refusal(err)
	}
	return out.Attributes, nil
}

// refusal turns a failed condition into the core's refusal. Other errors are
// classified.
func refusal(err error) error {
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return classify(err)
	}
	return refusedOn(failed.Item)
}

// refusedOn is the refusal of a write whose condition did not hold on an item.
func refusedOn(it item) error {
	h, err := decodeHead(it)
	if err != nil {
		return fmt.Errorf("%w: the condition did not hold, and the head cannot be read: %w", stream.ErrRejected, err)
	}
	return &stream.RefusedError{Head: h}
}
