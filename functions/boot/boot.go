// Package boot puts a function together: configuration, storage, log of streams, and
// the handler of the protocol. All functions use it, so that all of them agree on
// limits and on where things are.
//
// It makes no request: a process is ready for its first one within milliseconds,
// and a store that is out of order is reported by the requests that need it.
package boot

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// collectAfter is how long the data of a deleted stream is left alone: longer than a
// function may run, and than a write may be late ([stream.Driver]).
const collectAfter = 5 * time.Minute

// Environ returns the process's environment.
func Environ() map[string]string {
	vars := make(map[string]string)
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		vars[name] = value
	}
	return vars
}

// Logger returns the structured log of a function, one JSON object a line.
func Logger(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo // the configuration has been checked
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l}))
}

// LimitMemory has the garbage collector keep the heap within three eighths of the memory
// that the function has. Without it, large bodies one after another take a process to three
// quarters of the smallest memory, in a heap of which most is garbage; at the whole,
// Lambda kills it. A GOMEMLIMIT in the environment goes first.
func LimitMemory(environ map[string]string) {
	megabytes, err := strconv.ParseInt(environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], 10, 32)
	if err != nil || megabytes <= 0 || environ["GOMEMLIMIT"] != "" {
		return // not on Lambda, or somebody knows better
	}
	debug.SetMemoryLimit(megabytes << 20 * 3 / 8)
}

// Fail reports why the function cannot start, in one line, and ends the process.
func Fail(err error) {
	Logger(os.Stderr, "error").Error("start failed", "error", err.Error())
	os.Exit(1)
}

// Driver returns the store that a function is configured to use.
func Driver(c config.Function) (*dynamo.Store, error) {
	if err := checkEndpoint(c.DynamoDBEndpoint); err != nil {
		return nil, fmt.Errorf("DYNAMODB_ENDPOINT: %w", err)
	}
	own := credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.SessionToken)
	place := bucket.Endpoint{URL: c.BucketEndpoint, Region: c.BucketRegion, Credentials: own}
	if place.Region == "" {
		place.Region = c.Region
	}
	if c.BucketKey != "" {
		place.Credentials = credentials.NewStaticCredentialsProvider(c.BucketKey, c.BucketSecret, "")
	}
	s3, err := bucket.NewClient(place)
	if err != nil {
		return nil, fmt.Errorf("S3_ENDPOINT: %w", err)
	}
	objects, err := bucket.New(s3, c.Bucket, bucket.DefaultOptions())
	if err != nil {
		return nil, fmt.Errorf("BUCKET_NAME: %w", err)
	}
	return dynamo.New(dynamo.NewClient(c.Region, c.DynamoDBEndpoint, own), dynamo.Options{
		Table:        c.Table,
		Objects:      objects,
		CollectAfter: collectAfter,
	})
}

// checkEndpoint refuses an address that requests cannot be sent to. Empty means
// DynamoDB's own.
func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return err
	case endpoint != "" && (u.Host == "" || u.Scheme != "https" && u.Scheme != "http"):
		return fmt.Errorf("%q is not a URL like https://host", endpoint)
	}
	return nil
}

// Limits returns the limits that all functions of a store use.
func Limits(c config.Function) stream.Limits {
	l := dynamo.Limits(c.Limits())
	l.StageSize, l.ObjectSize, l.Producers = c.LinkBytes, c.ObjectBytes, c.Producers
	return l
}

// Check reports what no function could start with.
func Check(c config.Function) error {
	_, err := Handler(c, slog.New(slog.DiscardHandler), false)
	return err
}

// Handler returns the protocol on the configured store, for a front door that sends
// answers as they are written, or buffered, once the handler has returned.
func Handler(c config.Function, logger *slog.Logger, buffered bool) (*protocol.Handler, error) {
	driver, err := Driver(c)
	if err != nil {
		return nil, err
	}
	log, err := stream.New(driver, stream.Options{Limits: Limits(c), Poll: c.Poll()})
	if err != nil {
		return nil, err
	}
	return protocol.New(log, protocol.Config{
		LongPollWait:      c.LongPollWait,
		SSELifetime:       c.SSELifetime,
		MaxBody:           int64(c.MaxBodyBytes),
		FlushBeforeAnswer: c.FlushBeforeAnswer,
		Buffered:          buffered,
		Logger:            logger,
	})
}
