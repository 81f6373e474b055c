package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/admin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/httpserver"
	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/registry"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// stopTimeout is how long a stop waits for requests under way.
const stopTimeout = 15 * time.Second

// serve runs the HTTP server and the background work on stores until ctx ends. When it
// returns, nothing uses the stores any more.
func serve(ctx context.Context, c config.Server, s stores, logger *slog.Logger, stdout io.Writer) error {
	counted := new(metrics.Registry)
	compactor := newCompactor(counted, logger)
	registrar := newRegistrar(counted, logger)
	log, err := stream.New(s.driver, stream.Options{
		Limits: c.Limits(), Objects: s.objects, Spool: s.spool, Ended: compactor.ended,
		Registry: c.Registries(), Record: registry.Record, Owing: registrar.owing,
	})
	if err != nil {
		return err
	}
	compactor.compact, registrar.register = log.Compact, log.Register
	access, err := c.Auth.Open(logger)
	if err != nil {
		return err
	}
	settings := c.Protocol()
	settings.Logger = logger
	settings.Report = func(r protocol.Request) []slog.Attr {
		counted.AddRequest(r)
		return nil
	}
	administration := admin.Config{Token: c.AdminToken, Metrics: metrics.Process{Registry: counted}, Logger: logger}
	if access != nil {
		settings.Access, administration.Admits = access, access.Admin
	}
	handler, err := protocol.New(log, settings)
	if err != nil {
		return err
	}
	counted.Readers(handler.LiveReaders)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.Profile != "" {
		if err := serveProfiles(ctx, c.Profile); err != nil {
			return err
		}
	}
	listener, err := httpserver.Listen(c.Host, c.Port)
	if err != nil {
		return err
	}
	own := &background{
		log: log, metrics: counted, logger: logger,
		idleAfter: c.SealIdleAfter, sweepEvery: c.SweepEvery,
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		own.run(ctx, compactor, registrar)
	}()
	announce(stdout, c, listener.Addr())

	err = httpserver.Serve(ctx, listener, admin.New(log, administration).Mount(handler), httpserver.Options{
		Stopping:    handler.Shutdown,
		StopTimeout: stopTimeout,
		MaxHeader:   2 * c.MaxHeaderBytes,
		Logger:      logger,
	})
	cancel()
	<-ended
	return err
}

// announce tells the user where the server is and how to try it.
func announce(w io.Writer, c config.Server, addr net.Addr) {
	url := fmt.Sprintf("http://%s/v1/stream/", addr)
	where := "in memory only: it is gone when the server stops"
	if c.Store == "embedded" {
		where = "in " + c.DataDir
	}
	if c.BucketEndpoint != "" {
		where += fmt.Sprintf(", and in bucket %s at %s", c.BucketName, c.BucketEndpoint)
	}
	fmt.Fprintf(w, "Durable Streams server on %s\nData is kept %s.\n%s\n\nTry it:\n", url, where, c.Auth.Describe())
	fmt.Fprintf(w, "  curl%s -X PUT %shello -H 'Content-Type: text/plain' -d 'hello, world'\n", c.CurlHeader(), url)
	fmt.Fprintf(w, "  curl%s '%shello?offset=-1'\n\n", c.CurlHeader(), url)
	fmt.Fprint(w, c.WarnOpen(addr))
}
