package dynamo

import (
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// again are the error codes of calls that had no effect and may be repeated: the
// table is asked for too much, or the item is being written by a transaction. Some have
// another name among the reasons of a transaction that was cancelled.
var again = map[string]bool{
	"ProvisionedThroughputExceededException": true,
	"RequestLimitExceeded":                   true,
	"ProvisionedThroughputExceeded":          true,
	"ThrottlingException":                    true,
	"ThrottlingError":                        true,
	"Throttling":                             true,
	"TooManyRequestsException":               true,
	"TransactionConflictException":           true,
	"TransactionConflict":                    true,
	"ReplicatedWriteConflictException":       true,
	"LimitExceededException":                 true,
	"ResourceInUseException":                 true,
}

// classify says what a failed call did, in the words of [stream.Driver].
//
//	throttled, in conflict, never connected    not applied
//	400, for a reason that did not arrive      not applied
//	any other answer of the kind 4xx           rejected: permissions, names, sizes
//	5xx, timeout, broken connection            unknown: as it is
//	the same transaction is under way          unknown: as it is
//	a transaction was cancelled                see cancellation
func classify(err error) error {
	if err == nil {
		return nil
	}
	var api smithy.APIError
	if errors.As(err, &api) && again[api.ErrorCode()] {
		return fmt.Errorf("%w: %w", stream.ErrNotApplied, err)
	}
	var cancelled *types.TransactionCanceledException
	var running *types.TransactionInProgressException
	switch {
	case errors.As(err, &cancelled):
		return cancellation(cancelled)
	case errors.As(err, &running):
		return err
	}
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) {
		var torn *smithy.DeserializationError
		switch status := answer.HTTPStatusCode(); {
		case status == http.StatusTooManyRequests, status == http.StatusBadRequest && errors.As(err, &torn):
			return fmt.Errorf("%w: %w", stream.ErrNotApplied, err)
		case status/100 == 4 && status != http.StatusRequestTimeout:
			return fmt.Errorf("%w: %w", stream.ErrRejected, err)
		}
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%w: %w", stream.ErrNotApplied, err)
	}
	return err
}
