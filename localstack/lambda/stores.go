//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/credentials"

	s3standin "github.com/commoncurriculum/durable-streams-aws/localstack/s3"
	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// stores are the DynamoDB and S3 that the functions use.
type stores struct {
	dynamoDB, s3 string
	// stream is the ARN of the table's change stream.
	stream string
	// local says that at least one of them is a stand-in of ours.
	local bool
	stops []func() error
}

// openStores starts what is not given by an endpoint, and makes sure that the table
// and the bucket exist.
func openStores(ctx context.Context, c config.LambdaHost) (s *stores, err error) {
	s = &stores{dynamoDB: c.DynamoDB, s3: c.S3}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	own := credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.Token)
	if s.dynamoDB == "" || s.s3 == "" {
		unlock, err := lockDir(c.DataDir)
		if err != nil {
			return s, err
		}
		s.local, s.stops = true, append(s.stops, unlock)
	}
	if s.dynamoDB == "" {
		if err := s.startDynamoDB(ctx, c.DataDir); err != nil {
			return s, err
		}
	}
	s.stream, err = dynamo.EnsureTable(ctx, dynamo.NewClient(c.Region, s.dynamoDB, own), c.Table)
	if err != nil {
		return s, fmt.Errorf("TABLE_NAME is %s, in the DynamoDB at %s (DYNAMODB_ENDPOINT): %w", c.Table, s.dynamoDB, err)
	}
	if s.s3 == "" {
		return s, s.startS3(c.DataDir, c.Bucket)
	}
	client, err := bucket.NewClient(bucket.Endpoint{URL: s.s3, Region: c.Region, Credentials: own})
	if err != nil {
		return s, fmt.Errorf("S3_ENDPOINT: %w", err)
	}
	if err := bucket.Ensure(ctx, client, c.Bucket); err != nil {
		return s, fmt.Errorf("BUCKET_NAME is %s, in the S3 at %s (S3_ENDPOINT): %w", c.Bucket, s.s3, err)
	}
	return s, nil
}

func (s *stores) startDynamoDB(ctx context.Context, dir string) error {
	p, err := standin.Dynoxide(ctx, filepath.Join(dir, "dynamodb.sqlite"))
	if err != nil {
		return err
	}
	s.dynamoDB = p.Endpoint
	s.stops = append(s.stops, p.Stop)
	return nil
}

func (s *stores) startS3(dir, name string) error {
	server, err := s3standin.Start(filepath.Join(dir, "s3"), name)
	if err != nil {
		return fmt.Errorf("BUCKET_NAME is %s, in DATA_DIR: %w", name, err)
	}
	s.s3 = server.Endpoint()
	s.stops = append(s.stops, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		return server.Stop(ctx)
	})
	return nil
}

// close stops what was started, the last first.
func (s *stores) close() error {
	var errs []error
	for i := len(s.stops) - 1; i >= 0; i-- {
		errs = append(errs, s.stops[i]())
	}
	return errors.Join(errs...)
}
