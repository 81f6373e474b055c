package main

import (
	"context"
	"crypto/rand"
	"errors"
	"os"

	"github.com/aws/aws-sdk-go-v2/credentials"

	s3standin "github.com/commoncurriculum/durable-streams-aws/localstack/s3"
	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// stores are stand-ins for a table and a bucket, for functions that run as processes.
type stores struct {
	db  *standin.Process
	s3  *s3standin.Server
	dir string
	// table and endpoint are where the table is; the bucket is in env.
	table, endpoint string
}

const region, bucketName = "us-east-1", "bench"

// openStores starts them, empty. Close is needed even after an error.
func openStores(ctx context.Context) (s *stores, err error) {
	s = new(stores)
	if s.dir, err = os.MkdirTemp("", "lambdabench"); err != nil {
		return s, err
	}
	if s.s3, err = s3standin.Start(s.dir, bucketName); err != nil {
		return s, err
	}
	if s.db, err = standin.DynamoDB(ctx); err != nil {
		return s, err
	}
	s.table, s.endpoint = "bench"+rand.Text(), s.db.Endpoint
	// Nobody reads the change stream here, and a stand-in gets slower the longer it is.
	definition := dynamo.Table(s.table)
	definition.StreamSpecification = nil
	anybody := credentials.NewStaticCredentialsProvider("local", "local", "")
	_, err = dynamo.NewClient(region, s.endpoint, anybody).CreateTable(ctx, definition)
	return s, err
}

func (s *stores) close(ctx context.Context) error {
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Stop())
	}
	if s.s3 != nil {
		errs = append(errs, s.s3.Stop(ctx))
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// env is the environment of a function on them, with the smallest memory there is.
func (s *stores) env(more ...string) []string {
	return append([]string{
		"AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"TABLE_NAME=" + s.table, "DYNAMODB_ENDPOINT=" + s.endpoint, "BUCKET_NAME=" + bucketName, "S3_ENDPOINT=" + s.s3.Endpoint(),
		"MAX_BATCH_MESSAGES=1000000",
	}, more...)
}
