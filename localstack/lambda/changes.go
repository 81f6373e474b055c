//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/eventsource"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
)

const (
	// compact is the function that moves segments into the bucket.
	compact = "compact"
	// off is the name of no function.
	off = "none"
)

// deliverChanges invokes a function with the changes of the table until it is stopped. (A
// stand-in may have forgotten some when it was restarted; then the sweep finds what they
// told of.)
func deliverChanges(d deployed, function host.Config, s *stores, logger *slog.Logger) (stop func() error, err error) {
	c := d.config
	f, err := host.New(function)
	if err != nil {
		return nil, fmt.Errorf("LAMBDA_STREAM_FUNCTION: %w", err)
	}
	own := credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.Token)
	streams := dynamodbstreams.New(dynamodbstreams.Options{Region: c.Region, BaseEndpoint: &s.dynamoDB, Credentials: own})
	settings := d.changes()
	settings.StreamARN = s.stream
	letters := deadLetters{file: deadLetterFile(c), function: function.ARN(), logger: logger}
	settings.OnFailure = letters.add
	settings.Logger = logger
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
