package boot

import (
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"

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
func Log(c config.Function) (*stream.Log, error) { return LogAs(c, own(c)) }

// LogAs is [Log] for a process whose credentials are not among its variables, or change
// while it runs. They must be cached: they are asked for with every request.
func LogAs(c config.Function, credentials aws.CredentialsProvider) (*stream.Log, error) {
	driver, err := driverAs(c, credentials)
	if err != nil {
		return nil, err
	}
	objects, err := objectsAs(c, credentials)
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
func Driver(c config.Function) (*dynamo.Store, error) { return driverAs(c, own(c)) }

func driverAs(c config.Function, credentials aws.CredentialsProvider) (*dynamo.Store, error) {
	if err := checkEndpoint(c.DynamoDBEndpoint); err != nil {
		return nil, fmt.Errorf("DYNAMODB_ENDPOINT: %w", err)
	}
	return dynamo.New(dynamo.NewClient(c.Region, c.DynamoDBEndpoint, credentials), dynamo.Options{
		Table:        c.Table,
		CollectAfter: collectAfter,
		RetireAfter:  c.RetireAfter,
	})
}

// Objects returns the bucket that a function is configured to use.
func Objects(c config.Function) (*bucket.Store, error) { return objectsAs(c, own(c)) }

// objectsAs returns it for a process with some credentials, which are of no use for a
// bucket that has its own.
func objectsAs(c config.Function, process aws.CredentialsProvider) (*bucket.Store, error) {
	place := bucket.Endpoint{URL: c.BucketEndpoint, Region: c.BucketRegion, Credentials: process}
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

// containerCredentials is where ECS gives a container its credentials.
const containerCredentials = "http://169.254.170.2"

// own returns the credentials that are among a function's variables. Those of a container are fetched with the
// first request, and again before they end.
func own(c config.Function) aws.CredentialsProvider {
	if c.CredentialsURI != "" {
		return aws.NewCredentialsCache(endpointcreds.New(containerCredentials + c.CredentialsURI))
	}
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
