package dynamo_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

func TestEnsureTable(t *testing.T) {
	for _, process := range []struct {
		name  string
		start func() (*standin.Process, error)
	}{{"dynoxide", processes.dynoxide}, {"official", processes.official}} {
		t.Run(process.name, func(t *testing.T) {
			c := sdk(t, process.start)
			drop := func(table string) {
				t.Cleanup(func() {
					if _, err := c.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &table}); err != nil {
						t.Error(err)
					}
				})
			}
			table := "t" + rand.Text()
			first, err := dynamo.EnsureTable(within(t), c, table)
			check(t, err)
			drop(table)
			if !strings.Contains(first, table) {
				t.Errorf("the change stream is %q", first)
			}
			// It is of use.
			d := newStore(t, c, table)
			check(t, d.Create(t.Context(), "s", aHead(1), nil))
			again, err := dynamo.EnsureTable(within(t), c, table)
			check(t, err)
			if again != first {
				t.Errorf("the same table has the change stream %q, and then %q", first, again)
			}
			if _, err := d.Head(t.Context(), "s", true); err != nil {
				t.Errorf("the table was not left as it is: %v", err)
			}
			ttl, err := c.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &table})
			check(t, err)
			if got := aws.ToString(ttl.TimeToLiveDescription.AttributeName); got != "ttl" {
				t.Errorf("the attribute of expiry is %q", got)
			}

			for _, other := range []struct {
				name   string
				change func(*dynamodb.CreateTableInput)
				says   string
			}{
				{"no sort key", func(in *dynamodb.CreateTableInput) {
					in.KeySchema = in.KeySchema[:1]
					in.AttributeDefinitions = append(in.AttributeDefinitions[:1], in.AttributeDefinitions[2:]...)
				}, "keys"},
				{"another key", func(in *dynamodb.CreateTableInput) {
					in.KeySchema[0].AttributeName = aws.String("id")
					in.AttributeDefinitions[0].AttributeName = aws.String("id")
				}, "keys"},
				{"no index", func(in *dynamodb.CreateTableInput) {
					in.GlobalSecondaryIndexes = nil
					in.AttributeDefinitions = in.AttributeDefinitions[:2]
				}, "index"},
				{"another index", func(in *dynamodb.CreateTableInput) {
					in.GlobalSecondaryIndexes[0].IndexName = aws.String("other")
				}, "index"},
				{"the index by other keys", func(in *dynamodb.CreateTableInput) {
					in.GlobalSecondaryIndexes[0].KeySchema[0].AttributeName = aws.String("sk")
					in.AttributeDefinitions = append(in.AttributeDefinitions[:2], in.AttributeDefinitions[3:]...)
				}, "index"},
				{"no index of names", func(in *dynamodb.CreateTableInput) {
					in.GlobalSecondaryIndexes = in.GlobalSecondaryIndexes[:1]
					in.AttributeDefinitions = in.AttributeDefinitions[:4]
				}, `"listing"`},
				{"the index of names without a manifest's attribute", func(in *dynamodb.CreateTableInput) {
					in.GlobalSecondaryIndexes[1].Projection.NonKeyAttributes = []string{"f", "mo", "mt", "mn", "mk", "mz"}
				}, `"mh"`},
				{"the index without what is owed", func(in *dynamodb.CreateTableInput) {
					in.GlobalSecondaryIndexes[0].Projection = &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}
				}, "index"},
				{"a key of another type", func(in *dynamodb.CreateTableInput) {
					in.AttributeDefinitions[1].AttributeType = types.ScalarAttributeTypeB
				}, "keys"},
			} {
				name := "t" + rand.Text()
				in := dynamo.Table(name)
				other.change(in)
				if _, err := c.CreateTable(t.Context(), in); err != nil {
					t.Fatalf("%s: %v", other.name, err)
				}
				drop(name)
				_, err := dynamo.EnsureTable(within(t), c, name)
				if err == nil || !strings.Contains(err.Error(), other.says) || !strings.Contains(err.Error(), name) {
					t.Errorf("%s: %v", other.name, err)
				}
			}
		})
	}
	gone := dynamo.NewClient("us-east-1", "http://127.0.0.1:1", sdk(t, processes.dynoxide).Options().Credentials)
	if _, err := dynamo.EnsureTable(within(t), gone, "t"); err == nil {
		t.Error("a table where there is no server")
	}
}
