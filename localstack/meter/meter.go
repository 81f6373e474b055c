// Package meter counts what calls to DynamoDB cost, by Amazon's rules and whatever
// stands in for it: requests, write units, read units. It can also make each call
// take as long as one in a region does, so that a benchmark on one machine shows how
// many round trips a request waits for.
package meter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// Client counts the calls that pass through it to another one. It is safe for
// concurrent use; write units are exact as long as nobody else writes the same item
// at the same time.
type Client struct {
	dynamo.Client
	// RoundTrip is how long each call takes at least.
	RoundTrip time.Duration
	// Sizes makes it look up each written item before and after the write, which is
	// how write units are known. Without it only requests are counted.
	Sizes bool

	// Took, if it is not nil, is told how long each call took.
	Took func(time.Duration)
	// Together, if it is not 0, makes each read wait until so many are under way: what
	// is not asked for at the same time never comes.
	Together int

	mu    sync.Mutex
	usage Usage
	// waiting counts the reads that wait for others, until arrived is closed.
	waiting int
	arrived chan struct{}
}

// Usage is what calls used.
type Usage struct {
	// Reads and Writes count requests, a transaction as one; Refused those of the
	// writes whose condition did not hold.
	Reads, Writes, Refused int
	// WriteUnits and ReadUnits are what Amazon charges for them.
	WriteUnits, ReadUnits float64
}

// Requests counts all of them.
func (u Usage) Requests() int { return u.Reads + u.Writes }

func (u Usage) String() string {
	return fmt.Sprintf("%d reads (%.1f RU), %d writes (%.0f WU), %d of them refused", u.Reads, u.ReadUnits, u.Writes, u.WriteUnits, u.Refused)
}

// Take returns the usage since the last call of it.
func (c *Client) Take() Usage {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.usage
	c.usage = Usage{}
	return u
}

// GetItem implements [dynamo.Client].
func (c *Client) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	defer c.timed()()
	c.meet(ctx)
	c.wait(ctx)
	out, err := c.Client.GetItem(ctx, in, o...)
	if err == nil {
		c.read(dynamo.ItemSize(out.Item), aws.ToBool(in.ConsistentRead))
	}
	return out, err
}

// Query implements [dynamo.Client].
func (c *Client) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	defer c.timed()()
	c.meet(ctx)
	c.wait(ctx)
	out, err := c.Client.Query(ctx, in, o...)
	if err == nil {
		size := 0
		for _, it := range out.Items {
			size += dynamo.ItemSize(it)
		}
		c.read(size, aws.ToBool(in.ConsistentRead))
	}
	return out, err
}

// Scan implements [dynamo.Client].
func (c *Client) Scan(ctx context.Context, in *dynamodb.ScanInput, o ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error) {
	defer c.timed()()
	c.meet(ctx)
	c.wait(ctx)
	out, err := c.Client.Scan(ctx, in, o...)
	if err == nil {
		size := 0
		for _, it := range out.Items {
			size += dynamo.ItemSize(it)
		}
		c.read(size, aws.ToBool(in.ConsistentRead))
	}
	return out, err
}

// PutItem implements [dynamo.Client].
func (c *Client) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	key := keyOf(in.Item)
	var out *dynamodb.PutItemOutput
	err := c.write(ctx, 1, []place{{in.TableName, key}}, func() (err error) {
		out, err = c.Client.PutItem(ctx, in, o...)
		return err
	})
	return out, err
}

// UpdateItem implements [dynamo.Client].
func (c *Client) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	var out *dynamodb.UpdateItemOutput
	err := c.write(ctx, 1, []place{{in.TableName, in.Key}}, func() (err error) {
		out, err = c.Client.UpdateItem(ctx, in, o...)
		return err
	})
	return out, err
}

