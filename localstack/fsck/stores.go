package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/embedded"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// stores are what is checked.
type stores struct {
	driver  stream.Driver
	objects stream.Objects
	close   func() error
}

// openStores opens the configured stores, which must exist.
func openStores(ctx context.Context, c config.Fsck) (stores, error) {
	if c.Store == "dynamodb" {
		return openFunctions(c.Function)
	}
	// Opening would make a new store where there is none.
	if _, err := os.Stat(c.DataDir); err != nil {
		return stores{}, fmt.Errorf("DATA_DIR: %w", err)
	}
	there, err := pebble.Peek(c.DataDir, vfs.Default)
	if err != nil {
		return stores{}, fmt.Errorf("DATA_DIR: %w", err)
	}
	if !there.Exists {
		return stores{}, fmt.Errorf("DATA_DIR is %s, and there is no store in it", c.DataDir)
	}
	store, err := embedded.Open(c.DataDir, embedded.DefaultOptions())
	if errors.Is(err, embedded.ErrInUse) {
		return stores{}, fmt.Errorf("%w\nStop the server that uses it first", err)
	}
	if err != nil {
		return stores{}, err
	}
	s := stores{driver: store, close: store.Close}
	if s.objects, err = openObjects(ctx, c); err != nil {
		return stores{}, errors.Join(err, store.Close())
	}
	return s, nil
}

// openFunctions opens the table and the bucket of the functions.
func openFunctions(c config.Function) (stores, error) {
	driver, err := boot.Driver(c)
	if err != nil {
		return stores{}, err
	}
	// The driver does not tell of the lives that are over until some minutes later. For
	// the check they are owed at once.
	driver.Now = func() time.Time { return time.Now().Add(time.Hour) }
	objects, err := boot.Objects(c)
	if err != nil {
		return stores{}, err
	}
	return stores{driver: driver, objects: objects, close: func() error { return nil }}, nil
}

// The server marks the bucket of a data directory with an object that holds the same as a
// file in the directory.
const (
	markObject = "owner"
	markFile   = "bucket-owner"
)

// openObjects opens the objects of a data directory: files, or the bucket that belongs to
// it.
func openObjects(ctx context.Context, c config.Fsck) (stream.Objects, error) {
	mark, err := os.ReadFile(filepath.Join(c.DataDir, markFile))
	marked := err == nil
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case marked && c.BucketEndpoint == "":
		return nil, fmt.Errorf("records of %s are in a bucket: set S3_ENDPOINT and BUCKET_NAME to it", c.DataDir)
	case !marked && c.BucketEndpoint != "":
		return nil, fmt.Errorf("S3_ENDPOINT is set, but records of %s are in no bucket", c.DataDir)
	case !marked:
		return embedded.OpenObjects(c.DataDir, vfs.Default)
	}
	client, err := bucket.NewClient(bucket.Endpoint{
		URL: c.BucketEndpoint, Region: c.BucketRegion,
		Credentials: credentials.NewStaticCredentialsProvider(c.BucketKey, c.BucketSecret, ""),
	})
	if err != nil {
		return nil, fmt.Errorf("S3_ENDPOINT: %w", err)
	}
	objects, err := bucket.New(client, c.BucketName, bucket.DefaultOptions())
	if err != nil {
		return nil, fmt.Errorf("BUCKET_NAME: %w", err)
	}
	stored, err := objects.Object(ctx, markObject, 0, -1)
	if err != nil && !errors.Is(err, stream.ErrNoItem) {
		return nil, fmt.Errorf("BUCKET_NAME is %s, at %s (S3_ENDPOINT): %w", c.BucketName, c.BucketEndpoint, err)
	}
	if string(stored) != string(mark) {
		return nil, fmt.Errorf("BUCKET_NAME is %s, at %s (S3_ENDPOINT), but records of %s are in another bucket", c.BucketName, c.BucketEndpoint, c.DataDir)
	}
	return objects, nil
}
