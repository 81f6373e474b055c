//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/eventsource"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

const (
	// compact is the function that moves segments into the bucket.
	compact = "compact"
	// off is the name of no function.
	off = "none"
)

// deliverChanges invokes a function with the changes of the table until it is stopped.
// It begins with the oldest that the table still has: what a function did not get before
// the host ended must reach it, and getting one twice is what functions are made for.
// (A stand-in may have forgotten them when it was restarted; then the sweep finds what
// they told of.)
func deliverChanges(c config.LambdaHost, function host.Config, s *stores, logger *slog.Logger) (stop func() error, err error) {
	f, err := host.New(function)
	if err != nil {
		return nil, fmt.Errorf("LAMBDA_STREAM_FUNCTION: %w", err)
	}
	own := credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.Token)
	streams := dynamodbstreams.New(dynamodbstreams.Options{Region: c.Region, BaseEndpoint: &s.dynamoDB, Credentials: own})
	settings := eventsource.DefaultConfig(s.stream, types.ShardIteratorTypeTrimHorizon)
	settings.BisectBatchOnFunctionError, settings.ReportBatchItemFailures = true, true
	settings.MaximumRetryAttempts = c.StreamRetries
	letters := deadLetters{file: deadLetterFile(c), function: function.ARN(), logger: logger}
	settings.OnFailure = letters.add
	settings.Logger = logger
	if filter := streamFilter(c); filter != "" {
		settings.Filters = []string{filter}
	}
	mapping, err := eventsource.New(settings, streams, f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("LAMBDA_STREAM_FILTER: %w", err), f.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mapping.Run(ctx) }()
	return func() error {
		cancel()
		return errors.Join(<-ended, f.Close())
	}, nil
}

// streamFilter is the pattern of the changes that the function gets; empty means all.
func streamFilter(c config.LambdaHost) string {
	if c.StreamFilter == "" && c.StreamFunction == compact {
		return dynamo.EndedFilter
	}
	return c.StreamFilter
}
