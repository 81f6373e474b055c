//go:build unix

package main

import (
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/template"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

func (d deployed) functionForTest(name string) host.Config {
	return d.function(name, &stores{dynamoDB: "http://db", s3: "http://s3"}, io.Discard, slog.New(slog.DiscardHandler))
}

// TestFunctionsRunAsDeployed: without any variable set, what the template says holds.
func TestFunctionsRunAsDeployed(t *testing.T) {
	d := withEnv(t, nil)
	for _, name := range []string{api, compact, sweep} {
		in := d.template[name]
		got := d.background(name, &stores{dynamoDB: "http://db", s3: "http://s3"}, io.Discard, slog.New(slog.DiscardHandler))
		if got.MemoryMB != in.MemoryMB || got.Timeout != in.Timeout || (in.Concurrency != 0 && got.Concurrency != in.Concurrency) {
			t.Errorf("%s: %+v, want %+v", name, got, in)
		}
		for variable, value := range in.Environment {
			if variable != "AUTH_MODE" && got.Env[variable] != value {
				t.Errorf("%s: %s is %q, want %q", name, variable, got.Env[variable], value)
			}
		}
		if got.Env["DYNAMODB_ENDPOINT"] != "http://db" || got.Env["S3_ENDPOINT"] != "http://s3" || got.Env["AUTH_MODE"] != "off" {
			t.Errorf("%s: the environment is %v", name, got.Env)
		}
	}
	c := d.changes()
	if !slices.Contains(c.Filters, dynamo.EndedFilter) || !c.ReportBatchItemFailures || !c.BisectBatchOnFunctionError || c.MaximumRetryAttempts < 0 {
		t.Errorf("changes: %+v", c)
	}
	if d.sweepEvery() != d.template[sweep].Every || d.sweepEvery() == 0 {
		t.Errorf("the sweep runs every %v", d.sweepEvery())
	}
}

// TestTemplateOfMySettings: another template makes another host.
func TestTemplateOfMySettings(t *testing.T) {
	d := deployed{config: withEnv(t, nil).config, template: template.Template{
		api:     {MemoryMB: 1024, Timeout: 7 * time.Second, Environment: map[string]string{"PAGE_BYTES": "99"}},
		compact: {MemoryMB: 2048, Concurrency: 3},
		sweep:   {Every: time.Hour},
	}}
	f := d.functionForTest(api)
	if f.MemoryMB != 1024 || f.Timeout != 7*time.Second || f.Env["PAGE_BYTES"] != "99" {
		t.Errorf("%+v", f)
	}
	if d.sweepEvery() != time.Hour {
		t.Errorf("the sweep runs every %v", d.sweepEvery())
	}
	// What stands for a function of the template runs as that does.
	if f := d.functionForTest(apiBuffered); f.Name != apiBuffered || f.MemoryMB != 1024 || f.Env["PAGE_BYTES"] != "99" {
		t.Errorf("%+v", f)
	}
	if f := d.functionForTest("mine"); f.Name != "mine" || f.MemoryMB != 2048 {
		t.Errorf("%+v", f)
	}
}

// TestWhatIsSetHereGoesFirst: variables of the host and of the functions.
func TestWhatIsSetHereGoesFirst(t *testing.T) {
	d := withEnv(t, map[string]string{
		"LAMBDA_TIMEOUT": "3s", "LAMBDA_MEMORY_MB": "192", "LAMBDA_STREAM_RETRIES": "-1", "LAMBDA_SWEEP_EVERY": "0",
		"LAMBDA_STREAM_FILTER": "{}", "LAMBDA_CONCURRENCY": "7", "PAGE_BYTES": "99",
	})
	f := d.functionForTest(api)
	if f.Timeout != 3*time.Second || f.MemoryMB != 192 || f.Concurrency != 7 || f.Env["PAGE_BYTES"] != "99" {
		t.Errorf("%+v", f)
	}
	if c := d.changes(); !slices.Equal(c.Filters, []string{"{}"}) || c.MaximumRetryAttempts != -1 {
		t.Errorf("%+v", c)
	}
	if d.sweepEvery() != 0 {
		t.Errorf("the sweep runs every %v", d.sweepEvery())
	}
	// Another function gets all changes, unless it is told which.
	other := withEnv(t, map[string]string{"LAMBDA_STREAM_FUNCTION": "mine"})
	if c := other.changes(); len(c.Filters) != 0 || !c.ReportBatchItemFailures {
		t.Errorf("%+v", c)
	}
}

// TestHostVariablesAreNotPassedOn: what configures the host is not for the functions.
func TestHostVariablesAreNotPassedOn(t *testing.T) {
	environ := map[string]string{"LAMBDA_TIMEOUT": "3s", "HOME": "/root"}
	env := withEnv(t, environ).env(api, "", "")
	for name := range environ {
		if value, set := env[name]; set {
			t.Errorf("%s is %q", name, value)
		}
	}
	if _, err := config.ReadFunction(withRegion(env)); err != nil {
		t.Error(err)
	}
}

// withRegion is an environment with what Lambda adds to it.
func withRegion(env map[string]string) map[string]string {
	env["AWS_REGION"] = "us-east-1"
	return env
}