// TransactWriteItems implements [dynamo.Client]. Each of its writes costs twice as much as
// it would alone.
func (c *Client) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	var places []place
	for _, w := range in.TransactItems {
		switch {
		case w.Put != nil:
			places = append(places, place{w.Put.TableName, keyOf(w.Put.Item)})
		case w.Update != nil:
			places = append(places, place{w.Update.TableName, w.Update.Key})
		case w.Delete != nil:
			places = append(places, place{w.Delete.TableName, w.Delete.Key})
		}
	}
	var out *dynamodb.TransactWriteItemsOutput
	err := c.write(ctx, 2, places, func() (err error) {
		out, err = c.Client.TransactWriteItems(ctx, in, o...)
		return err
	})
	return out, err
}

// BatchWriteItem implements [dynamo.Client]. Its units are not counted: only the
// collector uses it.
func (c *Client) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	c.wait(ctx)
	c.mu.Lock()
	c.usage.Writes++
	c.mu.Unlock()
	return c.Client.BatchWriteItem(ctx, in, o...)
}

// meet waits for the other reads of [Client.Together].
func (c *Client) meet(ctx context.Context) {
	if c.Together == 0 {
		return
	}
	c.mu.Lock()
	if c.arrived == nil {
		c.arrived = make(chan struct{})
	}
	arrived := c.arrived
	if c.waiting++; c.waiting == c.Together {
		c.waiting, c.arrived = 0, nil
		close(arrived)
	}
	c.mu.Unlock()
	select {
	case <-arrived:
	case <-ctx.Done():
	}
}

// timed begins to time a call; the result ends it.
func (c *Client) timed() func() {
	if c.Took == nil {
		return func() {}
	}
	start := time.Now()
	return func() { c.Took(time.Since(start)) }
}

// wait lets a round trip pass.
func (c *Client) wait(ctx context.Context) {
	if c.RoundTrip == 0 {
		return
	}
	t := time.NewTimer(c.RoundTrip)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (c *Client) read(size int, strong bool) {
	units := float64(max(1, begun(size, 4096)))
	if !strong {
		units /= 2
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.usage.Reads++
	c.usage.ReadUnits += units
}

// place is where an item is.
type place struct {
	table *string
	key   map[string]types.AttributeValue
}

// keyOf returns the key in an item.
func keyOf(item map[string]types.AttributeValue) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": item["pk"], "sk": item["sk"]}
}

// write makes a write and charges, for each item, a price for each unit of the larger of
// its sizes before and after it; a refused one costs the same as one that leaves the items
// as they are.
func (c *Client) write(ctx context.Context, price float64, places []place, do func() error) error {
	sizes := make([]int, len(places))
	measure := func() error {
		if !c.Sizes {
			return nil
		}
		for i, p := range places {
			out, err := c.Client.GetItem(ctx, &dynamodb.GetItemInput{TableName: p.table, Key: p.key, ConsistentRead: aws.Bool(true)})
			if err != nil {
				return fmt.Errorf("meter: %w", err)
			}
			sizes[i] = max(sizes[i], dynamo.ItemSize(out.Item))
		}
		return nil
	}
	if err := measure(); err != nil {
		return err
	}
	took := c.timed()
	c.wait(ctx)
	err := do()
	took()
	if failed := measure(); failed != nil {
		return failed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.usage.Writes++
	if isRefusal(err) {
		c.usage.Refused++
	}
	if c.Sizes {
		for _, size := range sizes {
			c.usage.WriteUnits += price * float64(max(1, begun(size, 1024)))
		}
	}
	return err
}

// isRefusal reports whether a write failed because a condition did not hold.
func isRefusal(err error) bool {
	var refused *types.ConditionalCheckFailedException
	var cancelled *types.TransactionCanceledException
	return errors.As(err, &refused) || errors.As(err, &cancelled) && slices.ContainsFunc(cancelled.CancellationReasons, func(r types.CancellationReason) bool {
		return aws.ToString(r.Code) == "ConditionalCheckFailed"
	})
}

// begun returns how many units of so many bytes a size begins.
func begun(size, unit int) int { return (size + unit - 1) / unit }
