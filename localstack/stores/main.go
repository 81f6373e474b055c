// The stores command makes the table and the bucket in a DynamoDB and an S3 that run
// already, such as LocalStack's, as the stack would: by the same definition. It can be
// repeated. It reads the variables of the local Lambda host that say where those are, and
// prints how to use them.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

func main() {
	if err := run(context.Background(), boot.Environ(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, environ map[string]string, stdout io.Writer) error {
	c, err := config.ReadLambdaHost(environ)
	if err != nil {
		return err
	}
	if c.DynamoDB == "" || c.S3 == "" {
		return fmt.Errorf("DYNAMODB_ENDPOINT and S3_ENDPOINT must be set: they say where table and bucket are made")
	}
	own := credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.Token)
	if _, err := dynamo.EnsureTable(ctx, dynamo.NewClient(c.Region, c.DynamoDB, own), c.Table); err != nil {
		return fmt.Errorf("TABLE_NAME is %s, in the DynamoDB at %s (DYNAMODB_ENDPOINT): %w", c.Table, c.DynamoDB, err)
	}
	client, err := bucket.NewClient(bucket.Endpoint{URL: c.S3, Region: c.Region, Credentials: own})
	if err != nil {
		return fmt.Errorf("S3_ENDPOINT: %w", err)
	}
	if err := bucket.Ensure(ctx, client, c.Bucket); err != nil {
		return fmt.Errorf("BUCKET_NAME is %s, in the S3 at %s (S3_ENDPOINT): %w", c.Bucket, c.S3, err)
	}
	fmt.Fprintf(stdout, "Table %s and bucket %s are there. To run the functions on them:\n  DYNAMODB_ENDPOINT=%s S3_ENDPOINT=%s TABLE_NAME=%s BUCKET_NAME=%s make run-lambda\n",
		c.Table, c.Bucket, c.DynamoDB, c.S3, c.Table, c.Bucket)
	return nil
}
