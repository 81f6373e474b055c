package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// maxBatch is how many items one BatchWriteItem may delete.
const maxBatch = 25

// Discard implements [stream.Chunks]. Cost: one Query of keys, one BatchWriteItem for
// each 25 items, as many WU as they have KB, and one write of the index of segments for
// each manifest.
func (s *Store) Discard(ctx context.Context, life stream.Life, max int) (done bool, err error) {
	e := &expression{}
	e.where(partitionKey+" = %s", text(dataPartition(life)))
	out, err := s.page(ctx, &dynamodb.QueryInput{
		TableName:                 &s.Table,
		KeyConditionExpression:    e.condition(),
		ExpressionAttributeValues: e.values,
		ProjectionExpression:      aws.String(partitionKey + ", " + sortKey),
		ConsistentRead:            aws.Bool(true),
		Limit:                     aws.Int32(int32(max)),
	})
	if err != nil {
		return false, err
	}
	for keys := out.Items; len(keys) > 0; {
		n := min(maxBatch, len(keys))
		if err := s.deleteItems(ctx, keys[:n]); err != nil {
			return false, err
		}
		keys = keys[n:]
	}
	return len(out.Items) == 0 && out.LastEvaluatedKey == nil, nil
}

// deleteItems deletes at most a batch of items. Where the table leaves some undone,
// it says that nothing is certain and leaves the rest to the next call, which finds
// what is still there: the caller pauses in between.
func (s *Store) deleteItems(ctx context.Context, keys []item) error {
	requests := make([]types.WriteRequest, len(keys))
	for i, key := range keys {
		requests[i] = types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: key}}
	}
	out, err := s.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
		RequestItems: map[string][]types.WriteRequest{s.Table: requests},
	}, once)
	if err != nil {
		return classify(err)
	}
	if left := len(out.UnprocessedItems[s.Table]); left > 0 {
		return fmt.Errorf("%w: %d of %d items were left undone", stream.ErrNotApplied, left, len(keys))
	}
	return nil
}
