package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A staged item, under its id:
//
//	f  N  version of this layout
//	b  B  frames
//
// One that was retired has a time to live (retire.go), and is read all the same.

// maxItem keeps an item, with its keys, below DynamoDB's limit of 400 KB.
const maxItem = 390 << 10

// PutStaged implements [stream.Chunks]. Cost: one PutItem.
func (s *Store) PutStaged(ctx context.Context, life stream.Life, id stream.StagedID, f stream.Frames) error {
	if len(f) > maxItem {
		return fmt.Errorf("%w: %d bytes do not fit into an item", stream.ErrRejected, len(f))
	}
	it := dataKey(life, stagedSort(id))
	it["f"] = number(dataVersion)
	it["b"] = blob(f)
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Table, Item: it}, once)
	return classify(err)
}

// Staged implements [stream.Chunks]. Cost: one GetItem.
func (s *Store) Staged(ctx context.Context, life stream.Life, id stream.StagedID) (stream.Frames, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &s.Table,
		Key:            dataKey(life, stagedSort(id)),
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, classify(err)
	}
	if out.Item == nil {
		return nil, fmt.Errorf("%w: staged %+v of %q, life %v", stream.ErrNoItem, id, life.Name, life.Incarnation)
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
