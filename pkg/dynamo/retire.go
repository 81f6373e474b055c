package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// retireAfter is what [Options.RetireAfter] is if it is not set.
const retireAfter = 24 * time.Hour

// Retire implements [stream.Chunks]: it leaves the items to DynamoDB to remove, which
// costs nothing, once nobody can have a head that sends readers to them. Until then
// they are read as ever. After an error some of them may be marked; doing it again
// does not put their end off. Cost: one UpdateItem each, at most 16 at once, and as
// many WU as the item has KB, which is what deleting it would cost.
func (s *Store) Retire(ctx context.Context, life stream.Life, chunks []stream.Offset, staged []stream.StagedID) error {
	keys := make([]item, 0, len(chunks)+len(staged))
	for _, to := range chunks {
		keys = append(keys, dataKey(life, chunkSort(to)))
	}
	for _, id := range staged {
		keys = append(keys, dataKey(life, stagedSort(id)))
	}
	at := number(s.Now().Add(s.RetireAfter).Unix())
	return atOnce(len(keys), func(i int) error { return s.retire(ctx, keys[i], at) })
}

// retire marks one item, unless it is marked or gone: a mark that is delivered late
// must not bring back an item that has nothing but the mark.
func (s *Store) retire(ctx context.Context, key item, at types.AttributeValue) error {
	e := &expression{}
	mark := e.name(removeAt)
	e.where("attribute_exists(" + partitionKey + ")")
	e.where("attribute_not_exists(" + mark + ")")
	e.set(mark+" = %s", at)
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 &s.Table,
		Key:                       key,
		ConditionExpression:       e.condition(),
		UpdateExpression:          e.update(),
		ExpressionAttributeNames:  e.names,
		ExpressionAttributeValues: e.values,
	}, once)
	var marked *types.ConditionalCheckFailedException
	if errors.As(err, &marked) {
		return nil
	}
	return classify(err)
}
