// Package stack describes what is deployed to AWS: one table, one bucket, the functions
// on them, and what is needed to run them. Each file is one concern:
//
//   - stack.go: the stack, and the order in which its parts are made.
//   - table.go, bucket.go: where streams are kept.
//   - functions.go: what all functions have in common.
//   - api.go, compact.go, sweep.go, httpapi.go: each function, its trigger and its rights.
//   - policies.go: rights on table and bucket, by what the code calls.
//   - outputs.go: what `make deploy` prints.
//
// Names, keys, filters and metrics are those of the packages that use them, so that the
// template cannot differ from the code.
package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// Stack is the stack and its parts, for those that refer to each other.
type Stack struct {
	scope    awscdk.Stack
	settings config.Stack
	// bootstraps is the folder with a folder for each function.
	bootstraps string

	table   table
	objects objects
}

// New adds the stack to an app. The functions' bootstraps are in folders of their own in
// the folder bootstraps. Settings must be of [config.ReadStack]. It panics where CDK
// does, such as for bootstraps that are not there.
func New(app awscdk.App, settings config.Stack, bootstraps string) *Stack {
	s := &Stack{
		scope: awscdk.NewStack(app, &settings.Name, &awscdk.StackProps{
			Description: jsii.String("Durable Streams: a server of append-only streams on Lambda, DynamoDB and S3"),
			Tags:        tags(settings.Tags),
		}),
		settings:   settings,
		bootstraps: bootstraps,
	}
	s.table = s.newTable()
	s.objects = s.newObjects()
	api := s.newAPI()
	s.newCompact()
	s.newSweep()
	if settings.HTTPAPI {
		s.newHTTPAPI()
	}
	s.addOutputs(api)
	return s
}

// retained is the removal policy of what holds streams.
func (s *Stack) retained() awscdk.RemovalPolicy {
	if s.settings.Removal == "destroy" {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}

func tags(of map[string]string) *map[string]*string {
	all := make(map[string]*string, len(of))
	for name, value := range of {
		all[name] = jsii.String(value)
	}
	return &all
}

// named gives a resource a logical id that people can read. CDK's own have a hash at the
// end, so that constructs of libraries cannot collide; there is one construct of each here.
func named(c interface{ Node() constructs.Node }, id string) {
	c.Node().DefaultChild().(awscdk.CfnResource).OverrideLogicalId(&id)
}
