package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A bucket and a data directory belong together: records of the one are missing in the
// other, and what the sweep finds in a bucket and does not know of, it removes. So a
// server marks an empty bucket as its own before it uses it, with an object that holds
// the same random text as a file in its data directory. It refuses a bucket with another
// mark, or with objects and none, such as that of functions.
const (
	markObject = "owner"
	markFile   = "bucket-owner"
)

// streamObjects is what the keys of all objects of streams begin with.
const streamObjects = "stream/"

// openBucket returns the objects of the configured bucket, once it is sure that they
// belong to the data directory. files are the objects in that.
func openBucket(ctx context.Context, c config.Server, files stream.Objects) (stream.Objects, error) {
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
	kept, err := hasObjects(ctx, files)
	if err != nil {
		return nil, err
	}
	if kept {
		return nil, fmt.Errorf("S3_ENDPOINT is set, but records are in %s already\nUnset S3_ENDPOINT, or set DATA_DIR to another directory", filepath.Join(c.DataDir, "objects"))
	}
	mark, err := readMark(c.DataDir)
	if err == nil {
		err = claim(ctx, objects, mark)
	}
	if err != nil {
		return nil, fmt.Errorf("BUCKET_NAME is %s, at %s (S3_ENDPOINT): %w", c.BucketName, c.BucketEndpoint, err)
	}
	return objects, nil
}

// errOtherBucket says that a bucket is not the data directory's.
var errOtherBucket = errors.New("the bucket has objects of another server, or of another DATA_DIR\nSet BUCKET_NAME to an empty bucket, or DATA_DIR to the directory that belongs to it")

// claim marks an empty bucket, or checks the mark of one in use. It makes one request or
// three.
func claim(ctx context.Context, objects stream.Objects, mark string) error {
	stored, err := objects.Object(ctx, markObject, 0, -1)
	switch {
	case err == nil && string(stored) == mark:
		return nil
	case err == nil:
		return errOtherBucket
	case !errors.Is(err, stream.ErrNoItem):
		return err
	}
	if used, err := hasObjects(ctx, objects); err != nil {
		return err
	} else if used {
		return errOtherBucket
	}
	err = objects.PutObject(ctx, markObject, io.NewSectionReader(strings.NewReader(mark), 0, int64(len(mark))))
	if errors.Is(err, stream.ErrObjectExists) {
		return errOtherBucket
	}
	return err
}

func hasObjects(ctx context.Context, objects stream.Objects) (bool, error) {
	keys, err := objects.ListObjects(ctx, streamObjects, "", 1)
	return len(keys) > 0, err
}

// refuseBucket fails if the objects of a data directory are in a bucket.
func refuseBucket(dir string) error {
	_, err := os.Stat(filepath.Join(dir, markFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("records of %s are in a bucket\nSet S3_ENDPOINT and BUCKET_NAME to it, or DATA_DIR to another directory", dir)
}

// readMark returns the text with which a data directory marks its bucket. It makes one
// up, and keeps it, if there is none.
func readMark(dir string) (string, error) {
	path := filepath.Join(dir, markFile)
	mark, err := os.ReadFile(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return string(mark), err
	}
	fresh := rand.Text()
	// The file appears whole: after a crash that left half of it, no bucket would fit.
	temp, err := os.CreateTemp(dir, markFile+".*")
	if err != nil {
		return "", err
	}
	_, err = temp.WriteString(fresh)
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return "", errors.Join(err, os.Remove(temp.Name()))
	}
	return fresh, errors.Join(os.Rename(temp.Name(), path), syncFolder(dir))
}

// syncFolder makes durable what was renamed into a folder.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
