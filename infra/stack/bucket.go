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
// It has versions, for as long as the table can be restored to: what the table had then
// points to objects that may have been removed since, such as large records that a segment
// took in. What users delete is gone after that time, as from the table's backup.
func (s *builder) newObjects() objects {
	if s.settings.BucketEndpoint != "" {
		return objects{environment: map[string]*string{
			"BUCKET_NAME": &s.settings.Bucket,
			"S3_ENDPOINT": &s.settings.BucketEndpoint,
			"S3_REGION":   &s.settings.BucketRegion,
		}}
	}
	props := s.private(&awss3.LifecycleRule{
		Id:                                  jsii.String("leftovers"),
		AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(1)),
		NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(restoreDays)),
		ExpiredObjectDeleteMarker:           jsii.Bool(true),
	})
	props.Versioned = jsii.Bool(true)
	b := awss3.NewBucket(s.scope, jsii.String("Objects"), props)
	named(b, "Objects")
	return objects{own: b, environment: map[string]*string{"BUCKET_NAME": b.BucketName()}}
}

// private are the properties of every bucket: nobody from outside, encrypted, by TLS only.
// It stays when the stack goes, unless the settings say otherwise, or the deployment that
// was to make it failed.
func (s *builder) private(rules ...*awss3.LifecycleRule) *awss3.BucketProps {
	return &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		LifecycleRules:    &rules,
		RemovalPolicy:     s.retained(awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE),
	}
}
