//go:build unix

package main

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/eventsource"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/template"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// deployed is how the functions run: as the stack's template says, but for what the
// user's environment says instead.
type deployed struct {
	config   config.LambdaHost
	template template.Template
	environ  map[string]string
}

// loadDeployed reads the template.
func loadDeployed(c config.LambdaHost, environ map[string]string) (deployed, error) {
	t, err := template.Load(c.Template)
	if err != nil {
		return deployed{}, fmt.Errorf("LAMBDA_TEMPLATE: %w\nThe repository has one for the default settings, and make synth writes one for yours", err)
	}
	for _, name := range []string{api, compact, sweep} {
		if _, ok := t[name]; !ok {
			return deployed{}, fmt.Errorf("LAMBDA_TEMPLATE: %s has no function %s: it is no template of this project", c.Template, name)
		}
	}
	return deployed{c, t, environ}, nil
}

// settings are those of a function. One that the template does not have runs as the one
// does that it stands for.
func (d deployed) settings(name string) template.Function {
	if f, ok := d.template[name]; ok {
		return f
	}
	if name == apiBuffered {
		return d.template[api]
	}
	return d.template[compact]
}

// env is a function's environment.
func (d deployed) env(name, dynamoDB, s3 string) map[string]string {
	return d.config.FunctionEnv(d.settings(name).Environment, d.environ, dynamoDB, s3)
}

// function is how the function runs that answers requests, or the one event.
func (d deployed) function(name string, s *stores, output io.Writer, logger *slog.Logger) host.Config {
	f := d.background(name, s, output, logger)
	f.Spread = d.config.Spread
	f.Concurrency = d.config.Concurrency
	if d.config.Timeout != nil {
		f.Timeout = *d.config.Timeout
	}
	if d.config.MemoryMB != nil {
		f.MemoryMB = *d.config.MemoryMB
	}
	return f
}

// background is how a function runs that nobody waits for.
func (d deployed) background(name string, s *stores, output io.Writer, logger *slog.Logger) host.Config {
	settings := d.settings(name)
	f := host.Config{
		Name:        name,
		Bootstrap:   bootstrap(d.config, name),
		Env:         d.env(name, s.dynamoDB, s.s3),
		Region:      d.config.Region,
		MemoryMB:    settings.MemoryMB,
		Timeout:     settings.Timeout,
		Concurrency: settings.Concurrency,
		Reuse:       host.LeastRecent,
		MaxRequests: d.config.MaxRequests,
		MaxIdle:     d.config.MaxIdle,
		Output:      output,
		Logger:      logger,
	}
	if f.Concurrency == 0 {
		f.Concurrency = d.config.Concurrency
	}
	return f
}

// changes is how the changes of the table reach their function. It begins with the oldest
// that the table still has: what the function did not get before the host ended must
// reach it, and getting one twice is what functions are made for.
func (d deployed) changes() eventsource.Config {
	var c eventsource.Config
	if of := d.settings(d.config.StreamFunction).Changes; of != nil {
		c = *of
	} else {
		c = eventsource.DefaultConfig("", types.ShardIteratorTypeTrimHorizon)
	}
	switch {
	case d.config.StreamFilter != "":
		c.Filters = []string{d.config.StreamFilter}
	case d.config.StreamFunction != compact:
		c.Filters = nil
	}
	if d.config.StreamRetries != nil {
		c.MaximumRetryAttempts = *d.config.StreamRetries
	}
	return c
}

// sweepEvery is how often the sweep runs; 0 means never.
func (d deployed) sweepEvery() time.Duration {
	if d.config.SweepEvery != nil {
		return *d.config.SweepEvery
	}
	return d.template[sweep].Every
}
