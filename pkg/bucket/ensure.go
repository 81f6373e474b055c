package bucket

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Ensure creates a bucket unless there is one that can be used. It is for stand-ins: the
// stack makes its own. What a create says of a bucket that exists differs among servers, so
// they are asked first. It makes one request or two, and can be repeated.
func Ensure(ctx context.Context, client *s3.Client, name string) error {
	if _, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name}); err == nil {
		return nil
	}
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
	var owned *types.BucketAlreadyOwnedByYou
	if errors.As(err, &owned) {
		return nil
	}
	return err
}
