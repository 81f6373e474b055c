package stack

import (
	"maps"
	"path/filepath"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// functionSettings is in what the functions differ.
type functionSettings struct {
	// id is its logical id; name is that of its program in the folder functions.
	id, name    string
	description string
	memory      int
	timeout     time.Duration
	// concurrency is what is reserved for it, and its limit; 0 means neither.
	concurrency int
	environment map[string]*string
	// secrets are the variables of its that are secrets, beside the keys of the bucket.
	secrets []string
}

// newFunction makes a function, with a role that may write its own log and nothing else,
// and a log that ends after a while.
func (s *builder) newFunction(f functionSettings) awslambda.Function {
	log := s.newLog(f.id + "Log")
	role := awsiam.NewRole(s.scope, jsii.String(f.id+"Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	named(role, f.id+"Role")
	log.GrantWrite(role)
	environment := s.environment(role, f.secrets)
	maps.Copy(environment, f.environment)
	props := &awslambda.FunctionProps{
		Description:          &f.description,
		Runtime:              awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:         awslambda.Architecture_ARM_64(),
		Handler:              jsii.String("bootstrap"),
		Code:                 awslambda.Code_FromAsset(jsii.String(filepath.Join(s.sources.Bootstraps, f.name)), nil),
		MemorySize:           jsii.Number(f.memory),
		Timeout:              seconds(f.timeout),
		EphemeralStorageSize: awscdk.Size_Mebibytes(jsii.Number(s.spoolSize())),
		Environment:          &environment,
		Role:                 role,
		LogGroup:             log,
		Tracing:              awslambda.Tracing_DISABLED,
	}
	if s.settings.Tracing {
		props.Tracing = awslambda.Tracing_ACTIVE
	}
	if f.concurrency > 0 {
		props.ReservedConcurrentExecutions = jsii.Number(f.concurrency)
	}
	function := awslambda.NewFunction(s.scope, &f.id, props)
	named(function, f.id)
	s.functions[f.id] = function
	return function
}

// reserved is how much concurrency is kept for a function, as far as any is: what is kept
// for one, the other functions of the account cannot have.
func (s *builder) reserved(n int) int {
	if !s.settings.Reserve {
		return 0
	}
	return n
}

// spoolSize is the size of /tmp, in MiB, where a segment is put together on its way to the
// bucket, one at a time. 512 are free, and enough for all but huge segments, which the
// last batch in them may make larger yet.
func (s *builder) spoolSize() int {
	const free, most = 512, 10240
	return min(max(free, 2*s.settings.Streams().SegmentBytes>>20), most)
}

// environment is what every program of the stack is told, and lets its role read the
// secrets among some variables, and the keys of the bucket.
func (s *builder) environment(role awsiam.IRole, secrets []string) map[string]*string {
	environment := make(map[string]*string)
	for name, value := range s.settings.Functions {
		environment[name] = &value
	}
	environment["TABLE_NAME"] = s.table.TableName()
	maps.Copy(environment, s.objects.environment)
	maps.Copy(environment, s.secretsOf(role, append(secrets, "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")...))
	return environment
}

// newLog makes a log that forgets.
func (s *builder) newLog(id string) awslogs.LogGroup {
	log := awslogs.NewLogGroup(s.scope, &id, &awslogs.LogGroupProps{
		Retention:     retentions()[s.settings.LogDays],
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	named(log, id)
	return log
}

func seconds(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(jsii.Number(d.Seconds()))
}

// retentions are CloudWatch's, by days.
func retentions() map[int]awslogs.RetentionDays {
	return map[int]awslogs.RetentionDays{
		1: awslogs.RetentionDays_ONE_DAY, 3: awslogs.RetentionDays_THREE_DAYS, 5: awslogs.RetentionDays_FIVE_DAYS,
		7: awslogs.RetentionDays_ONE_WEEK, 14: awslogs.RetentionDays_TWO_WEEKS, 30: awslogs.RetentionDays_ONE_MONTH,
		60: awslogs.RetentionDays_TWO_MONTHS, 90: awslogs.RetentionDays_THREE_MONTHS,
		180: awslogs.RetentionDays_SIX_MONTHS, 365: awslogs.RetentionDays_ONE_YEAR,
	}
}
