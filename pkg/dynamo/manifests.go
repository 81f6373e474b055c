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
//	f   N  version of this layout
//	mo  B  offset at which it begins
//	mt  B  offset at which it ends
//	mn  N  records
//	mk  S  key of the object
//	mz  N  its length
//	mh  N  its CRC32C
//	mx  B  how the object ends; absent if that is not known
//	lk  S  shard of the index of segments, and
//	ln  S  name, life and number in it (listing.go)
//
// All but the last but two are in the index, too. So no head may have an attribute
// of the same name that changes when something is appended.
var listedManifest = [...]string{"f", "mo", "mt", "mn", "mk", "mz", "mh"}

// PutManifest implements [stream.Manifests]. Cost: one PutItem, and one write of the
// index of segments.
func (s *Store) PutManifest(ctx context.Context, life stream.Life, m stream.Manifest) error {
	it := dataKey(life, segmentSort(m.Segment))
	it["f"] = number(dataVersion)
	it["mo"] = offset(m.From)
	it["mt"] = offset(m.To)
	it["mn"] = number(m.Count)
	it["mk"] = text(m.Object)
	it["mz"] = number(m.Size)
	it["mh"] = number(uint64(m.CRC))
	if len(m.Tail) > 0 {
		it["mx"] = blob(m.Tail)
	}
	listSegment(it, life, m.Segment)
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:           &s.Table,
		Item:                it,
		ConditionExpression: aws.String(absent),
	}, once)
	var stored *types.ConditionalCheckFailedException
	if errors.As(err, &stored) {
		return &stream.RefusedError{}
	}
	return classify(err)
}

// Manifests implements [stream.Manifests]. Cost: one Query.
func (s *Store) Manifests(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Manifest, error) {
	var manifests []stream.Manifest
	e := &expression{}
	e.where(partitionKey+" = %s", text(dataPartition(life)))
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

// decodeManifest returns the manifest in an item of the table, or of the index, which
// knows no Tail.
func decodeManifest(it item) (stream.Manifest, error) {
	f := &fields{item: it}
	if v := f.uint("f"); v != dataVersion {
		return stream.Manifest{}, corrupt("manifest of version %d, this program knows %d", v, dataVersion)
	}
	m := stream.Manifest{
		Segment: f.segment(),
		From:    f.offset("mo"),
		To:      f.offset("mt"),
		Count:   f.int("mn"),
		Object:  f.text("mk"),
		Size:    int64(f.int("mz")),
		CRC:     f.crc("mh"),
		Tail:    f.blob("mx"),
	}
	return m, f.err
}
