package s3standin_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	s3standin "github.com/commoncurriculum/durable-streams-aws/localstack/s3"
	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func start(t *testing.T, dir string) *s3standin.Server {
	t.Helper()
	s, err := s3standin.Start(dir, "objects")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stop(t *testing.T, s *s3standin.Server) {
	t.Helper()
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func storeAt(t *testing.T, endpoint, name string) *bucket.Store {
	t.Helper()
	client, err := bucket.NewClient(bucket.Endpoint{URL: endpoint, Region: "us-east-1", Credentials: aws.CredentialsProviderFunc(
		func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		})})
	if err != nil {
		t.Fatal(err)
	}
	store, err := bucket.New(client, name, bucket.Options{Timeout: time.Minute, Rate: 1 << 20, Attempts: 1, Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func put(t *testing.T, store *bucket.Store, key, body string) error {
	return store.PutObject(t.Context(), key, io.NewSectionReader(strings.NewReader(body), 0, int64(len(body))))
}

func TestObjectsSurviveRestart(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	store := storeAt(t, s.Endpoint(), "objects")
	if err := put(t, store, "a/1", "body"); err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	if err := put(t, store, "a/2", ""); err == nil {
		t.Error("a put after the stop succeeds")
	}

	s = start(t, dir)
	defer stop(t, s)
	store = storeAt(t, s.Endpoint(), "objects")
	got, err := store.Object(t.Context(), "a/1", 0, -1)
	if err != nil || string(got) != "body" {
		t.Errorf("after a restart: %q, %v", got, err)
	}
	if err := put(t, store, "a/1", "other"); !errors.Is(err, stream.ErrObjectExists) {
		t.Errorf("put over it: %v, want ErrObjectExists", err)
	}
}

func TestOnLoopbackOnly(t *testing.T) {
	s := start(t, t.TempDir())
	defer stop(t, s)
	u, err := url.Parse(s.Endpoint())
	if err != nil || !net.ParseIP(u.Hostname()).IsLoopback() {
		t.Errorf("endpoint %s, %v", s.Endpoint(), err)
	}
}

func TestDirectoryIsInUse(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	if _, err := s3standin.Start(dir, "objects"); !errors.Is(err, s3standin.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second server: %v, want ErrInUse", err)
	}
	stop(t, s)
	stop(t, start(t, dir))
}

func TestBucketNames(t *testing.T) {
	if _, err := s3standin.Start(t.TempDir(), "No_Bucket"); err == nil {
		t.Error("a bad bucket name is accepted")
	}
	s := start(t, t.TempDir())
	defer stop(t, s)
	err := put(t, storeAt(t, s.Endpoint(), "another"), "a", "")
	if !errors.Is(err, stream.ErrRejected) || !strings.Contains(err.Error(), "create the bucket") {
		t.Errorf("put into a bucket that does not exist: %v", err)
	}
}
