// The apibuffered function serves the protocol behind a front door that sends a
// response when it is complete: an HTTP API of API Gateway (payload format 2.0), or an
// Application Load Balancer. Its configuration is in package config.
//
// Package httpadapter turns events into requests, and what a handler writes into
// responses. What it gets wrong is put right in front of the handler and behind it;
// TestAdapterDefects shows each case.
//
// Where to look:
//
//   - function.go: one invocation, from the event to the response.
//   - event.go: the event.
//   - httpapi.go, loadbalancer.go: what the two front doors do not have in common.
//   - response.go, document.go: from the handler to the response document.
//   - refusal.go: answers in the handler's place.
package main

import (
	"context"
	"log/slog"
	"net/http"
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
	f, err := build(c, boot.Logger(os.Stderr, c.LogLevel))
	if err != nil {
		boot.Fail(err)
	}
	lambda.Start(f)
}

// build returns the function on the configured store. It makes no request.
func build(c config.Function, logger *slog.Logger) (*function, error) {
	// A process meets one front door in its life; a handler that is not used costs
	// next to nothing.
	httpAPI, err := handler(c, httpAPIPage, logger)
	if err != nil {
		return nil, err
	}
	loadBalancer, err := handler(c, loadBalancerPage, logger)
	if err != nil {
		return nil, err
	}
	return &function{httpAPI: httpAPI, loadBalancer: loadBalancer, logger: logger}, nil
}

// handler returns the protocol with pages that fit through a front door.
func handler(c config.Function, page int, logger *slog.Logger) (http.Handler, error) {
	c.PageBytes = min(c.PageBytes, page)
	return boot.Handler(c, logger, true)
}
