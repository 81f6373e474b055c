package main

import (
	"context"
	"log/slog"
	"net"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/httpserver"
)

// serve answers requests until ctx ends. Then appends under way finish and are answered,
// live readers are ended at the end of an event, and go on where they are sent next.
func serve(ctx context.Context, c config.Container, logger *slog.Logger) error {
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	own, err := processCredentials(starting, c.Function)
	if err != nil {
		return err
	}
	if err := checkStores(starting, c.Function, own, logger); err != nil {
		return err
	}
	streams, err := boot.LogAs(c.Function, own)
	if err != nil {
		return err
	}
	handler, endReaders, err := boot.Serve(streams, c.Function, logger, false)
	if err != nil {
		return err
	}
	listener, err := httpserver.Listen(c.Host, c.Port)
	if err != nil {
		return err
	}
	announce(logger, c, listener.Addr())
	err = httpserver.Serve(ctx, listener, withHealth(handler), httpserver.Options{
		Stopping: func() {
			logger.Info("stopping")
			endReaders()
		},
		StopTimeout: c.StopTimeout,
		MaxHeader:   2 * c.Function.MaxHeaderBytes,
		Logger:      logger,
	})
	if err == nil {
		logger.Info("stopped")
	}
	return err
}

// announce logs what matters of the configuration: where it listens, and what it works on.
func announce(logger *slog.Logger, c config.Container, addr net.Addr) {
	attrs := []any{
		slog.String("address", addr.String()), slog.String("table", c.Function.Table),
		slog.String("bucket", c.Function.Bucket), slog.String("region", c.Function.Region),
	}
	if c.Function.DynamoDBEndpoint != "" {
		attrs = append(attrs, slog.String("dynamodb", c.Function.DynamoDBEndpoint))
	}
	if c.Function.BucketEndpoint != "" {
		attrs = append(attrs, slog.String("s3", c.Function.BucketEndpoint))
	}
	logger.Info("serving", attrs...)
	if c.Function.Exposes(addr) {
		logger.Warn("there is no authentication (AUTH_MODE is off): whoever reaches this address can read, write and delete every stream", "address", addr.String())
	}
}
