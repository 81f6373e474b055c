// Package sdkhttp is what the clients of Amazon's SDK send their requests with: the
// SDK's own HTTP client, with two of its mistakes mended on the way.
package sdkhttp

import (
	"io"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// Client is an aws.HTTPClient. It is safe for concurrent use, and does to a request
// nothing but what Do says.
type Client struct{ *awshttp.BuildableClient }

// Do sends a request, which it may change, and returns the answer.
//
// It says of the request that it is HTTP/1.1. The SDK (smithy-go 1.28) does not, and
// without it net/http sends "Expect: 100-continue" but does not wait for the answer.
//
// It hides that the body can write itself. Once an answer begins, the SDK closes the body.
// A connection whose writer is behind then, as happens on a busy machine with a body that
// fills its buffer, looks whether the body goes on, and a closed one that can write itself
// says so by failing with io.EOF, which net/http takes for an error of writing: it closes
// the connection, and the answer breaks off with "use of closed network connection". A
// write that was done has an unknown outcome then.
func (c Client) Do(r *http.Request) (*http.Response, error) {
	r.ProtoMajor, r.ProtoMinor = 1, 1
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return c.BuildableClient.Do(r)
}
