package boot

import "github.com/commoncurriculum/durable-streams-aws/pkg/config"

// Namespace is that of the CloudWatch metrics of the functions of a store: the table's
// name tells stores apart. It is empty if metrics are off.
func Namespace(c config.Function) string {
	if c.Metrics == config.MetricsOff {
		return ""
	}
	return "DurableStreams/" + c.Table
}
