// The lambdabench command measures the serverless path on one machine: what each
// operation costs in requests and units of DynamoDB, how many round trips it waits
// for, and how the bootstrap starts. `make bench-lambda` runs it. Costs are counted,
// by Amazon's rules; times are those of calls that take a given round trip each, so
// only their ratio to it means something.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/commoncurriculum/durable-streams-aws/localstack/meter"
	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func main() {
	var o options
	flag.StringVar(&o.parts, "parts", "latency,contention,compacting,units,cold,idle,size,bootstrap", "what to measure; there is also life, which takes long")
	flag.StringVar(&o.bootstrap, "bootstrap", "bin/api/bootstrap", "the streaming function, built for this machine")
	flag.StringVar(&o.size, "size", "bin/arm64/api/bootstrap", "the same, built for the cloud")
	flag.StringVar(&o.sizes, "sizes", "50,100,200,300,400,500,700,850,1024,1500,2000,2100,4096,8192,16384,32768,61440,65536,102400,262144,1048576", "bytes of the requests of the part life")
	flag.IntVar(&o.objectBytes, "object-bytes", 0, "OBJECT_BYTES; 0 leaves it as it is")
	flag.DurationVar(&o.roundTrip, "round-trip", 5*time.Millisecond, "how long a call to the store takes")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	parts, bootstrap, size, sizes string
	roundTrip                     time.Duration
	objectBytes                   int
}

func run(ctx context.Context, w io.Writer, o options) (err error) {
	db, err := standin.DynamoDB(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := db.Stop(); err == nil {
			err = stopErr
		}
	}()
	s := &site{endpoint: db.Endpoint, table: "bench" + rand.Text(), objects: new(memory.Objects), limits: dynamo.Limits(stream.DefaultLimits())}
	if o.objectBytes > 0 {
		s.limits.ObjectSize = o.objectBytes
	}
	// Nobody reads the change stream here, and a stand-in gets slower the longer it is.
	definition := dynamo.Table(s.table)
	definition.StreamSpecification = nil
	if _, err := dynamo.NewClient(region, db.Endpoint, anybody()).CreateTable(ctx, definition); err != nil {
		return err
	}
	parts := map[string]func() error{
		"latency":    func() error { return latency(ctx, w, s, o.roundTrip) },
		"contention": func() error { return contention(ctx, w, s, o.roundTrip) },
		"units":      func() error { return writeUnits(ctx, w, s) },
		"compacting": func() error { return compacting(ctx, w, s, o.roundTrip) },
		"cold":       func() error { return cold(ctx, w, s) },
		"life":       func() error { return life(ctx, w, s, o.sizes) },
		"idle":       func() error { return idleReader(ctx, w, s) },
		"size":       func() error { return binarySize(w, o.size) },
		"bootstrap":  func() error { return start(ctx, w, o.bootstrap, s) },
	}
	for name := range strings.SplitSeq(o.parts, ",") {
		part := parts[name]
		if part == nil {
			return fmt.Errorf("there is no part %q", name)
		}
		if err := part(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

const region = "us-east-1"

// anybody are the credentials that stand-ins accept.
func anybody() credentials.StaticCredentialsProvider {
	return credentials.NewStaticCredentialsProvider("local", "local", "")
}

// site is a table that processes share. Nothing else is shared.
type site struct {
	endpoint, table string
	objects         stream.Objects
	limits          stream.Limits
}

// process is a log of its own, with connections of its own, behind a meter.
func (s *site) process(o stream.Options, roundTrip time.Duration) (*stream.Log, *meter.Client, error) {
	m := &meter.Client{Client: dynamo.NewClient(region, s.endpoint, anybody()), RoundTrip: roundTrip}
	d, err := dynamo.New(m, dynamo.Options{Table: s.table})
	if err != nil {
		return nil, nil, err
	}
	if o.Limits == (stream.Limits{}) {
		o.Limits = s.limits
	}
	if o.Objects == nil {
		o.Objects = s.objects
	}
	log, err := stream.New(d, o)
	return log, m, err
}

func (s *site) create(ctx context.Context, name string) error {
	log, _, err := s.process(stream.Options{}, 0)
	if err != nil {
		return err
	}
	_, _, err = log.Create(ctx, name, &stream.Create{Config: stream.Config{ContentType: contentType}})
	return err
}

const contentType = "text/plain"

// text is an append of one record.
func text(size int) *stream.Append {
	a := &stream.Append{ContentType: contentType}
	a.Records.Add(make([]byte, size))
	return a
}

// add appends, and flushes if that is due, as a function does.
func add(ctx context.Context, log *stream.Log, name string, a *stream.Append) error {
	done, err := log.Append(ctx, name, a)
	if err == nil && done.FlushDue() {
		err = log.Flush(ctx, name, done)
	}
	return err
}
