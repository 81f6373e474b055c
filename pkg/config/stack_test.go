package config_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

func TestStackDefaults(t *testing.T) {
	c, err := config.ReadStack(map[string]string{"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "somebody's", "HOME": "/root"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Removal != "retain" || c.AuthMode != "token" || c.CloudFront || c.Fargate || c.HTTPAPI || c.Bucket != "" || c.SweepEvery != 5*time.Minute {
		t.Errorf("%+v", c)
	}
	if len(c.Functions) != 0 {
		t.Errorf("whoever deploys gives the functions %v", c.Functions)
	}
	if c.LongestWait() != 55*time.Second {
		t.Errorf("a request waits %v", c.LongestWait())
	}
}

// TestStackPassesSettingsOn: what is set for the functions reaches them, except for what
// the stack decides.
func TestStackPassesSettingsOn(t *testing.T) {
	c, err := config.ReadStack(map[string]string{
		"SEGMENT_MAX_MESSAGES": "7", "LOG_LEVEL": "warn", "SSE_LIFETIME": "10s", "LONG_POLL_WAIT": "30s",
		"TABLE_NAME": "mine", "DYNAMODB_ENDPOINT": "http://elsewhere", "SECRETS": "X=y", "AUTH_MODE": "jwt", "TAGS": "team=streams,stage=test",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"SEGMENT_MAX_MESSAGES": "7", "LOG_LEVEL": "warn", "SSE_LIFETIME": "10s", "LONG_POLL_WAIT": "30s"}
	if !maps.Equal(c.Functions, want) || c.LongestWait() != 30*time.Second {
		t.Errorf("%v, %v", c.Functions, c.LongestWait())
	}
	if c.AuthMode != "jwt" || c.Tags["team"] != "streams" || c.Tags["stage"] != "test" {
		t.Errorf("%+v", c)
	}
}

func TestStackMistakesNameTheVariable(t *testing.T) {
	bucket := map[string]string{"S3_ENDPOINT": "https://account.r2.cloudflarestorage.com", "BUCKET_NAME": "b", "BUCKET_SECRET": "keys"}
	if _, err := config.ReadStack(bucket); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		with        map[string]string
		name, value string
	}{
		{nil, "STACK_NAME", "1st"},
		{nil, "STACK_NAME", "a_b"},
		{nil, "REMOVAL_POLICY", "delete"},
		{nil, "AUTH_MODE", "on"},
		{nil, "TAGS", "team"},
		{nil, "CLOUDFRONT", "yes please"},
		{nil, "FARGATE", "true"},
		{nil, "ALARM_EMAIL", "ops"},
		{nil, "ALARM_EMAIL", "Ops <ops@example.com>"},
		{nil, "LOG_RETENTION_DAYS", "31"},
		{nil, "API_MEMORY_MB", "64"},
		{nil, "WORK_MEMORY_MB", "20000"},
		{nil, "SWEEP_EVERY", "90s"},
		{nil, "SWEEP_EVERY", "0s"},
		{nil, "COMPACT_CONCURRENCY", "0"},
		{nil, "AUTH_TOKEN", "t0ken-0123456789"},
		{nil, "ADMIN_TOKEN", "t0ken-0123456789"},
		{nil, "ORIGIN_SECRET", "t0ken-0123456789"},
		{nil, "S3_SECRET_ACCESS_KEY", "t0ken-0123456789"},
		{nil, "POLL_FAST", "0s"},
		{nil, "LONG_POLL_WAIT", "20"},
		{bucket, "S3_ENDPOINT", "http://account.r2.cloudflarestorage.com"},
		{bucket, "S3_ENDPOINT", ""},
		{bucket, "BUCKET_NAME", ""},
		{bucket, "BUCKET_SECRET", ""},
	} {
		changed := maps.Clone(c.with)
		if changed == nil {
			changed = make(map[string]string)
		}
		changed[c.name] = c.value
		_, err := config.ReadStack(changed)
		if err == nil || !strings.Contains(err.Error(), c.name) || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%s=%q: %v", c.name, c.value, err)
		}
	}
}
