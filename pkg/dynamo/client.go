package dynamo

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/commoncurriculum/durable-streams-aws/pkg/sdkhttp"
)

const (
	// attemptTimeout is the deadline of one request. DynamoDB answers in
	// milliseconds; what takes this long is lost.
	attemptTimeout = 2 * time.Second
	// readAttempts is how often a read is tried. Writes are tried once; see once.
	readAttempts = 3
	// readPause is how long it waits in between. The SDK's own pauses of seconds are
	// longer than any reader waits.
	readPause = 50 * time.Millisecond
	// idleTimeout is how long a connection is kept without use. A frozen process
	// finds the server gone from connections older than that, and would not know
	// whether the write that it tried on one was applied.
	idleTimeout = 20 * time.Second
)

// NewClient returns the SDK's client as the driver needs it: every request has a
// deadline, reads are repeated a few times, and connections are not kept for long.
// An empty endpoint means DynamoDB itself. It makes no request.
func NewClient(region, endpoint string, credentials aws.CredentialsProvider) *dynamodb.Client {
	return newClient(region, endpoint, credentials, attemptTimeout)
}

func newClient(region, endpoint string, credentials aws.CredentialsProvider, timeout time.Duration) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:       region,
		BaseEndpoint: optional(endpoint),
		Credentials:  credentials,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = readAttempts, readPause
		}),
		HTTPClient: sdkhttp.Client{BuildableClient: awshttp.NewBuildableClient().WithTimeout(timeout).WithTransportOptions(func(t *http.Transport) {
			t.IdleConnTimeout = idleTimeout
			t.MaxIdleConnsPerHost = 64
		})},
	})
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
