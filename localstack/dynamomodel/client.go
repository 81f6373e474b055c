package dynamomodel

import (
	"context"
	"maps"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// Client is one process's way to a table. It is safe for concurrent use.
type Client struct {
	Table *Table
	// Delay says how long the next call of an operation takes, by its name; nil means no
	// time. It must be safe for concurrent use.
	Delay func(operation string) time.Duration
	// Bandwidth is how many bytes of what is read arrive in a second, once the delay has
	// passed; 0 means any number.
	Bandwidth float64
	// Throttled counts the writes that the partition's limit refused.
	Throttled atomic.Int64
}

var _ dynamo.Client = (*Client)(nil)

// call does something in the middle of the time that an operation takes. A context that
// ends first is an error: before the middle nothing was done, and after it nobody knows.
func (c *Client) call(ctx context.Context, operation string, do func() error) error {
	if c.Delay == nil {
		return c.apply(do)
	}
	d := c.Delay(operation)
	if err := wait(ctx, d/2); err != nil {
		return err
	}
	err := c.apply(do)
	if late := wait(ctx, d-d/2); late != nil {
		return late
	}
	return err
}

func (c *Client) apply(do func() error) error {
	c.Table.mu.Lock()
	defer c.Table.mu.Unlock()
	return do()
}

// transfer lets what was read arrive.
func (c *Client) transfer(ctx context.Context, size int) error {
	if c.Bandwidth == 0 {
		return nil
	}
	return wait(ctx, time.Duration(float64(size)/c.Bandwidth*float64(time.Second)))
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// throttled is the answer of a partition that has had too much.
func (c *Client) throttled() error {
	c.Throttled.Add(1)
	return &types.ProvisionedThroughputExceededException{Message: aws.String("the partition takes no more")}
}

// write makes one item of another, if the condition holds and the limit admits it.
func (c *Client) write(key item, condition *string, s *scope, after func() (item, error)) (was, is item, units float64, err error) {
	t := c.Table
	was = t.get(key)
	s.item = was
	ok, err := t.holds(condition, s)
	if err != nil {
		return nil, nil, 0, err
	}
	is = was
	if ok {
		if is, err = after(); err != nil {
			return nil, nil, 0, err
		}
	}
	units = t.writeUnits(was, is)
	if !t.admit(key, units) {
		return nil, nil, 0, c.throttled()
	}
	if !ok {
		return was, is, units, errUnmet
	}
	t.store(key, is)
	return was, is, units, nil
}

// errUnmet says that a condition did not hold.
var errUnmet = &types.ConditionalCheckFailedException{Message: aws.String("the conditional request failed")}

// unmet is the answer to a write whose condition did not hold.
func unmet(was item, returned types.ReturnValuesOnConditionCheckFailure) error {
	failed := *errUnmet
	if returned == types.ReturnValuesOnConditionCheckFailureAllOld {
		failed.Item = maps.Clone(was)
	}
	return &failed
}

func consumed(units float64) *types.ConsumedCapacity {
	return &types.ConsumedCapacity{CapacityUnits: &units}
}

// PutItem implements [dynamo.Client].
func (c *Client) PutItem(ctx context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	out := &dynamodb.PutItemOutput{}
	err := c.call(ctx, "PutItem", func() error {
		s := &scope{names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues}
		was, _, units, err := c.write(in.Item, in.ConditionExpression, s, func() (item, error) { return maps.Clone(in.Item), nil })
		if err == errUnmet {
			return unmet(was, in.ReturnValuesOnConditionCheckFailure)
		}
		out.ConsumedCapacity = consumed(units)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateItem implements [dynamo.Client].
func (c *Client) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	out := &dynamodb.UpdateItemOutput{}
	err := c.call(ctx, "UpdateItem", func() error {
		s := &scope{names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues}
		was, is, units, err := c.write(in.Key, in.ConditionExpression, s, func() (item, error) {
			return c.Table.updated(in.UpdateExpression, in.Key, s)
		})
		if err == errUnmet {
			return unmet(was, in.ReturnValuesOnConditionCheckFailure)
		}
		out.ConsumedCapacity = consumed(units)
		if in.ReturnValues == types.ReturnValueAllNew {
			out.Attributes = maps.Clone(is)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// BatchWriteItem implements [dynamo.Client], for deletions.
func (c *Client) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	var units float64
	err := c.call(ctx, "BatchWriteItem", func() error {
		for _, requests := range in.RequestItems {
			for _, r := range requests {
				key := r.DeleteRequest.Key
				units += c.Table.writeUnits(c.Table.get(key), nil)
				c.Table.store(key, nil)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &dynamodb.BatchWriteItemOutput{ConsumedCapacity: []types.ConsumedCapacity{*consumed(units)}}, nil
}

// TransactWriteItems implements [dynamo.Client], for puts, updates and deletions.
func (c *Client) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	var units float64
	err := c.call(ctx, "TransactWriteItems", func() (err error) {
		units, err = c.transact(in.TransactItems)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &dynamodb.TransactWriteItemsOutput{ConsumedCapacity: []types.ConsumedCapacity{*consumed(units)}}, nil
}

func (c *Client) transact(writes []types.TransactWriteItem) (units float64, err error) {
	t := c.Table
	reasons, failed := make([]types.CancellationReason, len(writes)), false
	keys, after := make([]item, len(writes)), make([]item, len(writes))
	for i, w := range writes {
		var condition *string
		s, returned := &scope{}, types.ReturnValuesOnConditionCheckFailureNone
		switch {
		case w.Put != nil:
			keys[i], condition, returned = w.Put.Item, w.Put.ConditionExpression, w.Put.ReturnValuesOnConditionCheckFailure
			s.names, s.values = w.Put.ExpressionAttributeNames, w.Put.ExpressionAttributeValues
		case w.Update != nil:
			keys[i], condition, returned = w.Update.Key, w.Update.ConditionExpression, w.Update.ReturnValuesOnConditionCheckFailure
			s.names, s.values = w.Update.ExpressionAttributeNames, w.Update.ExpressionAttributeValues
		default:
			keys[i], condition = w.Delete.Key, w.Delete.ConditionExpression
			s.names, s.values = w.Delete.ExpressionAttributeNames, w.Delete.ExpressionAttributeValues
		}
		was := t.get(keys[i])
		s.item = was
		ok, err := t.holds(condition, s)
		switch {
		case err != nil:
			return 0, err
		case !ok:
			failed = true
			reasons[i].Code = aws.String("ConditionalCheckFailed")
			if returned == types.ReturnValuesOnConditionCheckFailureAllOld {
				reasons[i].Item = maps.Clone(was)
			}
			continue
		case w.Put != nil:
			after[i] = maps.Clone(w.Put.Item)
		case w.Update != nil:
			if after[i], err = t.updated(w.Update.UpdateExpression, w.Update.Key, s); err != nil {
				return 0, err
			}
		}
		reasons[i].Code = aws.String("None")
		units += 2 * t.writeUnits(was, after[i])
	}
	if failed {
		return 0, &types.TransactionCanceledException{Message: aws.String("cancelled"), CancellationReasons: reasons}
	}
	for i := range writes {
		t.store(keys[i], after[i])
	}
	return units, nil
}
