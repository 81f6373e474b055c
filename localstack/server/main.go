// The server command is a complete Durable Streams server in one process, for a
// developer's machine: the same core and HTTP layer as on AWS, on a store of its
// own. Its configuration is in package config.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/embedded"
	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// stopTimeout is how long a stop waits for requests under way.
const stopTimeout = 15 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, environ(), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func environ() map[string]string {
	vars := make(map[string]string)
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		vars[name] = value
	}
	return vars
}

// run serves until ctx ends, and then stops cleanly: writes under way finish and
// are answered, live readers are ended, and the store is closed.
func run(ctx context.Context, environ map[string]string, stdout, stderr io.Writer) error {
	c, err := config.ReadServer(environ)
	if err != nil {
		return err
	}
	logger := newLogger(stderr, c.LogLevel)
	driver, closeStore, err := openStore(c, logger)
	if err != nil {
		return err
	}
	return errors.Join(serve(ctx, c, driver, logger, stdout), closeStore())
}

func newLogger(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelWarn // the configuration has been checked
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l}))
}

// openStore opens the configured store. The second result closes it.
func openStore(c config.Server, logger *slog.Logger) (stream.Driver, func() error, error) {
	if c.Store == "memory" {
		return memory.New(), func() error { return nil }, nil
	}
	o := embedded.DefaultOptions()
	o.CacheBytes, o.HeadBytes, o.Logger = c.CacheBytes, c.HeadBytes, logger
	store, err := embedded.Open(c.DataDir, o)
	if errors.Is(err, embedded.ErrInUse) {
		return nil, nil, fmt.Errorf("%w\nStop that process, or set DATA_DIR to another directory", err)
	}
	if err != nil {
		return nil, nil, err
	}
	return store, store.Close, nil
}

// serve runs the HTTP server on a driver until ctx ends.
func serve(ctx context.Context, c config.Server, driver stream.Driver, logger *slog.Logger, stdout io.Writer) error {
	log, err := stream.New(driver, stream.Options{Limits: c.Limits()})
	if err != nil {
		return err
	}
	handler, err := protocol.New(log, protocol.Config{
		LongPollWait: c.LongPollWait,
		SSELifetime:  c.SSELifetime,
		MaxBody:      int64(c.MaxBodyBytes),
		Logger:       logger,
	})
	if err != nil {
		return err
	}
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
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		collect(ctx, log, logger)
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
	<-collected
	return err
}

// announce tells the user where the server is and how to try it.
func announce(w io.Writer, c config.Server, addr net.Addr) {
	url := fmt.Sprintf("http://%s/v1/stream/", addr)
	where := "in memory only: it is gone when the server stops"
	if c.Store == "embedded" {
		where = "in " + c.DataDir
	}
	fmt.Fprintf(w, "Durable Streams server on %s\nData is kept %s.\n\nTry it:\n", url, where)
	fmt.Fprintf(w, "  curl -X PUT %shello -H 'Content-Type: text/plain' -d 'hello, world'\n", url)
	fmt.Fprintf(w, "  curl '%shello?offset=-1'\n\n", url)
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		fmt.Fprintf(w, "WARNING: listening on %s, not on loopback. There is no authentication: anybody who\nreaches this address can read, write and delete every stream.\n\n", tcp.IP)
	}
}

// collect discards the data of ended streams, until ctx ends.
func collect(ctx context.Context, log *stream.Log, logger *slog.Logger) {
	const every, batch = 2 * time.Second, 1000
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		done, err := log.Collect(ctx, batch)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			logger.Error("collect", "error", err)
		case done.Settled+done.Failed > 0:
			logger.Info("collect", "settled", done.Settled, "failed", done.Failed)
		}
	}
}

// serveProfiles serves net/http/pprof, on loopback only: profiles tell what is in
// memory.
func serveProfiles(ctx context.Context, addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("PPROF_ADDR: %w", err)
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		return errors.Join(fmt.Errorf("PPROF_ADDR is %s: it must be a loopback address", addr), listener.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	return nil
}
