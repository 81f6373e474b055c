// The sweep function finishes what was left undone ([stream.Log.Sweep]): it discards
// what deletions leave, removes streams that expired, compacts what no event told of, and
// clears away what crashes left behind. It is invoked on a schedule, with any event; each
// run goes on where the last one stopped. Its configuration is in package config.
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
	f := &function{store: log, options: c.Sweep(), logger: boot.Logger(os.Stderr, c.LogLevel), namespace: boot.Namespace(c)}
	lambda.Start(f.handle)
}
