package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// rights are actions on the table and on objects, by the names that IAM has for them, and
// the indexes that may be queried. They are what the code asks for, and no more; a test
// runs it and compares. A transaction needs the rights of the writes that it consists of,
// a batch has its own.
type rights struct {
	table, objects, indexes []string
}

// answering are the rights of what answers requests.
func answering() rights {
	return rights{
		table:   []string{"GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"},
		objects: []string{"GetObject", "PutObject"},
		indexes: []string{dynamo.ListIndex},
	}
}

// compacting are the rights of compaction.
func compacting() rights {
	return rights{
		table:   []string{"GetItem", "Query", "PutItem", "UpdateItem"},
		objects: []string{"GetObject", "PutObject", "DeleteObject"},
	}
}

// sweeping are the rights of the sweep.
func sweeping() rights {
	return rights{
		table:   []string{"GetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"},
		objects: []string{"GetObject", "PutObject", "DeleteObject"},
		indexes: []string{dynamo.WorkIndex},
	}
}

// grant gives a role rights on the table and, if it is the stack's, the bucket; what may be
// done in another bucket, its keys say. Everybody may list the bucket: without that, S3
// answers 403 for an object that is not there, and not 404.
func (s *Stack) grant(role awsiam.IRole, r rights) {
	table := *s.table.TableArn()
	s.allow(role, "dynamodb:", r.table, table)
	for _, name := range r.indexes {
		s.allow(role, "dynamodb:", []string{"Query"}, table+"/index/"+name)
	}
	if s.objects.own == nil {
		return
	}
	bucket := *s.objects.own.BucketArn()
	s.allow(role, "s3:", r.objects, bucket+"/*")
	s.allow(role, "s3:", []string{"ListBucket"}, bucket)
}

func (s *Stack) allow(role awsiam.IRole, service string, actions []string, resources ...string) {
	var full []string
	for _, action := range actions {
		full = append(full, service+action)
	}
	role.AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings(full...),
		Resources: jsii.Strings(resources...),
	}))
}
