package boot

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Reach makes one read of the table and one of the bucket, and tells of each why it
// failed. It is for processes that live long enough to be checked first: for half a read
// unit and one request to the bucket they find out about wrong names and missing rights.
func Reach(ctx context.Context, c config.Function, credentials aws.CredentialsProvider) (table, bucket error) {
	return reachTable(ctx, c, credentials), reachBucket(ctx, c, credentials)
}

func reachTable(ctx context.Context, c config.Function, credentials aws.CredentialsProvider) error {
	driver, err := driverAs(c, credentials)
	if err != nil {
		return err
	}
	if _, err := driver.Head(ctx, "", stream.Eventual); !errors.Is(err, stream.ErrNoHead) {
		return err
	}
	return nil
}

// someObject is in no bucket, or is the sweep's mark: what it is does not matter.
const someObject = "owner"

func reachBucket(ctx context.Context, c config.Function, credentials aws.CredentialsProvider) error {
	objects, err := objectsAs(c, credentials)
	if err != nil {
		return err
	}
	if _, err := objects.Object(ctx, someObject, 0, -1); !errors.Is(err, stream.ErrNoItem) {
		return err
	}
	return nil
}
