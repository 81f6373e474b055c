package boot

import (
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/registry"
	"github.com/commoncurriculum/durable-streams-aws/pkg/spool"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// collectAfter is how long the data of a deleted stream is left alone: longer than a
// function may run, and than a write may be late ([stream.Driver]).
const collectAfter = 5 * time.Minute

// Log returns the streams of the configured store. Segments on their way to the bucket
// are kept in the system's folder for temporary files, which Lambda gives every process
// 512 MB of.
func Log(c config.Function) (*stream.Log, error) {
	driver, err := Driver(c)
	if err != nil {
		return nil, err
	}
	objects, err := Objects(c)
	if err != nil {
		return nil, err
	}
	return stream.New(driver, stream.Options{
		Limits:  Limits(c),
		Objects: objects,
		// The account is not known here; a bucket that two accounts share needs two names.
		Owner:    "dynamodb/" + c.Region + "/" + c.Table,
		Spool:    spool.In(""),
		Registry: c.Registries(),
		Record:   registry.Record,
		Poll:     c.Poll(),
	})
}

// Driver returns the table that a function is configured to use.
func Driver(c config.Function) (*dynamo.Store, error) {
	if err := checkEndpoint(c.DynamoDBEndpoint); err != nil {
		return nil, fmt.Errorf("DYNAMODB_ENDPOINT: %w", err)
	}
	return dynamo.New(dynamo.NewClient(c.Region, c.DynamoDBEndpoint, own(c)), dynamo.Options{
		Table:        c.Table,
		CollectAfter: collectAfter,
		RetireAfter:  c.RetireAfter,
	})
}

// Objects returns the bucket that a function is configured to use.
func Objects(c config.Function) (*bucket.Store, error) {
	place := bucket.Endpoint{URL: c.BucketEndpoint, Region: c.BucketRegion, Credentials: own(c)}
	if place.Region == "" {
		place.Region = c.Region
	}
	if c.BucketKey != "" {
		place.Credentials = credentials.NewStaticCredentialsProvider(c.BucketKey, c.BucketSecret, "")
	}
	client, err := bucket.NewClient(place)
	if err != nil {
		return nil, fmt.Errorf("S3_ENDPOINT: %w", err)
	}
	objects, err := bucket.New(client, c.Bucket, bucket.DefaultOptions())
	if err != nil {
		return nil, fmt.Errorf("BUCKET_NAME: %w", err)
	}
	return objects, nil
}

// own returns the function's own credentials.
func own(c config.Function) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.SessionToken)
}

// checkEndpoint refuses an address that requests cannot be sent to. Empty means
// DynamoDB's own.
func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return err
	case endpoint != "" && (u.Host == "" || u.Scheme != "https" && u.Scheme != "http"):
		return fmt.Errorf("%q is not a URL like https://host", endpoint)
	}
	return nil
}

// Limits returns the limits that all functions of a store use.
func Limits(c config.Function) stream.Limits {
	l := dynamo.Limits(c.Limits())
	l.StageSize, l.ObjectSize, l.Producers = c.LinkBytes, c.ObjectBytes, c.Producers
	return l
}
