package stack

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdadestinations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsschedulertargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// maxSweep is the longest run; sweepPause is kept between two, so that they do not overlap.
const (
	maxSweep   = 10 * time.Minute
	sweepPause = 10 * time.Second
)

// newSweep makes the function that finishes what was left undone, and its schedule. A run
// that fails is not tried again: the next one comes soon, and goes on where it stopped.
// Its dead letters tell that it failed; there is nothing in them to work off.
func (s *builder) newSweep() {
	f := s.newFunction(functionSettings{
		id:          "Sweep",
		name:        "sweep",
		description: "finishes what was left undone, on a schedule",
		memory:      s.settings.WorkMemory,
		timeout:     min(s.settings.SweepEvery-sweepPause, maxSweep),
		concurrency: s.reserved(1),
	})
	s.grant(f.Role(), sweeping())
	letters := awssqs.NewQueue(s.scope, jsii.String("SweepDeadLetters"), &awssqs.QueueProps{
		Encryption:      awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:      jsii.Bool(true),
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)),
	})
	named(letters, "SweepDeadLetters")
	s.letters = letters
	f.ConfigureAsyncInvoke(&awslambda.EventInvokeConfigOptions{
		RetryAttempts: jsii.Number(0),
		MaxEventAge:   awscdk.Duration_Minutes(jsii.Number(1)),
		OnFailure:     awslambdadestinations.NewSqsDestination(letters),
	})
	role := awsiam.NewRole(s.scope, jsii.String("SweepScheduleRole"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("scheduler.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}},
		}),
	})
	named(role, "SweepScheduleRole")
	schedule := awsscheduler.NewSchedule(s.scope, jsii.String("SweepSchedule"), &awsscheduler.ScheduleProps{
		Description: jsii.String("runs the sweep"),
		Schedule:    awsscheduler.ScheduleExpression_Rate(awscdk.Duration_Minutes(jsii.Number(s.settings.SweepEvery.Minutes()))),
		Target: awsschedulertargets.NewLambdaInvoke(f, &awsschedulertargets.ScheduleTargetBaseProps{
			Role:            role,
			DeadLetterQueue: letters,
			RetryAttempts:   jsii.Number(0),
			MaxEventAge:     awscdk.Duration_Minutes(jsii.Number(1)),
		}),
	})
	named(schedule, "SweepSchedule")
}
