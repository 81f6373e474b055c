package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// counted notes in the [stream.Usage] of a context what each call takes: how many
// requests, how long, and how many units. Where a context carries none, calls pass
// through as they are.
//
// DynamoDB says what a call consumed if it is asked to (ReturnConsumedCapacity). The
// total is enough: it has the indexes in it. Asking makes the answer about 80 bytes
// longer, and no price is named for it. Of a call that failed it says nothing; see
// failed.
type counted struct{ client Client }

// taken is what a call took.
type taken struct {
	requests      int
	reads, writes float64 // RU and WU
}

// note makes a call, and notes what it took.
func note[Out any](ctx context.Context, operation string, ask *types.ReturnConsumedCapacity, call func() (Out, error), took func(Out) taken) (Out, error) {
	u := stream.UsageOf(ctx)
	if u == nil {
		return call()
	}
	*ask = types.ReturnConsumedCapacityTotal
	kind := stream.Call{Store: stream.Table, Operation: operation}
	u.Begin(kind)
	out, err := call()
	var t taken
	if err == nil {
		t = took(out)
	} else {
		t = failed(err)
	}
	u.End(kind, t.requests-1, t.reads, t.writes)
	return out, err
}

// read is what a read took.
func read(m middleware.Metadata, c *types.ConsumedCapacity) taken {
	return taken{requests: attempts(m), reads: units(c)}
}

// written is what a write of one item took.
func written(m middleware.Metadata, c *types.ConsumedCapacity) taken {
	return taken{requests: attempts(m), writes: units(c)}
}

// allWritten is what a write of several items took. There is one entry for each table.
func allWritten(m middleware.Metadata, tables []types.ConsumedCapacity) taken {
	t := taken{requests: attempts(m)}
	for i := range tables {
		t.writes += units(&tables[i])
	}
	return t
}

func units(c *types.ConsumedCapacity) float64 {
	if c == nil {
		return 0
	}
	return aws.ToFloat64(c.CapacityUnits)
}

// attempts is how often the SDK made a call that succeeded in the end.
func attempts(m middleware.Metadata) int {
	all, _ := retry.GetAttemptResults(m)
	return max(1, len(all.Results))
}

// failed is what a call took that failed. A write whose condition did not hold is billed
// as one that leaves the item as it is, and twice in a transaction. If that item has not
// come back with the failure, it is taken for one unit. Other failures cost nothing.
func failed(err error) taken {
	t := taken{requests: 1}
	if given, ok := errors.AsType[*retry.MaxAttemptsError](err); ok {
		t.requests = given.Attempt
	}
	if refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		t.writes = writeUnits(refused.Item)
	}
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		for _, r := range cancelled.CancellationReasons {
			t.writes += 2 * writeUnits(r.Item)
		}
	}
	return t
}

// writeUnits is what a write of an item costs that does not make it larger.
func writeUnits(it item) float64 { return float64(max(1, (ItemSize(it)+unit-1)/unit)) }

// GetItem implements [Client].
func (c counted) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return note(ctx, "GetItem", &in.ReturnConsumedCapacity,
		func() (*dynamodb.GetItemOutput, error) { return c.client.GetItem(ctx, in, o...) },
		func(out *dynamodb.GetItemOutput) taken { return read(out.ResultMetadata, out.ConsumedCapacity) })
}

// Query implements [Client].
func (c counted) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return note(ctx, "Query", &in.ReturnConsumedCapacity,
		func() (*dynamodb.QueryOutput, error) { return c.client.Query(ctx, in, o...) },
		func(out *dynamodb.QueryOutput) taken { return read(out.ResultMetadata, out.ConsumedCapacity) })
}

// Scan implements [Client].
func (c counted) Scan(ctx context.Context, in *dynamodb.ScanInput, o ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error) {
	return note(ctx, "Scan", &in.ReturnConsumedCapacity,
		func() (*dynamodb.ScanOutput, error) { return c.client.Scan(ctx, in, o...) },
		func(out *dynamodb.ScanOutput) taken { return read(out.ResultMetadata, out.ConsumedCapacity) })
}

// PutItem implements [Client].
func (c counted) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return note(ctx, "PutItem", &in.ReturnConsumedCapacity,
		func() (*dynamodb.PutItemOutput, error) { return c.client.PutItem(ctx, in, o...) },
		func(out *dynamodb.PutItemOutput) taken { return written(out.ResultMetadata, out.ConsumedCapacity) })
}

// UpdateItem implements [Client].
func (c counted) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return note(ctx, "UpdateItem", &in.ReturnConsumedCapacity,
		func() (*dynamodb.UpdateItemOutput, error) { return c.client.UpdateItem(ctx, in, o...) },
		func(out *dynamodb.UpdateItemOutput) taken { return written(out.ResultMetadata, out.ConsumedCapacity) })
}

// BatchWriteItem implements [Client].
func (c counted) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	return note(ctx, "BatchWriteItem", &in.ReturnConsumedCapacity,
		func() (*dynamodb.BatchWriteItemOutput, error) { return c.client.BatchWriteItem(ctx, in, o...) },
		func(out *dynamodb.BatchWriteItemOutput) taken {
			return allWritten(out.ResultMetadata, out.ConsumedCapacity)
		})
}

// TransactWriteItems implements [Client].
func (c counted) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	return note(ctx, "TransactWriteItems", &in.ReturnConsumedCapacity,
		func() (*dynamodb.TransactWriteItemsOutput, error) { return c.client.TransactWriteItems(ctx, in, o...) },
		func(out *dynamodb.TransactWriteItemsOutput) taken {
			return allWritten(out.ResultMetadata, out.ConsumedCapacity)
		})
}
