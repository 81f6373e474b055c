//go:build unix

// The lambda command runs the functions on your own machine as AWS Lambda would: the
// real bootstraps, each in processes of their own that share nothing but a DynamoDB
// table and a bucket. Stand-ins for those are started with it, unless endpoints of
// others are given. Its configuration is in package config.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/frontdoor"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/invoke"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/httpserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	// A second Ctrl-C does not wait for anything.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], boot.Environ(), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// The functions that answer requests.
const (
	api         = "api"
	apiBuffered = "apibuffered"
)

// usage is what there is besides the environment variables.
const usage = `usage:
  lambda               serve a function over HTTP
  lambda invoke FILE   run the function once, with the event in FILE, and print its response
Environment variables configure both: see the README.`

// run serves until ctx ends; or with the arguments "invoke FILE" it runs one event and
// prints the response.
func run(ctx context.Context, args []string, environ map[string]string, stdout, stderr io.Writer) (err error) {
	var event []byte
	switch {
	case len(args) == 0:
	case len(args) == 2 && args[0] == "invoke":
		if event, err = os.ReadFile(args[1]); err != nil {
			return err
		}
	default:
		return fmt.Errorf("unknown arguments %q\n%s", args, usage)
	}
	c, err := config.ReadLambdaHost(environ)
	if err != nil {
		return err
	}
	d, err := loadDeployed(c, environ)
	if err != nil {
		return err
	}
	configured, err := checkFunction(d)
	if err != nil {
		return err
	}
	logger := boot.Logger(stderr, c.LogLevel)
	s, err := openStores(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	function := d.function(c.Function, s, stderr, logger)
	if event != nil {
		return invokeOnce(ctx, function, event, stdout)
	}
	if c.Function == compact || c.Function == sweep {
		return fmt.Errorf("LAMBDA_FUNCTION is %s, which has no front door: it can be run by one event only (lambda invoke FILE)", c.Function)
	}
	stop, err := startBackground(d, s, stderr, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	return serve(ctx, d, function, configured, s, logger, stdout)
}

// startBackground runs what nobody asks for: the function on the table's changes, and the
// sweep.
func startBackground(d deployed, s *stores, output io.Writer, logger *slog.Logger) (stop func() error, err error) {
	var stops []func() error
	stop = func() error {
		var errs []error
		for _, stop := range stops {
			errs = append(errs, stop())
		}
		return errors.Join(errs...)
	}
	if name := d.config.StreamFunction; name != off {
		stopChanges, err := deliverChanges(d, d.background(name, s, output, logger), s, logger)
		if err != nil {
			return nil, err
		}
		stops = append(stops, stopChanges)
	}
	if every := d.sweepEvery(); every > 0 {
		stopSweep, err := scheduleFunction(d.background(sweep, s, output, logger), every, logger)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("LAMBDA_SWEEP_EVERY: %w", err), stop())
		}
		stops = append(stops, stopSweep)
	}
	return stop, nil
}

// checkFunction returns the functions' configuration, and reports what one would end with
// when it is started, which here would be by the first request.
func checkFunction(d deployed) (config.Function, error) {
	c := d.config
	vars := d.env(c.Function, c.DynamoDB, c.S3)
	vars["AWS_REGION"] = c.Region // Lambda sets it
	function, err := config.ReadFunction(vars)
	if err != nil {
		return config.Function{}, err
	}
	if err := boot.Check(function); err != nil {
		return config.Function{}, err
	}
	if _, err := os.Stat(bootstrap(c, c.Function)); err != nil {
		return config.Function{}, fmt.Errorf("LAMBDA_BIN has no bootstrap of %s: %w\nBuild it (make build-lambda), or set LAMBDA_BIN to the directory that has it", c.Function, err)
	}
	return function, nil
}

// bootstrap is the path of a function's executable.
func bootstrap(c config.LambdaHost, function string) string {
	return filepath.Join(c.Bin, function, "bootstrap")
}

// invokeOnce runs one event.
func invokeOnce(ctx context.Context, function host.Config, event []byte, stdout io.Writer) error {
	function.Spread = 0
	result, err := invoke.Once(ctx, function, event)
	if err != nil {
		return err
	}
	return result.Print(stdout)
}

// stopTimeout is how long a stop waits for requests under way. Those that write take
// milliseconds, and live readers are cut off after any time.
const stopTimeout = time.Second

// serve runs the function's front door until ctx ends. configured is what the function
// reads.
func serve(ctx context.Context, d deployed, function host.Config, configured config.Function, s *stores, logger *slog.Logger, stdout io.Writer) (err error) {
	c := d.config
	f, err := host.New(function)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	listener, err := httpserver.Listen(c.Host, c.Port)
	if err != nil {
		return err
	}
	o := frontdoor.Options{Logger: logger}
	handler := frontdoor.FunctionURL(f, frontdoor.URLOptions{Options: o})
	if c.Function == apiBuffered {
		handler = frontdoor.HTTPAPI(f, o)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	announce(stdout, d, configured.Streams, s, listener.Addr())
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		// The end of ctx is why we stop, so the stop has a context of its own. Live
		// readers do not end by themselves: what is not done by then is cut off.
		stopping, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		err := server.Shutdown(stopping)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		stopped <- err
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
