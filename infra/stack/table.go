package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/jsii-runtime-go"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// restoreDays is how far back the table can be restored to.
const restoreDays = 35

// newTable makes the table as [dynamo.Table] and [dynamo.TTL] define it. It can be restored
// to any second of the last restoreDays, and cannot be deleted by accident.
func (s *builder) newTable() awsdynamodb.Table {
	definition, ttl := dynamo.Table(""), dynamo.TTL("")
	kinds := make(map[string]awsdynamodb.AttributeType)
	for _, a := range definition.AttributeDefinitions {
		kinds[*a.AttributeName] = attributeType(a.AttributeType)
	}
	key := func(schema []types.KeySchemaElement, role types.KeyType) *awsdynamodb.Attribute {
		for _, k := range schema {
			if k.KeyType == role {
				return &awsdynamodb.Attribute{Name: k.AttributeName, Type: kinds[*k.AttributeName]}
			}
		}
		return nil
	}
	t := awsdynamodb.NewTable(s.scope, jsii.String("Table"), &awsdynamodb.TableProps{
		PartitionKey:        key(definition.KeySchema, types.KeyTypeHash),
		SortKey:             key(definition.KeySchema, types.KeyTypeRange),
		BillingMode:         awsdynamodb.BillingMode(definition.BillingMode),
		Stream:              awsdynamodb.StreamViewType(definition.StreamSpecification.StreamViewType),
		TimeToLiveAttribute: ttl.TimeToLiveSpecification.AttributeName,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true),
			RecoveryPeriodInDays:       jsii.Number(restoreDays),
		},
		DeletionProtection: jsii.Bool(s.settings.Removal == "retain"),
		// A first deployment that fails leaves it behind, too: with its protection, it could
		// not be deleted then.
		RemovalPolicy: s.retained(awscdk.RemovalPolicy_RETAIN),
	})
	for _, i := range definition.GlobalSecondaryIndexes {
		t.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
			IndexName:        i.IndexName,
			PartitionKey:     key(i.KeySchema, types.KeyTypeHash),
			SortKey:          key(i.KeySchema, types.KeyTypeRange),
			ProjectionType:   awsdynamodb.ProjectionType(i.Projection.ProjectionType),
			NonKeyAttributes: jsii.Strings(i.Projection.NonKeyAttributes...),
		})
	}
	named(t, "Table")
	return t
}

// attributeType is CDK's name of an attribute's type.
func attributeType(t types.ScalarAttributeType) awsdynamodb.AttributeType {
	return map[types.ScalarAttributeType]awsdynamodb.AttributeType{
		types.ScalarAttributeTypeS: awsdynamodb.AttributeType_STRING,
		types.ScalarAttributeTypeN: awsdynamodb.AttributeType_NUMBER,
		types.ScalarAttributeTypeB: awsdynamodb.AttributeType_BINARY,
	}[t]
}
