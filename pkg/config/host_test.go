package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

func TestLambdaHostDefaults(t *testing.T) {
	c, err := config.ReadLambdaHost(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Function != "api" || c.StreamFunction != "compact" || c.StreamFilter != "" || c.StreamRetries != nil || c.SweepEvery != nil || c.Timeout != nil || c.MemoryMB != nil {
		t.Errorf("%+v", c)
	}
}

// What is set is not what the template says, even if it is nothing.
func TestLambdaHostOverrides(t *testing.T) {
	c, err := config.ReadLambdaHost(map[string]string{
		"LAMBDA_STREAM_RETRIES": "0", "LAMBDA_SWEEP_EVERY": "0", "LAMBDA_TIMEOUT": "3s", "LAMBDA_MEMORY_MB": "256",
	})
	if err != nil {
		t.Fatal(err)
	}
	if *c.StreamRetries != 0 || *c.SweepEvery != 0 || *c.Timeout != 3*time.Second || *c.MemoryMB != 256 {
		t.Errorf("%+v", c)
	}
}

func TestLambdaHostMistakesNameTheVariable(t *testing.T) {
	for name, bad := range map[string][]string{
		"LAMBDA_FUNCTION":       {"other"},
		"LAMBDA_STREAM_RETRIES": {"-2", "10001", "five"},
		"LAMBDA_SWEEP_EVERY":    {"-1s", "60"},
		"LAMBDA_TIMEOUT":        {"0s", "-1s", "60"},
		"LAMBDA_MEMORY_MB":      {"0", "-128", "much"},
	} {
		for _, value := range bad {
			_, err := config.ReadLambdaHost(map[string]string{name: value})
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
}

// What is set for the functions reaches them, and only that; it goes before what they are
// deployed with.
func TestFunctionEnv(t *testing.T) {
	environ := map[string]string{
		"SEAL_IDLE_AFTER": "1m", "SWEEP_ITEMS": "7", "LAMBDA_SWEEP_EVERY": "2s", "HOME": "/root", "AWS_REGION": "eu-west-1",
		"DYNAMODB_ENDPOINT": "http://elsewhere", "TABLE_NAME": "mine",
	}
	c, err := config.ReadLambdaHost(environ)
	if err != nil {
		t.Fatal(err)
	}
	deployed := map[string]string{"SWEEP_ITEMS": "1", "POLL_FAST": "20ms", "TABLE_NAME": "theirs", "AUTH_MODE": "token"}
	vars := c.FunctionEnv(deployed, environ, "http://db", "http://s3")
	for name, want := range map[string]string{
		"SEAL_IDLE_AFTER": "1m", "SWEEP_ITEMS": "7", "DYNAMODB_ENDPOINT": "http://db", "S3_ENDPOINT": "http://s3", "TABLE_NAME": "mine",
		"POLL_FAST": "20ms", "AUTH_MODE": "off",
	} {
		if vars[name] != want {
			t.Errorf("%s is %q, want %q", name, vars[name], want)
		}
	}
	for _, name := range []string{"LAMBDA_SWEEP_EVERY", "HOME", "AWS_REGION", "RETIRE_AFTER"} {
		if value, set := vars[name]; set {
			t.Errorf("%s is set, to %q", name, value)
		}
	}
	environ["AUTH_MODE"] = "jwt"
	if mode := c.FunctionEnv(deployed, environ, "http://db", "http://s3")["AUTH_MODE"]; mode != "jwt" {
		t.Errorf("AUTH_MODE is %q", mode)
	}
}
