// The sam command runs the functions of the synthesised stack in SAM CLI's containers, on
// the table and the bucket of `make localstack-up`:
//
//	sam invoke FILE     runs the function that the event in FILE is for, once
//	sam start-lambda    answers the API of Lambda, for Invoke, on port 3001
//
// SAM does not stream: a response of the function Api is printed when it has ended, as it
// leaves the function, with a prelude before the body. Its configuration is that of the
// local Lambda host.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

const (
	// network is the one of localstack/compose.yaml, and endpoint is LocalStack in it: what
	// listens on this machine's loopback cannot be reached from a container.
	network  = "durable-streams_default"
	endpoint = "http://localstack:4566"
	// stackTemplate is what `make synth` writes, with HTTP_API=true, for all functions.
	stackTemplate = "bin/cdk.out/durable-streams.template.json"
	// localTemplate is made from it. The bootstraps of this machine are beside it.
	localTemplate = "bin/sam.template.json"
)

func main() {
	if err := run(os.Args[1:], boot.Environ()); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			os.Exit(exit.ExitCode()) // SAM has said why
		}
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, environ map[string]string) error {
	command, err := commandLine(args)
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("sam"); err != nil {
		return fmt.Errorf("SAM CLI is not installed: see https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/install-sam-cli.html")
	}
	if err := writeTemplate(environ); err != nil {
		return err
	}
	sam := exec.Command("sam", command...)
	sam.Stdin, sam.Stdout, sam.Stderr = os.Stdin, os.Stdout, os.Stderr
	// Without an answer of its own SAM looks for credentials of the user's, and passes them on.
	sam.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "SAM_CLI_TELEMETRY=0")
	return sam.Run()
}

// commandLine is what SAM is called with.
func commandLine(args []string) ([]string, error) {
	common := []string{"--template", localTemplate, "--docker-network", network, "--region", "us-east-1"}
	switch {
	case len(args) == 2 && args[0] == "invoke":
		id, err := invokedBy(args[1])
		if err != nil {
			return nil, err
		}
		return append([]string{"local", "invoke", id, "--event", args[1]}, common...), nil
	case len(args) == 1 && args[0] == "start-lambda":
		return append([]string{"local", "start-lambda"}, common...), nil
	}
	return nil, errors.New("usage: sam invoke FILE, with an event such as events/functionurl/create.json; or sam start-lambda")
}

// sources are the logical ids of the functions, by the folders of their events.
func sources() map[string]string {
	return map[string]string{
		"functionurl": "Api", "httpapi": "ApiBuffered", "alb": "ApiBuffered",
		"dynamodb": "Compact", "eventbridge": "Sweep",
	}
}

// invokedBy is the logical id of the function that an event is for.
func invokedBy(event string) (string, error) {
	if _, err := os.Stat(event); err != nil {
		return "", fmt.Errorf("EVENT: %w", err)
	}
	folder := filepath.Base(filepath.Dir(event))
	if id, ok := sources()[folder]; ok {
		return id, nil
	}
	return "", fmt.Errorf("EVENT is %s: it must be in a folder that says what it is from, such as events/functionurl", event)
}

// writeTemplate writes the template that SAM reads.
func writeTemplate(environ map[string]string) error {
	stack, err := os.ReadFile(stackTemplate)
	if err != nil {
		return fmt.Errorf("%w\nRun `HTTP_API=true make synth`", err)
	}
	c, err := config.ReadLambdaHost(environ)
	if err != nil {
		return err
	}
	// SAM sets region and credentials.
	variables := c.FunctionEnv(nil, environ, endpoint, endpoint)
	for name := range variables {
		if strings.HasPrefix(name, "AWS_") {
			delete(variables, name)
		}
	}
	d, err := derive(stack, architectures()[runtime.GOARCH], variables)
	if err != nil {
		return fmt.Errorf("%s: %w", stackTemplate, err)
	}
	if err := d.check(filepath.Dir(localTemplate)); err != nil {
		return err
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(localTemplate, text, 0o600)
}

// architectures are Lambda's names of Go's.
func architectures() map[string]string {
	return map[string]string{"amd64": "x86_64", "arm64": "arm64"}
}
