package stack_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// accepted are the findings of the rules AwsSolutions that stay, and why. They are for
// resources whose path has the key in it.
var accepted = []struct{ rule, path, why string }{
	{"AwsSolutions-IAM5", "/CompactRole/", "dynamodb:ListStreams has no resources; dead letters have names of Lambda's choice"},
	{"AwsSolutions-IAM5", "Role/DefaultPolicy", "objects have names of the streams' choice; a role writes all streams of its own log"},
	{"AwsSolutions-S1", "/Objects/", "a log of accesses would cost more than the objects: only the functions have access, and they write a line for each request"},
	{"AwsSolutions-S1", "/DeadLetters/", "Lambda alone writes there, when something is wrong, and an alarm tells of it"},
	{"AwsSolutions-SQS3", "/SweepDeadLetters/", "it is a dead-letter queue"},
	{"AwsSolutions-SMG4", "Token/", "a token that changes by itself locks all clients out: the README says how it is changed"},
	{"AwsSolutions-SMG4", "/OriginSecret", "CloudFront gets it with a deployment: ORIGIN_SECRET_ROUND changes it"},
	{"AwsSolutions-APIG4", "/HttpApi/", "clients have tokens and no AWS credentials: the function decides who may do what"},
	{"AwsSolutions-CFR1", "/Cdn/", "where clients are is not the server's business"},
	{"AwsSolutions-CFR2", "/Cdn/", "a firewall has a price a month and rules of one's own: it can be attached to the distribution"},
	{"AwsSolutions-CFR3", "/Cdn/", "the function writes a line for each request that reaches it, and a log of the others is dearer than they are"},
	{"AwsSolutions-CFR4", "/Cdn/", "the minimum is the one of CloudFront's own certificate; a domain of one's own sets it"},
	{"AwsSolutions-EC23", "/Live/", "there is no way to the load balancer but CloudFront's"},
	{"AwsSolutions-ELB2", "/Live/", "the containers write a line for each request"},
	{"AwsSolutions-ECS4", "/Cluster/", "Container Insights costs by the metric; load and healthy containers are metrics of ECS and the load balancer, and the containers write theirs into their log"},
	{"AwsSolutions-ECS2", "/Container/", "secrets are fetched from Secrets Manager; these are settings"},
}

// finding is what CDK says of a construct. (The fields of its own type are deprecated, and
// nothing has taken their place in Go.)
type finding struct {
	ID    string `json:"id"`
	Entry any    `json:"entry"`
}

// TestGoodPractice runs the rules AwsSolutions of cdk-nag. A finding is corrected, or
// accepted with a reason; what is accepted must be found.
func TestGoodPractice(t *testing.T) {
	met := make(map[int]bool)
	for _, set := range [][]string{nil, everything} {
		app, s := newApp(t, t.TempDir(), set...)
		awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Verbose: jsii.Bool(true)}), nil)
		found := assertions.Annotations_FromStack(s)
		any := assertions.Match_StringLikeRegexp(jsii.String(".*"))
		for _, m := range append(*found.FindError(jsii.String("*"), any), *found.FindWarning(jsii.String("*"), any)...) {
			var f finding
			if err := json.Unmarshal([]byte(text(m)), &f); err != nil {
				t.Fatal(err)
			}
			message := text(f.Entry)
			rule := regexp.MustCompile(`(AwsSolutions-\w+|CdkNagValidationFailure)`).FindString(message)
			if rule == "" {
				continue // a warning of CDK's own
			}
			known := false
			for i, a := range accepted {
				if a.rule == rule && regexp.MustCompile(regexp.QuoteMeta(a.path)).MatchString(f.ID+"/") {
					met[i], known = true, true
				}
			}
			if !known {
				t.Errorf("%s: %s", f.ID, message)
			}
		}
	}
	for i, a := range accepted {
		if !met[i] {
			t.Errorf("%s of %q is accepted (%s), but not found", a.rule, a.path, a.why)
		}
	}
}
