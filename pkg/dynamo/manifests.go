package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A manifest, under its segment's number:
//
//	f  N  version of this layout
//	g  N  segment
//	o  B  offset at which it begins
//	t  B  offset at which it ends
//	n  N  records
//	k  S  key of the object
//	z  N  its length
//	h  N  its CRC32C

// PutManifest implements [stream.Manifests]. Cost: one PutItem.
func (s *Store) PutManifest(ctx context.Context, inc stream.Incarnation, m stream.Manifest) error {
	it := dataKey(inc, segmentSort(m.Segment))
	it["f"] = number(dataVersion)
	it["g"] = number(m.Segment)
	it["o"] = offset(m.From)
	it["t"] = offset(m.To)
	it["n"] = number(m.Count)
	it["k"] = text(m.Object)
	it["z"] = number(m.Size)
	it["h"] = number(uint64(m.CRC))
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:           &s.Table,
		Item:                it,
		ConditionExpression: aws.String("attribute_not_exists(pk)"),
	}, once)
	var stored *types.ConditionalCheckFailedException
	if errors.As(err, &stored) {
		return &stream.RefusedError{}
	}
	return classify(err)
}

// Manifests implements [stream.Manifests]. Cost: one Query.
func (s *Store) Manifests(ctx context.Context, inc stream.Incarnation, after stream.Offset, max int) ([]stream.Manifest, error) {
	var manifests []stream.Manifest
	e := &expression{}
	e.where(partitionKey+" = %s", text(dataPartition(inc)))
	e.where(sortKey+" BETWEEN %s AND %s", text(segmentSort(after.Segment)), text(segmentPrefix+"~"))
	in := &dynamodb.QueryInput{
		TableName:                 &s.Table,
		KeyConditionExpression:    e.condition(),
		ExpressionAttributeValues: e.values,
		ConsistentRead:            aws.Bool(true),
	}
	for {
		// The offset may be the end of its segment, which is then passed over.
		in.Limit = aws.Int32(int32(max - len(manifests) + 1))
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return nil, classify(err)
		}
		for _, it := range out.Items {
			m, err := decodeManifest(it)
			if err != nil {
				return nil, rejected(err)
			}
			if after.Before(m.To) && len(manifests) < max {
				manifests = append(manifests, m)
			}
		}
		if out.LastEvaluatedKey == nil || len(manifests) == max {
			return manifests, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

func decodeManifest(it item) (stream.Manifest, error) {
	f := &fields{item: it}
	if v := f.uint("f"); v != dataVersion {
		return stream.Manifest{}, corrupt("manifest of version %d, this program knows %d", v, dataVersion)
	}
	m := stream.Manifest{
		Segment: f.uint("g"),
		From:    f.offset("o"),
		To:      f.offset("t"),
		Count:   f.int("n"),
		Object:  f.text("k"),
		Size:    int64(f.int("z")),
		CRC:     uint32(f.uint("h")),
	}
	return m, f.err
}
