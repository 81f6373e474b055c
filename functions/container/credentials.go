package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// startTimeout bounds what is looked for before the server listens.
const startTimeout = 15 * time.Second

// processCredentials returns those of the variables, or else those that AWS's SDK finds:
// of an ECS task, an EKS pod or an EC2 instance, renewed in time. They are cached. It does
// not return any that do not work out at once.
func processCredentials(ctx context.Context, c config.Function) (aws.CredentialsProvider, error) {
	if c.AccessKey != "" {
		return credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.SessionToken), nil
	}
	found, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(c.Region))
	if err == nil {
		_, err = found.Credentials.Retrieve(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("no credentials: give the container a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: %w", err)
	}
	return found.Credentials, nil
}

// checkStores fails if there is nothing to serve: a deployment with a wrong name or too
// few rights then never takes over from the one before. A bucket that is only out of order
// is no reason: new records and most reads do not need it.
func checkStores(ctx context.Context, c config.Function, own aws.CredentialsProvider, logger *slog.Logger) error {
	table, bucket := boot.Reach(ctx, c, own)
	if bucket != nil {
		bucket = fmt.Errorf("BUCKET_NAME is %s: %w", c.Bucket, bucket)
	}
	switch {
	case table != nil:
		return fmt.Errorf("TABLE_NAME is %s, in AWS_REGION %s: %w", c.Table, c.Region, table)
	case errors.Is(bucket, stream.ErrRejected):
		return bucket
	case bucket != nil:
		logger.Error("the bucket does not answer; large and old records fail until it does", "error", bucket.Error())
	}
	return nil
}
