package stack

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// streamPath is where streams are, below a URL of the server.
const streamPath = "/v1/stream/"

// addOutputs tells what was made, and how to try it.
func (s *Stack) addOutputs(api awslambda.FunctionUrl) {
	// A function's URL ends in a slash.
	url := awscdk.Fn_Join(jsii.String(""), &[]*string{api.Url(), jsii.String(strings.TrimPrefix(streamPath, "/"))})
	s.output("Url", "where streams are: a stream's name comes after it", url)
	s.output("TableName", "DynamoDB table of heads and recent data", s.table.resource.TableName())
	s.output("BucketName", "bucket of segments and large records", s.objects.environment["BUCKET_NAME"])
}

func (s *Stack) output(id, description string, value *string) {
	awscdk.NewCfnOutput(s.scope, &id, &awscdk.CfnOutputProps{Description: &description, Value: value})
}
