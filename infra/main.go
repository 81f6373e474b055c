// The infra program describes the stack that is deployed, for the CDK command line
// (cdk.json): `make synth` writes its template, `make deploy` deploys it. Its settings
// are environment variables, described in the README and read by package config.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/caarlos0/env/v11"

	"github.com/commoncurriculum/durable-streams-aws/infra/stack"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

func main() {
	settings, err := config.ReadStack(env.ToMap(os.Environ()))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack.New(app, settings, stack.Sources{Bootstraps: "bin/arm64", Repository: "."})
	app.Synth(nil)
}
