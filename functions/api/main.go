// The api function serves the protocol behind a function URL with response
// streaming. Its configuration is in package config.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/lambdahttp"
)

func main() {
	environ := boot.Environ()
	boot.LimitMemory(environ)
	if err := boot.FetchSecrets(context.Background(), environ); err != nil {
		boot.Fail(err)
	}
	c, err := config.ReadFunction(environ)
	if err != nil {
		boot.Fail(err)
	}
	logger := boot.Logger(os.Stderr, c.LogLevel)
	handler, err := boot.Handler(c, logger, false)
	if err != nil {
		boot.Fail(err)
	}
	logger.Debug("start", slog.String("table", c.Table), slog.String("bucket", c.Bucket))
	lambda.Start(lambdahttp.Handler(handler, lambdahttp.Options{Logger: logger}))
}
