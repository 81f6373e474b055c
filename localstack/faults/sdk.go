package faults

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// DynamoDB returns a client that is as c, with the layer under it.
func DynamoDB(c *dynamodb.Client, l *Layer) *dynamodb.Client {
	return dynamodb.New(c.Options(), func(o *dynamodb.Options) { o.HTTPClient = l.under(o.HTTPClient) })
}

// S3 returns a client that is as c, with the layer under it.
func S3(c *s3.Client, l *Layer) *s3.Client {
	return s3.New(c.Options(), func(o *s3.Options) { o.HTTPClient = l.under(o.HTTPClient) })
}

// under returns the client with the layer between it and the network: below its time limit,
// so that what takes too long is given up as ever.
func (l *Layer) under(client aws.HTTPClient) aws.HTTPClient {
	limited := &http.Client{Transport: l.Over(doer{client})}
	if own, ok := client.(interface{ GetTimeout() time.Duration }); ok {
		limited.Timeout = own.GetTimeout()
	}
	return limited
}

// doer is a client as a transport.
type doer struct{ aws.HTTPClient }

func (d doer) RoundTrip(r *http.Request) (*http.Response, error) { return d.Do(r) }
