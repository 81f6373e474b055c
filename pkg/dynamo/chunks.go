package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// dataVersion is the version of the layout of all items of a life's data.
const dataVersion = 2

// A chunk, under the offset at which it ends:
//
//	f  N  version of this layout
//	o  B  offset at which it begins
//	n  N  records
//	z  N  their bytes
//	b  B  data, as of an entry in the buffer (buffer.go)
//
// One that was retired has a time to live (retire.go), and is read all the same.

// PutChunk implements [stream.Chunks]. Cost: one PutItem.
func (s *Store) PutChunk(ctx context.Context, life stream.Life, c stream.Chunk) error {
	it := dataKey(life, chunkSort(c.To))
	it["f"] = number(dataVersion)
	it["o"] = offset(c.From)
	it["n"] = number(c.Count)
	it["z"] = number(c.Size)
	it["b"] = blob(appendData(nil, stream.Entry(c), c.From.Segment != c.To.Segment))
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:           &s.Table,
		Item:                it,
		ConditionExpression: aws.String(absent),
	}, once)
	var stored *types.ConditionalCheckFailedException
	if errors.As(err, &stored) {
		return nil
	}
	return classify(err)
}

// Chunks implements [stream.Chunks]. Cost: one Query, which reads 1 MB at most.
func (s *Store) Chunks(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Chunk, error) {
	e := &expression{}
	e.where(partitionKey+" = %s", text(dataPartition(life)))
	// Between is inclusive: begin right behind the chunk that ends at the offset.
	e.where(sortKey+" BETWEEN %s AND %s", text(chunkSort(after)+" "), text(chunkPrefix+"~"))
	in := &dynamodb.QueryInput{
		TableName:                 &s.Table,
		KeyConditionExpression:    e.condition(),
		ExpressionAttributeValues: e.values,
		ConsistentRead:            aws.Bool(true),
		// Few chunks are smaller than this, so what is read is not much more than what
		// is asked for.
		Limit: aws.Int32(int32(max/(unit/2) + 1)),
	}
	out, err := s.page(ctx, in)
	if err != nil {
		return nil, err
	}
	// What was read is paid for, so all of it is returned.
	chunks := make([]stream.Chunk, len(out.Items))
	for i, it := range out.Items {
		if chunks[i], err = decodeChunk(it); err != nil {
			return nil, rejected(err)
		}
	}
	return chunks, nil
}

func decodeChunk(it item) (stream.Chunk, error) {
	f := &fields{item: it}
	if v := f.uint("f"); v != dataVersion {
		return stream.Chunk{}, corrupt("chunk of version %d, this program knows %d", v, dataVersion)
	}
	from, to := f.offset("o"), f.chunkEnd()
	e, err := parseData(f.blob("b"), from, stream.Bytes)
	if err == nil {
		err = f.err
	}
	if err != nil {
		return stream.Chunk{}, err
	}
	e.To = to
	if e.Count != f.int("n") || e.Size != f.int("z") {
		return stream.Chunk{}, corrupt("chunk up to %v has %d records of %d bytes, not as noted", to, e.Count, e.Size)
	}
	return stream.Chunk(e), nil
}
