// The container program serves the protocol over HTTP, on the table and the bucket of the
// functions: one process for thousands of live readers, where a function has one process
// for each. Its configuration is that of the functions, in package config. When it is told
// to end (SIGTERM), it takes no more connections, and ends when its requests have.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// headerTime is what a client has for the head of a request.
const headerTime = 10 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	environ := boot.Environ()
	if err := boot.FetchSecrets(ctx, environ); err != nil {
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
	logger.Info("start", slog.Int("port", boot.ContainerPort), slog.String("table", c.Table), slog.String("bucket", c.Bucket))
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", boot.ContainerPort))
	if err != nil {
		boot.Fail(err)
	}
	if err := serve(ctx, listener, boot.WithHealth(handler), max(c.LongPollWait, c.SSELifetime)); err != nil {
		boot.Fail(err)
	}
}

// serve answers requests until ctx ends, and then for as long as those under way last,
// which is patience at most.
func serve(ctx context.Context, l net.Listener, h http.Handler, patience time.Duration) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: headerTime}
	ended := make(chan error, 1)
	go func() {
		<-ctx.Done()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		ended <- server.Shutdown(limited)
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}
