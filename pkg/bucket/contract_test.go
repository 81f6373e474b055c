package bucket_test

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	s3standin "github.com/commoncurriculum/durable-streams-aws/localstack/s3"
	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// credentials are those of a stand-in.
func credentials(id, secret string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, nil
	})
}

func newClient(t testing.TB, endpoint string) *s3.Client {
	t.Helper()
	client, err := bucket.NewClient(bucket.Endpoint{URL: endpoint, Region: "us-east-1", Credentials: credentials("local", "local")})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// newStore returns a store with the options of production, except that it is more
// patient: the machine of a test may be busy.
func newStore(t testing.TB, api bucket.API, name string) *bucket.Store {
	t.Helper()
	o := bucket.DefaultOptions()
	o.Timeout = time.Minute
	store, err := bucket.New(api, name, o)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// standIn starts a local S3.
func standIn(t testing.TB) string {
	t.Helper()
	server, err := s3standin.Start(t.TempDir(), "objects")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return server.Endpoint()
}

func TestObjects(t *testing.T) {
	streamtest.RunObjects(t, func(t *testing.T) stream.Objects {
		return newStore(t, newClient(t, standIn(t)), "objects")
	})
}

// TestObjectsAtEndpoint runs the suite against any other S3 API, such as
// versitygw, LocalStack, R2 or S3 itself, in buckets that it creates and deletes:
//
//	S3_ENDPOINT=http://127.0.0.1:7070 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... \
//	    go test ./pkg/bucket -run TestObjectsAtEndpoint
func TestObjectsAtEndpoint(t *testing.T) {
	endpoint := os.Getenv("S3_ENDPOINT")
	if endpoint == "" {
		t.Skip("S3_ENDPOINT is not set")
	}
	client, err := bucket.NewClient(bucket.Endpoint{
		URL: endpoint, Region: os.Getenv("AWS_REGION"),
		Credentials: credentials(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")),
	})
	if err != nil {
		t.Fatal(err)
	}
	streamtest.RunObjects(t, func(t *testing.T) stream.Objects {
		name := "durable-streams-test-" + strings.ToLower(rand.Text())
		if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { deleteBucket(t, client, name) })
		return streamtest.SlowObjects{Objects: newStore(t, client, name)}
	})
}

func deleteBucket(t *testing.T, client *s3.Client, name string) {
	ctx := context.Background()
	store := newStore(t, client, name)
	keys, err := store.ListObjects(ctx, "", "", 10_000)
	if err != nil {
		t.Error(err)
	}
	for _, key := range keys {
		if _, err := store.DiscardObjects(ctx, key, 10_000); err != nil {
			t.Error(err)
		}
	}
	if _, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name}); err != nil {
		t.Error(err)
	}
}
