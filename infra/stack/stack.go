// Package stack describes what is deployed to AWS: one table, one bucket, the functions
// on them, and what is needed to run them. Each file is one concern:
//
//   - stack.go: the stack, and the order in which its parts are made.
//   - table.go, bucket.go: where streams are kept.
//   - functions.go: what all functions have in common.
//   - api.go, compact.go, sweep.go, httpapi.go: each function, its trigger and its rights.
//   - policies.go: rights on table and bucket, by what the code calls.
//   - secrets.go: tokens, and who may read them.
//   - cloudfront.go, edge.go, fargate.go: what may be put in front.
//   - alarms.go, frontalarms.go, dashboard.go: what somebody has to know, or may want to.
//   - outputs.go: what `make deploy` prints.
//
// Names, keys, filters and metrics are those of the packages that use them, so that the
// template cannot differ from the code.
package stack

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// builder makes the stack, and has the parts that others refer to.
type builder struct {
	scope    awscdk.Stack
	settings config.Stack
	sources  Sources

	table   awsdynamodb.Table
	objects objects
	vault   vault
	// functions are those of the stack, by their ids.
	functions map[string]awslambda.Function
	// mapping delivers changes of the table to compaction; letters are what the sweep could
	// not be told.
	mapping awslambda.CfnEventSourceMapping
	letters awssqs.Queue
	// cdn and live are what may be in front; nil without them.
	cdn  awscloudfront.Distribution
	live *containers
}

// Sources is where the programs are that are deployed.
type Sources struct {
	// Bootstraps is the folder with a folder for each function, as `make functions` builds
	// them.
	Bootstraps string
	// Repository is the folder that the container's image is built from.
	Repository string
}

// New adds the stack to an app. Settings must be of [config.ReadStack]. It panics where
// CDK does, such as for programs that are not there. It makes no request.
func New(app awscdk.App, settings config.Stack, sources Sources) awscdk.Stack {
	s := &builder{
		scope: awscdk.NewStack(app, &settings.Name, &awscdk.StackProps{
			Description: jsii.String("Durable Streams: a server of append-only streams on Lambda, DynamoDB and S3"),
		}),
		settings:  settings,
		sources:   sources,
		functions: make(map[string]awslambda.Function),
	}
	s.tag()
	s.table = s.newTable()
	s.objects = s.newObjects()
	s.vault = s.newVault()
	api := s.newAPI()
	url := api.Url()
	if settings.CloudFront {
		url = s.newCDN(api)
		if settings.OpenURL {
			s.output("FunctionUrl", "the function's own URL, which FUNCTION_URL_OPEN leaves open", api.Url())
		}
	}
	s.newCompact()
	s.newSweep()
	if settings.HTTPAPI {
		s.newHTTPAPI()
	}
	s.addAlarms()
	s.addDashboard()
	s.addOutputs(url)
	return s.scope
}

// tag puts the tags of the settings on everything that takes some, but for the VPC origin:
// CloudFront refuses any change of one that is in use, tags included. A tag of the stack
// itself would be passed on to it.
func (s *builder) tag() {
	for _, name := range slices.Sorted(maps.Keys(s.settings.Tags)) {
		awscdk.Tags_Of(s.scope).Add(&name, jsii.String(s.settings.Tags[name]), &awscdk.TagProps{
			ExcludeResourceTypes: jsii.Strings("AWS::CloudFront::VpcOrigin", "aws:cdk:stack"),
		})
	}
}

// retained is the removal policy of what holds streams: kept, or what the settings say.
func (s *builder) retained(kept awscdk.RemovalPolicy) awscdk.RemovalPolicy {
	if s.settings.Removal == "destroy" {
		return awscdk.RemovalPolicy_DESTROY
	}
	return kept
}

// named gives a resource a logical id that people can read. CDK's own have a hash at the
// end, so that constructs of libraries cannot collide; there is one construct of each here.
func named(c interface{ Node() constructs.Node }, id string) {
	c.Node().DefaultChild().(awscdk.CfnResource).OverrideLogicalId(&id)
}
