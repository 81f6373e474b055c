package stack

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

const (
	// compactTimeout is time for a batch of the largest segments one after the other. What
	// is not done by then is delivered again.
	compactTimeout = 5 * time.Minute
	// compactBatch is how many ends of segments one run gets at most; it gathers them for
	// compactWindow, since one stream's are one compaction.
	compactBatch  = 25
	compactWindow = time.Second
	// compactRetries is how often a batch is tried again, split in two each time, before
	// what fails is given up. Trying takes some minutes: longer than a store is unwell, and
	// shorter than the day after which the change stream forgets.
	compactRetries = 5
	// compactParallel is how many batches of a shard are worked on at once; a stream is in
	// one of them only.
	compactParallel = 4
)

// newCompact makes the function that moves segments into objects, and has it invoked by the
// changes of the table that end one ([dynamo.EndedFilter]).
func (s *builder) newCompact() {
	f := s.newFunction(functionSettings{
		id:          "Compact",
		name:        "compact",
		description: "moves segments that ended into objects",
		memory:      s.settings.WorkMemory,
		timeout:     compactTimeout,
		concurrency: s.reserved(s.settings.CompactLimit),
	})
	s.grant(f.Role(), compacting())
	letters := s.newDeadLetters()
	s.allow(f.Role(), "dynamodb:", []string{"DescribeStream", "GetRecords", "GetShardIterator"}, *s.table.TableStreamArn())
	s.allow(f.Role(), "dynamodb:", []string{"ListStreams"}, "*") // it has no resources
	s.allow(f.Role(), "s3:", []string{"ListBucket"}, *letters.BucketArn())
	s.allow(f.Role(), "s3:", []string{"PutObject"}, *letters.BucketArn()+"/*")
	// Not the construct for it, which would let the function do anything with the dead letters.
	s.mapping = awslambda.NewCfnEventSourceMapping(s.scope, jsii.String("CompactMapping"), &awslambda.CfnEventSourceMappingProps{
		FunctionName:                   f.FunctionName(),
		EventSourceArn:                 s.table.TableStreamArn(),
		StartingPosition:               jsii.String("TRIM_HORIZON"),
		FilterCriteria:                 map[string]any{"filters": []any{map[string]any{"pattern": dynamo.EndedFilter}}},
		BatchSize:                      jsii.Number(compactBatch),
		MaximumBatchingWindowInSeconds: jsii.Number(compactWindow.Seconds()),
		FunctionResponseTypes:          jsii.Strings("ReportBatchItemFailures"),
		BisectBatchOnFunctionError:     jsii.Bool(true),
		MaximumRetryAttempts:           jsii.Number(compactRetries),
		ParallelizationFactor:          jsii.Number(compactParallel),
		DestinationConfig:              map[string]any{"onFailure": map[string]any{"destination": letters.BucketArn()}},
		MetricsConfig:                  map[string]any{"metrics": []any{"EventCount"}},
	})
	// The role's rights first: without them the mapping is refused.
	s.mapping.Node().AddDependency(f.Role())
}

// newDeadLetters makes the bucket of what compaction gave up. A bucket and not a queue:
// a queue is told where in the change stream the records were, which forgets them after
// a day; a bucket gets the records. It is not the bucket of segments, which may be on R2.
// Nothing is lost with a letter: the sweep finds the segment again.
func (s *builder) newDeadLetters() awss3.Bucket {
	b := awss3.NewBucket(s.scope, jsii.String("DeadLetters"), s.private(&awss3.LifecycleRule{
		Id:         jsii.String("expire"),
		Expiration: awscdk.Duration_Days(jsii.Number(90)),
	}))
	named(b, "DeadLetters")
	return b
}
