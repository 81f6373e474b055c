package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A producer that was spilled, under its id:
//
//	f  N  version of this layout
//	e  N  epoch
//	s  N  sequence number

// SpillProducer implements [stream.Producers]. Cost: one PutItem.
func (s *Store) SpillProducer(ctx context.Context, life stream.Life, id string, p stream.Producer) error {
	it := dataKey(life, producerSort(id))
	it["f"] = number(dataVersion)
	it["e"] = number(p.Epoch)
	it["s"] = number(p.Seq)
	e := &expression{}
	epoch := number(p.Epoch)
	e.where("(attribute_not_exists(pk) OR e < %s OR e = %s AND s < %s)", epoch, epoch, number(p.Seq))
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                 &s.Table,
		Item:                      it,
		ConditionExpression:       e.condition(),
		ExpressionAttributeValues: e.values,
	}, once)
	var later *types.ConditionalCheckFailedException
	if errors.As(err, &later) {
		return nil
	}
	return classify(err)
}

// SpilledProducer implements [stream.Producers]. Cost: one GetItem.
func (s *Store) SpilledProducer(ctx context.Context, life stream.Life, id string) (stream.Producer, bool, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &s.Table,
		Key:            dataKey(life, producerSort(id)),
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return stream.Producer{}, false, classify(err)
	}
	if out.Item == nil {
		return stream.Producer{}, false, nil
	}
	f := &fields{item: out.Item}
	p := stream.Producer{Epoch: f.uint("e"), Seq: f.uint("s")}
	if f.uint("f") != dataVersion {
		f.fail("f", "unknown version of a producer")
	}
	if f.err != nil {
		return stream.Producer{}, false, rejected(f.err)
	}
	return p, true, nil
}
