package faults_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/commoncurriculum/durable-streams-aws/localstack/faults"
	s3standin "github.com/commoncurriculum/durable-streams-aws/localstack/s3"
	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/sdkhttp"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// patience is longer than a stand-in takes for a request on a busy machine.
const patience = time.Minute

// standIns are the DynamoDB and S3 of all tests. They are started by the first that needs
// them.
type standIns struct {
	table  *standin.Process
	bucket *s3standin.Server
	dir    string
}

var started = sync.OnceValues(func() (*standIns, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s := &standIns{}
	var err error
	if s.table, err = standin.DynamoDB(ctx); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "faults"); err != nil {
		return s, err
	}
	s.bucket, err = s3standin.Start(s.dir, "objects")
	return s, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := started(); err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for _, err := range []error{s.table.Stop(), s.bucket.Stop(ctx), os.RemoveAll(s.dir)} {
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// place is a table and a bucket of their own.
type place struct {
	t             *testing.T
	table, bucket string
	// dynamoDB and s3 are clients without faults, and more patient than those of production.
	dynamoDB *dynamodb.Client
	s3       *s3.Client
}

var keys = credentials.NewStaticCredentialsProvider("local", "local", "")

func newPlace(t *testing.T) *place {
	t.Helper()
	s, err := started()
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, table: "t" + rand.Text(), bucket: "b" + strings.ToLower(rand.Text())}
	p.dynamoDB = dynamodb.New(dynamo.NewClient("us-east-1", s.table.Endpoint, keys).Options(), func(o *dynamodb.Options) {
		o.HTTPClient = sdkhttp.Client{BuildableClient: awshttp.NewBuildableClient().WithTimeout(patience)}
	})
	if p.s3, err = bucket.NewClient(bucket.Endpoint{URL: s.bucket.Endpoint(), Region: "us-east-1", Credentials: keys}); err != nil {
		t.Fatal(err)
	}
	definition := dynamo.Table(p.table)
	definition.StreamSpecification = nil
	if _, err := p.dynamoDB.CreateTable(t.Context(), definition); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := p.dynamoDB.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &p.table}); err != nil {
			t.Error(err)
		}
	})
	if err := bucket.Ensure(t.Context(), p.s3, p.bucket); err != nil {
		t.Fatal(err)
	}
	return p
}

// store is the place as it is.
func (p *place) store(clock *streamtest.Clock) streamtest.Store {
	return p.through(p.dynamoDB, p.s3, clock, patience)
}

// under is the place with a layer under the clients of production.
func (p *place) under(l *faults.Layer, clock *streamtest.Clock) streamtest.Store {
	s, err := started()
	if err != nil {
		p.t.Fatal(err)
	}
	table := faults.DynamoDB(dynamo.NewClient("us-east-1", s.table.Endpoint, keys), l)
	return p.through(table, faults.S3(p.s3, l), clock, 2*time.Second)
}

func (p *place) through(table *dynamodb.Client, objects *s3.Client, clock *streamtest.Clock, timeout time.Duration) streamtest.Store {
	p.t.Helper()
	d, err := dynamo.New(table, dynamo.Options{Table: p.table, Now: clock.Tick})
	if err != nil {
		p.t.Fatal(err)
	}
	o := bucket.DefaultOptions()
	o.Timeout, o.Pause = timeout, 20*time.Millisecond
	b, err := bucket.New(objects, p.bucket, o)
	if err != nil {
		p.t.Fatal(err)
	}
	return streamtest.Store{Driver: d, Objects: b}
}
