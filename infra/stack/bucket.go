package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
)

// objects is where segments and large records are kept: in a bucket of the stack, or in
// one that the settings name, such as on R2.
type objects struct {
	// own is the stack's bucket; nil if the settings name another.
	own awss3.Bucket
	// environment tells the functions of it.
	environment map[string]*string
}

// newObjects makes the bucket of segments and large records, unless the settings name one.
//
// It has no versions: an object is written once, under a key that names its content, and
// what is removed was let go a day before. Old versions would keep deleted streams for
// nothing, while the table, which can be restored to an earlier time, needs objects of at
// most a day before that ([dynamo.Options], RetireAfter).
func (s *Stack) newObjects() objects {
	if s.settings.BucketEndpoint != "" {
		return objects{environment: map[string]*string{
			"BUCKET_NAME": &s.settings.Bucket,
			"S3_ENDPOINT": &s.settings.BucketEndpoint,
			"S3_REGION":   &s.settings.BucketRegion,
		}}
	}
	b := awss3.NewBucket(s.scope, jsii.String("Objects"), s.private(s.retained(), &awss3.LifecycleRule{
		Id:                                  jsii.String("incomplete-uploads"),
		AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(1)),
	}))
	named(b, "Objects")
	return objects{own: b, environment: map[string]*string{"BUCKET_NAME": b.BucketName()}}
}

// private are the properties of every bucket: nobody from outside, encrypted, by TLS only.
func (s *Stack) private(removal awscdk.RemovalPolicy, rules ...*awss3.LifecycleRule) *awss3.BucketProps {
	return &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		LifecycleRules:    &rules,
		RemovalPolicy:     removal,
	}
}
