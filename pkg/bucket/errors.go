package bucket

import (
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// again are the error codes of requests that had no effect and may be repeated,
// besides the throttles that the SDK knows.
var again = map[string]bool{
	"TooManyRequests":            true, // R2's throttle
	"ConditionalRequestConflict": true, // 409: another write of the key was under way
	"OperationAborted":           true, // 409 too
	"RequestTimeout":             true, // 400: the body did not arrive in time
	"IncompleteBody":             true, // 400: it arrived in part
	"BadDigest":                  true, // 400: it was altered on its way
	"XAmzContentSHA256Mismatch":  true, // 400 too
	"RequestTimeTooSkewed":       true, // 403: the SDK has learnt the store's time from the answer
}

// hints say what to do about mistakes that are often made.
var hints = map[string]string{
	"NoSuchBucket":                 "create the bucket, or correct its name, or the endpoint or account",
	"AccessDenied":                 "the credentials need s3:GetObject, s3:PutObject and s3:DeleteObject on the bucket's objects and s3:ListBucket on the bucket",
	"SignatureDoesNotMatch":        "the secret access key is wrong",
	"InvalidAccessKeyId":           "the access key ID is unknown here; R2 and S3 have separate keys",
	"PermanentRedirect":            "the bucket is in another region",
	"AuthorizationHeaderMalformed": "the bucket is in another region",
	"ExpiredToken":                 "the credentials have expired",
}

// code is the error code of the store's answer, "" if there was none.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// status is the status of the store's answer, 0 if there was none.
func status(err error) int {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// missing reports that the answer is about the key: nothing is stored there.
// NoSuchBucket is a 404 as well.
func missing(err error) bool { return code(err) == "NoSuchKey" }

// exists reports that the condition of a put did not hold.
func exists(err error) bool { return status(err) == http.StatusPreconditionFailed }

// final reports that an error is an answer, or of the body that was given, so that
// another request would not change it.
func final(err error) bool { return missing(err) || exists(err) || ofBody(err) }

// explain says what a failed request did, in the words of [stream.Objects].
//
//	throttled, in conflict, body damaged, never connected    not applied
//	any other answer below 500, and 501                      rejected: names, permissions
//	5xx, timeout, broken connection                          unknown: as it is
func (s *Store) explain(err error) error {
	code, status := code(err), status(err)
	_, throttled := retry.DefaultThrottleErrorCodes[code]
	var op *net.OpError
	switch {
	case errors.Is(err, stream.ErrRejected):
		return err
	case throttled, again[code], status == http.StatusTooManyRequests, errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("%w: bucket %s: %w", stream.ErrNotApplied, s.bucket, err)
	case status == http.StatusNotImplemented, 300 <= status && status < 500:
		if hint := hints[code]; hint != "" {
			return fmt.Errorf("%w: bucket %s: %s: %w", stream.ErrRejected, s.bucket, hint, err)
		}
		return fmt.Errorf("%w: bucket %s: %w", stream.ErrRejected, s.bucket, err)
	default:
		return fmt.Errorf("bucket %s: %w", s.bucket, err)
	}
}
