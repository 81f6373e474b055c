//go:build unix

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/commoncurriculum/durable-streams-aws/localstack/faults"
	s3standin "github.com/commoncurriculum/durable-streams-aws/localstack/s3"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/fsck"
	"github.com/commoncurriculum/durable-streams-aws/pkg/sdkhttp"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

var (
	faultTime = flag.Duration("faulttime", 0, "how long clients write while requests of the functions go wrong; 0 is a few writes each")
	seedFlag  = flag.Uint64("seed", 0, "the seed of these faults; 0 draws one")
)

// TestRandomFaults: clients write to the functions, each request of which to the table, its
// change stream and the bucket may go wrong. What was acknowledged is there once, in order;
// then the change stream and the sweep bring everything into order by themselves.
func TestRandomFaults(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	s3, err := s3standin.Start(t.TempDir(), "durable-streams")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s3.Stop(context.Background()) })
	table, bucket := faults.New(), faults.New()
	db := startDynamoDB(t, filepath.Join(t.TempDir(), "tables.db")) // in memory it gets slower with each change
	h := startHost(t, "DYNAMODB_ENDPOINT="+faulty(t, db.Endpoint, table), "S3_ENDPOINT="+faulty(t, s3.Endpoint(), bucket),
		"LAMBDA_STREAM_FUNCTION=compact", "LAMBDA_SWEEP_EVERY=1s", "SEGMENT_MAX_MESSAGES=4", "LINK_BYTES=256", "OBJECT_BYTES=1024", "LOG_LEVEL=warn")
	const streams, writers = 3, 3
	var histories [streams]streamtest.History
	for i := range histories {
		must(t, 201, put, h.url+fmt.Sprint("s", i), "", contentType, "application/json")
	}
	table.Use(faults.Random{Seed: seed, Share: 0.04})
	bucket.Use(faults.Random{Seed: seed, Share: 0.1})
	until := time.Now().Add(*faultTime)
	var all sync.WaitGroup
	errs := make(chan error, streams*writers)
	for i := range histories {
		for n := range writers {
			w := &httpWriter{url: h.url + fmt.Sprint("s", i), name: fmt.Sprint("w", n), history: &histories[i], producer: n > 0}
			all.Go(func() { errs <- w.write(t.Context(), until) })
		}
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	for what, l := range map[string]*faults.Layer{"the table": table, "the bucket": bucket} {
		l.Stop()
		t.Logf("seed %d: %d requests to %s; %v", seed, l.Requests(), what, l.Injected())
	}
	in := h.inside(t)
	// Who looks at the end waits longer than a function would: the machine may be busy.
	in.driver, err = dynamo.New(dynamodb.New(dynamo.NewClient("us-east-1", in.config.DynamoDBEndpoint, credentials.NewStaticCredentialsProvider("local", "local", "")).Options(), func(o *dynamodb.Options) {
		o.HTTPClient = sdkhttp.Client{BuildableClient: awshttp.NewBuildableClient().WithTimeout(patience)}
	}), dynamo.Options{Table: in.config.Table})
	if err != nil {
		t.Fatal(err)
	}
	limits := dynamo.Limits(stream.DefaultLimits())
	limits.PageSize = 64 << 10 // of segments of four messages
	direct, err := stream.New(in.driver, stream.Options{Objects: in.objects, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	store := streamtest.Store{Driver: in.driver, Objects: in.objects}
	check := func() {
		for i := range histories {
			name := fmt.Sprint("s", i)
			// What the functions still do to a stream may go on while it is looked at.
			inTheEnd(t, func() error {
				err := histories[i].Verify(t.Context(), direct, in.driver, in.objects, name)
				if err != nil && !errors.Is(err, fsck.ErrBusy) {
					t.Fatalf("%s: %v", name, err)
				}
				return err
			})
		}
	}
	check()
	for i := range histories {
		inTheEnd(t, func() error {
			if head := in.head(t, fmt.Sprint("s", i)); head.CompactionOwed() {
				return fmt.Errorf("s%d is not compacted: %+v", i, head)
			}
			return nil
		})
	}
	inTheEnd(t, func() error { return streamtest.InOrder(t.Context(), store, time.Now) })
	check()
	if said := h.operations(t); len(said) != streams {
		t.Errorf("the registry says %v", said)
	}
}

// inTheEnd does something until it succeeds, for so long as the functions may take to catch
// up with what happened to them.
func inTheEnd(t *testing.T, do func() error) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	late := time.After(2*patience + *faultTime)
	for {
		err := do()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatal(err)
		}
	}
}

// faulty puts a layer before a store, and returns where it is then.
func faulty(t *testing.T, store string, l *faults.Layer) string {
	t.Helper()
	p, err := faults.NewProxy(store, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p.URL
}

// httpWriter is a client that appends one message after the other, and notes what it is told.
type httpWriter struct {
	url, name string
	history   *streamtest.History
	// producer says that it numbers its requests, and repeats them until it knows.
	producer bool
}

// write writes until a time, and some times at least.
func (w *httpWriter) write(ctx context.Context, until time.Time) error {
	const least, most = 12, 2000
	for n := 0; n < most && (n < least || time.Now().Before(until)); n++ {
		one := w.history.Begin(w.name, n, 1+n%2, []int{4, 300, 40, 1500, 8}[n%5])
		if err := w.append(ctx, one, n); err != nil {
			return err
		}
	}
	return nil
}

// append appends one write. Only a producer may do it again.
func (w *httpWriter) append(ctx context.Context, one *streamtest.Write, n int) error {
	const tries = 30
	for range tries {
		status, tail, err := w.post(ctx, one, n)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", one.ID, err)
		case status == http.StatusOK, status == http.StatusNoContent:
			done := stream.Appended{Duplicate: w.producer && status == http.StatusNoContent}
			if done.Tail, err = stream.ParseOffset(tail); err != nil {
				return err
			}
			w.history.Acknowledge(one, done, stream.Messages)
			return nil
		case status != http.StatusServiceUnavailable:
			return fmt.Errorf("%s was answered %d", one.ID, status)
		case !w.producer:
			// It may have happened.
			w.history.Fail(one, stream.ErrUnsettled, true)
			return nil
		}
	}
	return fmt.Errorf("%s: no success in %d tries", one.ID, tries)
}

func (w *httpWriter) post(ctx context.Context, one *streamtest.Write, n int) (status int, tail string, err error) {
	var messages []string
	for record := range one.Records().Frames.Records() {
		messages = append(messages, string(record))
	}
	r, err := http.NewRequestWithContext(ctx, post, w.url, strings.NewReader("["+strings.Join(messages, ",")+"]"))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set(contentType, "application/json")
	if w.producer {
		r.Header.Set("Producer-Id", w.name)
		r.Header.Set("Producer-Epoch", "0")
		r.Header.Set("Producer-Seq", fmt.Sprint(n))
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Header.Get("Stream-Next-Offset"), err
}
