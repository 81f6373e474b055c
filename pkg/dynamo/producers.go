package dynamo

import (
	"context"
	"errors"
	"strconv"
	"strings"

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

// producerState is the part of a producer's value that decides.
func producerState(p stream.Producer) string {
	return strconv.FormatUint(p.Epoch, 10) + "." + strconv.FormatUint(p.Seq, 10) + "@"
}

func encodeProducer(p stream.HeldProducer) types.AttributeValue {
	return text(producerState(p.Producer) + strconv.FormatUint(p.Used, 36))
}

func encodeProducers(producers map[string]stream.HeldProducer) types.AttributeValue {
	all := make(item, len(producers))
	for id, p := range producers {
		all[id] = encodeProducer(p)
	}
	return &types.AttributeValueMemberM{Value: all}
}

func (f *fields) producers(name string) map[string]stream.HeldProducer {
	v, ok := f.item[name].(*types.AttributeValueMemberM)
	if !ok {
		f.fail(name, "not a map")
		return nil
	}
	if len(v.Value) == 0 {
		return nil
	}
	producers := make(map[string]stream.HeldProducer, len(v.Value))
	for id := range v.Value {
		s, ok := v.Value[id].(*types.AttributeValueMemberS)
		if !ok {
			f.fail(name, "a producer that is not a string")
			return nil
		}
		p, ok := parseProducer(s.Value)
		if !ok {
			f.fail(name, "a producer that cannot be read")
		}
		producers[id] = p
	}
	return producers
}

func parseProducer(s string) (p stream.HeldProducer, ok bool) {
	epoch, rest, ok1 := strings.Cut(s, ".")
	seq, used, ok2 := strings.Cut(rest, "@")
	var errs [3]error
	p.Epoch, errs[0] = strconv.ParseUint(epoch, 10, 64)
	p.Seq, errs[1] = strconv.ParseUint(seq, 10, 64)
	p.Used, errs[2] = strconv.ParseUint(used, 36, 64)
	return p, ok1 && ok2 && errs == [3]error{}
}
