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
		"LOG_LEVEL=warn", "MAX_BATCH_MESSAGES=1000000",
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
	message := `{"from":"ann","text":"hello"}`
	batch := []byte("[" + strings.Repeat(message+",", large/(len(message)+1)-1) + message + "]")
	f, err := startFunction(ctx, bootstrap, env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	small := client{f, "/v1/stream/memory/small", "application/octet-stream"}
	big := client{f, "/v1/stream/memory/large", "application/octet-stream"}
	messages := client{f, "/v1/stream/memory/messages", "application/json"}
	for _, s := range []client{small, big, messages} {
		if err := s.request(ctx, "PUT", nil, 0); err != nil {
			return err
		}
	}
	fmt.Fprint(w, "Peak memory of one process (VmHWM)\n\n| after | MB |\n|---|---|\n")
	for _, step := range []struct {
		name  string
		times int
		do    func() error
	}{
		{"the start and three creates", 1, func() error { return nil }},
		{"appends of 100 bytes", appends, func() error { return small.request(ctx, "POST", make([]byte, 100), 0) }},
		{"appends of 4 MiB, as base64", 1, func() error { return big.request(ctx, "POST", make([]byte, large), 0) }},
		{"reads of 4 MiB", 1, func() error { return big.request(ctx, "GET", nil, large) }},
		{"appends of 4 MiB of small JSON messages", 1, func() error { return messages.request(ctx, "POST", batch, 0) }},
		{"reads of 4 MiB of JSON messages", 1, func() error { return messages.request(ctx, "GET", nil, len(batch)/2) }},
		{"appends and reads of 4 MiB, all again", 10, func() error {
			return errors.Join(
				big.request(ctx, "POST", make([]byte, large), 0), big.request(ctx, "GET", nil, large),
				messages.request(ctx, "POST", batch, 0), messages.request(ctx, "GET", nil, len(batch)/2))
		}},
	} {
		for range step.times {
			if err := step.do(); err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
		}
		peak, err := f.peak()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "| %d %s | %.1f |\n", step.times, step.name, float64(peak)/1e6)
	}
	fmt.Fprintln(w)
	return nil
}

// client makes requests to one stream of a function.
type client struct {
	function          *function
	path, contentType string
}

// request sends a request as a function URL does. It fails if the answer does, or has
// fewer bytes than it should have.
func (s client) request(ctx context.Context, method string, body []byte, least int) error {
	text, binary := string(body), s.contentType != "application/json"
	if binary {
		text = base64.StdEncoding.EncodeToString(body)
	}
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": s.path, "headers": map[string]string{"content-type": s.contentType},
		"requestContext": map[string]any{"http": map[string]string{"method": method}},
		"body":           text, "isBase64Encoded": binary,
	})
	if err != nil {
		return err
	}
	var got beginning
	if err := s.function.invoke(ctx, event, &got); err != nil {
		return err
	}
	if !strings.HasPrefix(string(got.kept), `{"statusCode":2`) || got.length < least {
		return fmt.Errorf("%s %s: %d bytes: %s", method, s.path, got.length, got.kept)
	}
	return nil
}

// beginning keeps the first bytes that are written to it, and counts all.
type beginning struct {
	kept   []byte
	length int
}

func (b *beginning) Write(p []byte) (int, error) {
	const enough = 200
	b.kept = append(b.kept, p[:min(len(p), enough-len(b.kept))]...)
	b.length += len(p)
	return len(p), nil
}
