package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// rights are actions on the table and on each of its indexes. A transaction needs those of
// the writes that it consists of, and a batch its own.
type rights struct {
	table   []string
	indexes []string
}

// answers are the rights of what answers requests.
func answers() rights {
	return rights{
		table:   []string{"GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"},
		indexes: []string{"Query"},
	}
}

// compaction are the rights of compaction.
func compaction() rights {
	return rights{table: []string{"GetItem", "Query", "PutItem", "UpdateItem"}}
}

// sweeping are the rights of the sweep.
func sweeping() rights {
	return rights{
		table:   []string{"GetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"},
		indexes: []string{"Query"},
	}
}

// grantTable gives a function rights on the table.
func (s *Stack) grantTable(f awslambda.Function, r rights) {
	s.allow(f, "dynamodb:", r.table, *s.table.resource.TableArn())
	var indexes []string
	for _, name := range s.table.indexes {
		indexes = append(indexes, *s.table.resource.TableArn()+"/index/"+name)
	}
	if len(r.indexes) > 0 {
		s.allow(f, "dynamodb:", r.indexes, indexes...)
	}
}

// grantObjects gives a function rights on the objects of the stack's bucket. Without the
// right to list, S3 answers 403 for an object that is not there, and not 404.
func (s *Stack) grantObjects(f awslambda.Function, verbs ...string) {
	if s.objects.own == nil {
		return // the keys of the other bucket say what may be done there
	}
	var actions []string
	for _, verb := range verbs {
		actions = append(actions, verb+"Object")
	}
	s.allow(f, "s3:", actions, *s.objects.own.BucketArn()+"/*")
	s.allow(f, "s3:", []string{"ListBucket"}, *s.objects.own.BucketArn())
}

func (s *Stack) allow(f awslambda.Function, service string, actions []string, resources ...string) {
	var full []string
	for _, action := range actions {
		full = append(full, service+action)
	}
	f.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings(full...),
		Resources: jsii.Strings(resources...),
	}))
}
