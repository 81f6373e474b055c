// The server command is a complete Durable Streams server in one process, for a
// developer's machine: the same core and HTTP layer as on AWS, on a store of its
// own. Its configuration is in package config.
//
// stores.go opens what it keeps data in, serve.go is its HTTP server, and background.go
// what it does by itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

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
// are answered, live readers are ended, background work stops where it is, and then the
// store is closed.
func run(ctx context.Context, environ map[string]string, stdout, stderr io.Writer) error {
	c, err := config.ReadServer(environ)
	if err != nil {
		return err
	}
	logger := newLogger(stderr, c.LogLevel)
	s, err := openStores(ctx, c, logger)
	if err != nil {
		return err
	}
	return errors.Join(serve(ctx, c, s, logger, stdout), s.close())
}

func newLogger(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelWarn // the configuration has been checked
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l}))
}
