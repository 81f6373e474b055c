package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	s3standin "github.com/commoncurriculum/durable-streams-aws/localstack/s3"
)

// binarySize prints the size of a bootstrap.
func binarySize(w io.Writer, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "The bootstrap for linux/arm64 has %.2f MB\n\n", float64(info.Size())/1e6)
	return nil
}

// start prints how long the bootstrap takes to its first request, and how much memory
// it has had by then and later.
func start(ctx context.Context, w io.Writer, bootstrap string, s *site) (err error) {
	dir, err := os.MkdirTemp("", "lambdabench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	const bucket = "bench"
	objects, err := s3standin.Start(dir, bucket)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, objects.Stop(ctx)) }()
	env := []string{
		"AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"TABLE_NAME=" + s.table, "DYNAMODB_ENDPOINT=" + s.endpoint, "BUCKET_NAME=" + bucket, "S3_ENDPOINT=" + objects.Endpoint(),
		"LOG_LEVEL=warn",
	}
	if err := startTimes(ctx, w, bootstrap, env); err != nil {
		return err
	}
	return peakMemory(ctx, w, bootstrap, env)
}

// startTimes prints the time from the exec to the first request for an invocation.
func startTimes(ctx context.Context, w io.Writer, bootstrap string, env []string) error {
	const starts = 20
	times := make([]time.Duration, starts)
	for i := range times {
		f, err := startFunction(ctx, bootstrap, env)
		if err != nil {
			return err
		}
		times[i] = f.init
		if err := f.stop(); err != nil {
			return err
		}
	}
	slices.Sort(times)
	fmt.Fprintf(w, "Start of the bootstrap, from exec to its first poll (%d starts)\n\n| median | max |\n|---|---|\n| %.1f ms | %.1f ms |\n\n",
		starts, milliseconds(times[starts/2]), milliseconds(times[starts-1]))
	return nil
}

// peakMemory prints the most memory that one process has had, as it does more and more.
func peakMemory(ctx context.Context, w io.Writer, bootstrap string, env []string) (err error) {
	const appends, large = 100, 4 << 20
	f, err := startFunction(ctx, bootstrap, env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	const small, big = "/v1/stream/memory/small", "/v1/stream/memory/large"
	fmt.Fprint(w, "Peak memory of one process (VmHWM)\n\n| after | MB |\n|---|---|\n")
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"the start", func() error { return nil }},
		{fmt.Sprintf("%d appends of 100 bytes", appends), func() error {
			if err := f.request(ctx, "PUT", small, nil, nil); err != nil {
				return err
			}
			for range appends {
				if err := f.request(ctx, "POST", small, make([]byte, 100), nil); err != nil {
					return err
				}
			}
			return nil
		}},
		{fmt.Sprintf("an append of %d bytes, as base64", large), func() error {
			if err := f.request(ctx, "PUT", big, nil, nil); err != nil {
				return err
			}
			return f.request(ctx, "POST", big, make([]byte, large), nil)
		}},
		{"reading it", func() error {
			var n counter
			err := f.request(ctx, "GET", big, nil, &n)
			if err == nil && n < large {
				err = fmt.Errorf("only %d bytes of %d came back", n, large)
			}
			return err
		}},
		{"the same ten times", func() error {
			for range 10 {
				err := f.request(ctx, "POST", big, make([]byte, large), nil)
				if err == nil {
					err = f.request(ctx, "GET", big, nil, nil)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		peak, err := f.peak()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "| %s | %.1f |\n", step.name, float64(peak)/1e6)
	}
	fmt.Fprintln(w)
	return nil
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// request sends a request as a function URL does, and fails if it does. The response,
// its prelude included, goes to the writer if there is one.
func (f *function) request(ctx context.Context, method, path string, body []byte, response io.Writer) error {
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": path, "headers": map[string]string{"content-type": "application/octet-stream"},
		"requestContext": map[string]any{"http": map[string]string{"method": method}},
		"body":           base64.StdEncoding.EncodeToString(body), "isBase64Encoded": true,
	})
	if err != nil {
		return err
	}
	var begin strings.Builder
	to := io.Writer(&firstBytes{&begin, 200})
	if response != nil {
		to = io.MultiWriter(to, response)
	}
	if err := f.invoke(ctx, event, to); err != nil {
		return err
	}
	if !strings.HasPrefix(begin.String(), `{"statusCode":2`) {
		return fmt.Errorf("%s %s: %s", method, path, begin.String())
	}
	return nil
}

// firstBytes passes the first few bytes on and drops the others.
type firstBytes struct {
	to   io.Writer
	left int
}

func (b *firstBytes) Write(p []byte) (int, error) {
	n := min(b.left, len(p))
	b.left -= n
	_, err := b.to.Write(p[:n])
	return len(p), err
}
