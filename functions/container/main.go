// The container program serves the protocol as one process that lives long: for many live
// readers, which share a watcher of each stream there, and for busy streams, whose appends
// share writes. It works on the table and the bucket of the functions, beside them; what
// they do in the background stays theirs. Its configuration is in package config.
//
// serve.go is its HTTP server, credentials.go how it gets at its stores, and health.go how
// it is asked whether it is well. The Dockerfile beside it makes the image.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	// A second signal does not wait for anything.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], boot.Environ(), os.Stderr); err != nil {
		boot.Logger(os.Stderr, "error").Error("failed", "error", err.Error())
		os.Exit(1)
	}
}

// errUsage is what other arguments than these are answered with.
var errUsage = errors.New("usage: container serves; container health asks the one that runs here whether it is well")

// run serves until ctx ends, and then stops cleanly; or, with the argument "health", asks
// the server that runs in the same container, with the same variables.
func run(ctx context.Context, args []string, environ map[string]string, stderr io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == "health":
		return askHealth(ctx, environ)
	case len(args) > 0:
		return fmt.Errorf("unknown arguments %q: %w", args, errUsage)
	}
	if err := boot.FetchSecrets(ctx, environ); err != nil {
		return err
	}
	c, err := config.ReadContainer(environ)
	if err != nil {
		return err
	}
	return serve(ctx, c, boot.Logger(stderr, c.Function.LogLevel))
}
