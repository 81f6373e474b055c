package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// dataVersion is the version of the layout of all items of a life's data.
const dataVersion = 1

// A chunk, under the offset at which it ends:
//
//	f  N  version of this layout
//	o  B  offset at which it begins
//	n  N  records
//	z  N  their bytes
//	b  B  data, as of an entry in the buffer (buffer.go)
//
// A staged item, under its id:
//
//	f  N  version of this layout
//	b  B  frames

// PutChunk implements [stream.Chunks]. Cost: one PutItem.
func (s *Store) PutChunk(ctx context.Context, inc stream.Incarnation, c stream.Chunk) error {
	it := dataKey(inc, chunkSort(c.To))
	it["f"] = number(dataVersion)
	it["o"] = offset(c.From)
	it["n"] = number(c.Count)
	it["z"] = number(c.Size)
	it["b"] = blob(appendData(nil, stream.Entry(c), c.From.Segment != c.To.Segment))
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:           &s.Table,
		Item:                it,
		ConditionExpression: aws.String("attribute_not_exists(pk)"),
	}, once)
	var stored *types.ConditionalCheckFailedException
	if errors.As(err, &stored) {
		return nil
	}
	return classify(err)
}

// Chunks implements [stream.Chunks]. Cost: one Query, which reads 1 MB at most.
func (s *Store) Chunks(ctx context.Context, inc stream.Incarnation, after stream.Offset, max int) ([]stream.Chunk, error) {
	e := &expression{}
	e.where(partitionKey+" = %s", text(dataPartition(inc)))
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
	chunks := make([]stream.Chunk, 0, len(out.Items))
	for size := 0; len(chunks) < len(out.Items) && (size == 0 || size < max); {
		c, err := decodeChunk(out.Items[len(chunks)])
		if err != nil {
			return nil, rejected(err)
		}
		chunks = append(chunks, c)
		size += c.Size
	}
	return chunks, nil
}

func decodeChunk(it item) (stream.Chunk, error) {
	f := &fields{item: it}
	if v := f.uint("f"); v != dataVersion {
		return stream.Chunk{}, corrupt("chunk of version %d, this program knows %d", v, dataVersion)
	}
	token, _ := strings.CutPrefix(f.text(sortKey), chunkPrefix)
	to, err := stream.ParseOffset(token)
	if err != nil {
		return stream.Chunk{}, corrupt("chunk under %q", token)
	}
	from := f.offset("o")
	e, err := parseData(f.blob("b"), from, stream.Bytes)
	if err == nil {
		err = f.err
	}
	if err != nil {
		return stream.Chunk{}, err
	}
	e.To = to
	if e.Count != f.int("n") || e.Size != f.int("z") {
		return stream.Chunk{}, corrupt("chunk under %q has %d records of %d bytes, not as noted", token, e.Count, e.Size)
	}
	return stream.Chunk(e), nil
}

// maxItem keeps an item, with its keys, below DynamoDB's limit of 400 KB.
const maxItem = 390 << 10

// PutStaged implements [stream.Chunks]. Cost: one PutItem, or one put of an object.
func (s *Store) PutStaged(ctx context.Context, inc stream.Incarnation, id stream.StagedID, f stream.Frames) error {
	if id.Object {
		if s.Objects == nil {
			return fmt.Errorf("%w: no bucket is configured for %d bytes", stream.ErrRejected, len(f))
		}
		return s.Objects.PutObject(ctx, stagedObject(inc, id), f)
	}
	if len(f) > maxItem {
		return fmt.Errorf("%w: %d bytes do not fit into an item", stream.ErrRejected, len(f))
	}
	it := dataKey(inc, stagedSort(id))
	it["f"] = number(dataVersion)
	it["b"] = blob(f)
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Table, Item: it}, once)
	return classify(err)
}

// Staged implements [stream.Chunks]. Cost: one GetItem, or one get of an object.
func (s *Store) Staged(ctx context.Context, inc stream.Incarnation, id stream.StagedID) (stream.Frames, error) {
	if id.Object {
		if s.Objects == nil {
			return nil, fmt.Errorf("%w: no bucket is configured", stream.ErrRejected)
		}
		return s.Objects.Object(ctx, stagedObject(inc, id), 0, -1)
	}
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &s.Table,
		Key:            dataKey(inc, stagedSort(id)),
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, classify(err)
	}
	if out.Item == nil {
		return nil, fmt.Errorf("%w: staged %v of %v", stream.ErrNoItem, id, inc)
	}
	f := &fields{item: out.Item}
	frames := stream.Frames(f.blob("b"))
	if f.uint("f") != dataVersion {
		f.fail("f", "unknown version of a staged item")
	}
	for _, err := range frames.Records() {
		if err != nil {
			f.fail("b", "torn frames")
		}
	}
	if f.err != nil {
		return nil, rejected(f.err)
	}
	return frames, nil
}
