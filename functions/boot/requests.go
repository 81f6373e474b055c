package boot

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
)

// reporter makes the log line of each request a set of CloudWatch metrics as well; nil if
// metrics are off.
func reporter(namespace string) func(protocol.Request) []slog.Attr {
	if namespace == "" {
		return nil
	}
	return func(r protocol.Request) []slog.Attr {
		return metrics.EMF(time.Now(), namespace, metrics.Requested(r)...)
	}
}

// requestID is what Lambda calls the invocation, in its own log lines too; empty outside
// of Lambda.
func requestID(r *http.Request) string {
	if invocation, ok := lambdacontext.FromContext(r.Context()); ok {
		return invocation.AwsRequestID
	}
	return ""
}
