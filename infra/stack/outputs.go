package stack

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// streamPath is where streams are, below a URL of the server.
const streamPath = "/v1/stream/"

// addOutputs tells what was made, and how to try it. The URL ends in a slash.
func (s *Stack) addOutputs(server *string) {
	url := *server + strings.TrimPrefix(streamPath, "/")
	s.output("Url", "where streams are: a stream's name comes after it", &url)
	header := ""
	if token := s.vault.secrets["AUTH_TOKEN"]; token != nil {
		command := "aws secretsmanager get-secret-value --region " + *awscdk.Aws_REGION() + " --secret-id " + *token.SecretArn() + " --query SecretString --output text"
		s.output("TokenCommand", "prints the token of clients", &command)
		header = ` -H "Authorization: Bearer $(` + command + `)"`
	}
	try := `curl -i -X PUT ` + url + `hello -H 'Content-Type: application/json' -d '["hello"]'` + header
	s.output("Try", "creates a first stream", &try)
	s.output("AdminTokenSecret", "secret with the token of the administrators' API", s.vault.secrets["ADMIN_TOKEN"].SecretArn())
	s.output("TableName", "DynamoDB table of heads and recent data", s.table.TableName())
	s.output("BucketName", "bucket of segments and large records", s.objects.environment["BUCKET_NAME"])
}

func (s *Stack) output(id, description string, value *string) {
	awscdk.NewCfnOutput(s.scope, &id, &awscdk.CfnOutputProps{Description: &description, Value: value})
}
