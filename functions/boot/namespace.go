package boot

import "github.com/commoncurriculum/durable-streams-aws/pkg/config"

// Namespace is that of the CloudWatch metrics of the functions of a store: the table's
// name tells stores apart.
func Namespace(c config.Function) string { return "DurableStreams/" + c.Table }
