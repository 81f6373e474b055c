// The compact function moves the segments of streams that ended into objects, and tells the
// registries of streams that began or ended. It is the function of an event source mapping
// on the table's change stream, whose filter ([dynamo.EndedFilter]) lets only the writes
// through that did one of these: a plain append invokes nothing. Its configuration is in
// package config.
//
// The mapping reports single failures (ReportBatchItemFailures), splits batches that
// fail (BisectBatchOnFunctionError), and has a limit of attempts with a destination for
// what failed too often. An event that is lost all the same is no harm: the sweep finds
// what it told of.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

func main() {
	environ := boot.Environ()
	boot.LimitMemory(environ)
	if err := boot.FetchSecrets(context.Background(), environ); err != nil {
		boot.Fail(err)
	}
	c, err := config.ReadFunction(environ)
	if err != nil {
		boot.Fail(err)
	}
	log, err := boot.Log(c)
	if err != nil {
		boot.Fail(err)
	}
	f := &function{streams: log, logger: boot.Logger(os.Stderr, c.LogLevel), namespace: boot.Namespace(c)}
	lambda.Start(f.handle)
}
