package bucket

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/commoncurriculum/durable-streams-aws/pkg/sdkhttp"
)

// dialTimeout is short beside the deadline of a request, so that an address that
// does not answer leaves time for another attempt.
const dialTimeout = 3 * time.Second

// askFirst is the size of a body from which on the store is asked whether it wants it.
const askFirst = 8 << 20

// Endpoint says where a bucket is, and who asks.
type Endpoint struct {
	// URL is the address of the S3 API, such as
	// https://<account>.r2.cloudflarestorage.com. Empty means Amazon S3 in Region.
	// Plain http is for what stands in for it on your own machine.
	URL string
	// Region is the bucket's region; "auto" for R2.
	Region string
	// Credentials sign the requests.
	Credentials aws.CredentialsProvider
}

// NewClient returns a client for an endpoint. It makes no request and reads
// neither files nor the environment: connections, credentials and addresses are
// looked for by the first request.
func NewClient(e Endpoint) (*s3.Client, error) {
	if e.Region == "" {
		return nil, errors.New(`bucket: no region; it is "auto" for R2`)
	}
	if e.Credentials == nil {
		return nil, errors.New("bucket: no credentials")
	}
	o := s3.Options{
		Region:      e.Region,
		Credentials: aws.NewCredentialsCache(e.Credentials),
		Retryer:     aws.NopRetryer{},
		HTTPClient: sdkhttp.Client{BuildableClient: awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) {
			d.Timeout = dialTimeout
		})},
		// R2 did not know the checksums that the SDK sends and asks for by default
		// (501 for puts, failures of ranged reads; cloudflare-docs #19236, #20014),
		// and its answers still differ from S3's. The trailers that they come in are
		// also a body encoding of their own, unsigned, that stand-ins do not know.
		// The package's comment says what protects bodies instead. DeleteObjects has
		// to have a checksum: there the SDK sends one, in a plain header.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		// Asking first costs a put a round trip, which only the bodies of segments are
		// large enough for. For those it saves the transfer if the store has the object
		// already or is busy; and an answer that comes while a body is being sent is often
		// lost, as the store closes the connection then. One that does not know how to be
		// asked costs a second.
		ContinueHeaderThresholdBytes: askFirst,
	}
	if e.URL != "" {
		if err := checkURL(e.URL); err != nil {
			return nil, err
		}
		o.BaseEndpoint = aws.String(e.URL)
		// Only S3 itself has a host name for every bucket.
		o.UsePathStyle = true
	}
	return s3.New(o), nil
}

// checkURL refuses addresses that requests cannot be sent to.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("bucket: endpoint: %w", err)
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("bucket: endpoint %q is not a URL like https://host", text)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("bucket: the endpoint URL must have neither user nor query nor fragment")
	}
	return nil
}
