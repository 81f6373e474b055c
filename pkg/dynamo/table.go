package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// workIndex lists the heads that owe something. It is sparse: a head that owes
// nothing is not in it, and appending to it costs nothing more.
const workIndex = "work"

// The names of the table's indexes, for whoever says which program may ask them: of what
// is owed, which the sweep works off, and of what there is, which administrators list.
const (
	WorkIndex = workIndex
	ListIndex = listIndex
)

// Table is the definition of the table, for whoever creates it: paid by request,
// with a change stream of new and old images, and the sparse indexes of owed work and
// of what there is. Its TTL attribute is enabled by a call of its own; see [TTL].
func Table(name string) *dynamodb.CreateTableInput {
	attribute := func(name string, t types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: t}
	}
	schema := func(partition, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: &partition, KeyType: types.KeyTypeHash},
			{AttributeName: &sort, KeyType: types.KeyTypeRange},
		}
	}
	index := func(name string, keys []types.KeySchemaElement, attributes ...string) types.GlobalSecondaryIndex {
		return types.GlobalSecondaryIndex{
			IndexName:  &name,
			KeySchema:  keys,
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: attributes},
		}
	}
	return &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			attribute(partitionKey, types.ScalarAttributeTypeS),
			attribute(sortKey, types.ScalarAttributeTypeS),
			attribute(workKey, types.ScalarAttributeTypeS),
			attribute(workDue, types.ScalarAttributeTypeN),
			attribute(listKey, types.ScalarAttributeTypeS),
			attribute(listSort, types.ScalarAttributeTypeS),
		},
		KeySchema: schema(partitionKey, sortKey),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			index(workIndex, schema(workKey, workDue), owedLives),
			index(listIndex, schema(listKey, listSort), listedManifest[:]...),
		},
		StreamSpecification: &types.StreamSpecification{
			StreamEnabled:  aws.Bool(true),
			StreamViewType: types.StreamViewTypeNewAndOldImages,
		},
	}
}

// TTL makes the table remove items that say when they may go: tombstones, and chunks
// and staged items whose records are in a segment's object.
func TTL(name string) *dynamodb.UpdateTimeToLiveInput {
	return &dynamodb.UpdateTimeToLiveInput{
		TableName: &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: aws.String(removeAt),
			Enabled:       aws.Bool(true),
		},
	}
}

// TableClient is what [EnsureTable] uses of the SDK's client.
type TableClient interface {
	CreateTable(context.Context, *dynamodb.CreateTableInput, ...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error)
	DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	DescribeTimeToLive(context.Context, *dynamodb.DescribeTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error)
	UpdateTimeToLive(context.Context, *dynamodb.UpdateTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateTimeToLiveOutput, error)
}

// EnsureTable makes sure that the table exists, is active and removes what may go,
// and returns the ARN of its change stream. It is for local hosts and tests; in
// production the stack creates the table. A table of that name with other keys is
// an error.
func EnsureTable(ctx context.Context, c TableClient, name string) (streamARN string, err error) {
	_, err = c.CreateTable(ctx, Table(name))
	var exists *types.ResourceInUseException
	if err != nil && !errors.As(err, &exists) {
		return "", fmt.Errorf("create table %s: %w", name, err)
	}
	waiter := dynamodb.NewTableExistsWaiter(c, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	})
	described, err := waiter.WaitForOutput(ctx, &dynamodb.DescribeTableInput{TableName: &name}, time.Minute)
	if err != nil {
		return "", fmt.Errorf("wait for table %s: %w", name, err)
	}
	if err := sameKeys(described.Table, Table(name)); err != nil {
		return "", fmt.Errorf("table %s: %w", name, err)
	}
	ttl, err := c.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		return "", fmt.Errorf("time to live of table %s: %w", name, err)
	}
	if d := ttl.TimeToLiveDescription; d == nil || d.AttributeName == nil {
		if _, err := c.UpdateTimeToLive(ctx, TTL(name)); err != nil {
			return "", fmt.Errorf("time to live of table %s: %w", name, err)
		}
	}
	return aws.ToString(described.Table.LatestStreamArn), nil
}

// sameKeys reports in what a table differs from its definition so that the driver
// cannot work with it.
func sameKeys(got *types.TableDescription, want *dynamodb.CreateTableInput) error {
	if keys(got.KeySchema, got.AttributeDefinitions) != keys(want.KeySchema, want.AttributeDefinitions) {
		return fmt.Errorf("its keys are not %s and %s: it was not made for this server", partitionKey, sortKey)
	}
	for _, index := range want.GlobalSecondaryIndexes {
		if err := hasIndex(got, index, want.AttributeDefinitions); err != nil {
			return fmt.Errorf("%w: it was not made for this server", err)
		}
	}
	return nil
}

// hasIndex reports in what an index of a table differs from its definition.
func hasIndex(got *types.TableDescription, want types.GlobalSecondaryIndex, attributes []types.AttributeDefinition) error {
	for _, index := range got.GlobalSecondaryIndexes {
		if *want.IndexName != aws.ToString(index.IndexName) {
			continue
		}
		if keys(index.KeySchema, got.AttributeDefinitions) != keys(want.KeySchema, attributes) {
			return fmt.Errorf("its index %q has other keys", *want.IndexName)
		}
		for _, a := range want.Projection.NonKeyAttributes {
			if p := index.Projection; p == nil || p.ProjectionType != types.ProjectionTypeAll && !slices.Contains(p.NonKeyAttributes, a) {
				return fmt.Errorf("its index %q lacks %q", *want.IndexName, a)
			}
		}
		return nil
	}
	return fmt.Errorf("it lacks the index %q", *want.IndexName)
}

// keys describes keys by role, name and type, so that they can be compared.
func keys(schema []types.KeySchemaElement, attributes []types.AttributeDefinition) string {
	described := make(map[types.KeyType]string)
	for _, k := range schema {
		for _, a := range attributes {
			if aws.ToString(a.AttributeName) == aws.ToString(k.AttributeName) {
				described[k.KeyType] = *a.AttributeName + " " + string(a.AttributeType)
			}
		}
	}
	return fmt.Sprint(described)
}
