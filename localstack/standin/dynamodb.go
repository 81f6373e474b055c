package standin

import (
	"context"
	"fmt"
	"net/url"
	"os"
)

// EndpointVar is the environment variable with the URL of a DynamoDB stand-in
// that runs already, for machines that the npm packages do not support.
const EndpointVar = "DYNAMODB_ENDPOINT"

// DynamoDB returns the stand-in at the URL in DYNAMODB_ENDPOINT, which Stop then
// leaves alone, or else starts [Dynoxide] in memory. It has answered a request
// when DynamoDB returns. Tests must be prepared for tables of others in it. ctx
// bounds the start only.
func DynamoDB(ctx context.Context) (*Process, error) {
	endpoint := os.Getenv(EndpointVar)
	if endpoint == "" {
		return Dynoxide(ctx, "")
	}
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%s is %q: it must be a URL such as http://127.0.0.1:8000", EndpointVar, endpoint)
	}
	waiting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := untilAnswered(waiting, func() (string, error) { return endpoint, nil }); err != nil {
		return nil, fmt.Errorf("%s is %s, and nothing answers there: %w", EndpointVar, endpoint, err)
	}
	return &Process{Endpoint: endpoint, out: &tail{}, stop: func() error { return nil }}, nil
}
