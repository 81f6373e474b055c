package dynamomodel

import (
	"context"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// maxPage is what one query or scan reads at most, in bytes.
const maxPage = 1 << 20

// readUnits is what it costs to read so many bytes.
func readUnits(size int, strong *bool) float64 {
	units := float64(max(1, begun(size, 4096)))
	if !aws.ToBool(strong) {
		units /= 2
	}
	return units
}

// read makes a call that reads, and whose answer of some size is then on its way.
func (c *Client) read(ctx context.Context, operation string, do func() (size int, err error)) error {
	size := 0
	err := c.call(ctx, operation, func() (err error) {
		size, err = do()
		return err
	})
	if err != nil {
		return err
	}
	return c.transfer(ctx, size)
}

// GetItem implements [dynamo.Client].
func (c *Client) GetItem(ctx context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	out := &dynamodb.GetItemOutput{}
	err := c.read(ctx, "GetItem", func() (int, error) {
		out.Item = maps.Clone(c.Table.get(in.Key))
		size := dynamo.ItemSize(out.Item)
		out.ConsumedCapacity = consumed(readUnits(size, in.ConsistentRead))
		return size, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Query implements [dynamo.Client], forwards and without filters.
func (c *Client) Query(ctx context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	out := &dynamodb.QueryOutput{}
	err := c.read(ctx, "Query", func() (int, error) {
		found, k, err := c.Table.query(in)
		if err != nil {
			return 0, err
		}
		page, size := cut(found, aws.ToInt32(in.Limit))
		out.Items = page
		if len(page) > 0 && (len(page) < len(found) || len(page) == int(aws.ToInt32(in.Limit))) {
			out.LastEvaluatedKey = c.Table.keyIn(page[len(page)-1], k)
		}
		out.ConsumedCapacity = consumed(readUnits(size, in.ConsistentRead))
		return size, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Scan implements [dynamo.Client].
func (c *Client) Scan(ctx context.Context, in *dynamodb.ScanInput, _ ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error) {
	out := &dynamodb.ScanOutput{}
	err := c.read(ctx, "Scan", func() (int, error) {
		t := c.Table
		var all []item
		fromPartition, fromSort := t.key(in.ExclusiveStartKey)
		for _, p := range t.order {
			for _, s := range t.items[p].order {
				if p > fromPartition || p == fromPartition && s > fromSort {
					all = append(all, t.items[p].items[s])
				}
			}
		}
		page, size := cut(all, aws.ToInt32(in.Limit))
		out.Items = page
		if len(page) > 0 && (len(page) < len(all) || len(page) == int(aws.ToInt32(in.Limit))) {
			out.LastEvaluatedKey = t.keyIn(page[len(page)-1], t.keys)
		}
		out.ConsumedCapacity = consumed(readUnits(size, in.ConsistentRead))
		return size, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// cut returns the first items of a list that fit into one answer, and their size.
func cut(all []item, limit int32) (page []item, size int) {
	for _, it := range all {
		if size > 0 && size+dynamo.ItemSize(it) > maxPage || limit > 0 && len(page) == int(limit) {
			break
		}
		page = append(page, maps.Clone(it))
		size += dynamo.ItemSize(it)
	}
	return page, size
}

// keyIn returns the keys of an item, in the table and in what was queried.
func (t *Table) keyIn(it item, k keys) item {
	key := make(item)
	for _, name := range []string{t.keys.partition, t.keys.sort, k.partition, k.sort} {
		key[name] = it[name]
	}
	return key
}
