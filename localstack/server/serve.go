package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/admin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
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
	handler, err := protocol.New(log, protocol.Config{
		LongPollWait: c.LongPollWait,
		SSELifetime:  c.SSELifetime,
		MaxBody:      int64(c.MaxBodyBytes),
		CompressFrom: c.CompressFrom,
		PageMaxAge:   c.PageMaxAge,
		Logger:       logger,
		Report: func(r protocol.Request) []slog.Attr {
			counted.Add(metrics.Requested(r)...)
			return nil
		},
	})
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
	listener, err := net.Listen("tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return fmt.Errorf("listen on %s port %d: %w\nSet PORT to another port", c.Host, c.Port, err)
	}
	server := &http.Server{
		Handler:           admin.New(log, admin.Config{Token: c.AdminToken, Metrics: counted, Logger: logger}).Mount(handler),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
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

	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		handler.Shutdown()
		// The end of ctx is why we stop, so the stop has a context of its own.
		stopping, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		stopped <- server.Shutdown(stopping)
	}()
	err = server.Serve(listener)
	cancel()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	err = errors.Join(err, <-stopped)
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
	fmt.Fprintf(w, "Durable Streams server on %s\nData is kept %s.\n\nTry it:\n", url, where)
	fmt.Fprintf(w, "  curl -X PUT %shello -H 'Content-Type: text/plain' -d 'hello, world'\n", url)
	fmt.Fprintf(w, "  curl '%shello?offset=-1'\n\n", url)
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		fmt.Fprintf(w, "WARNING: listening on %s, not on loopback. There is no authentication: anybody who\nreaches this address can read, write and delete every stream.\n\n", tcp.IP)
	}
}
