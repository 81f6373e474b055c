package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// A cursor, under its key:
//
//	u  S  where the work stopped
func cursorKey(key string) item {
	return item{partitionKey: text(cursorPrefix + key), sortKey: text(cursorSort)}
}

// Cursor implements [stream.Cursors]. Cost: one GetItem.
func (s *Store) Cursor(ctx context.Context, key string) (string, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &s.Table,
		Key:            cursorKey(key),
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return "", classify(err)
	}
	f := &fields{item: out.Item}
	value := f.text("u")
	if f.err != nil {
		return "", rejected(f.err)
	}
	return value, nil
}

// SetCursor implements [stream.Cursors]. Cost: one PutItem.
func (s *Store) SetCursor(ctx context.Context, key, value string) error {
	it := cursorKey(key)
	it["u"] = text(value)
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Table, Item: it}, once)
	return classify(err)
}
