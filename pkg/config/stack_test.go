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
		"TABLE_NAME": "mine", "DYNAMODB_ENDPOINT": "http://elsewhere", "SECRETS": "AUTH_JWT_SECRET=jwt#key", "AUTH_MODE": "jwt", "TAGS": "team=streams,stage=test",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"SEGMENT_MAX_MESSAGES": "7", "LOG_LEVEL": "warn", "SSE_LIFETIME": "10s", "LONG_POLL_WAIT": "30s"}
	if !maps.Equal(c.Functions, want) || c.LongestWait() != 30*time.Second {
		t.Errorf("%v, %v", c.Functions, c.LongestWait())
	}
	if list, err := c.SecretList(); err != nil || len(list) != 1 || list[0] != (config.Secret{Variable: "AUTH_JWT_SECRET", ID: "jwt", Key: "key"}) {
		t.Errorf("%v, %v", list, err)
	}
	if c.AuthMode != "jwt" || c.Tags["team"] != "streams" || c.Tags["stage"] != "test" {
		t.Errorf("%+v", c)
	}
}

// TestStackChecksWhoMayDoWhat: settings with which each process would end when it starts
// are not deployed; those that are in secrets are taken for good.
func TestStackChecksWhoMayDoWhat(t *testing.T) {
	keysURL := map[string]string{"AUTH_MODE": "jwt", "AUTH_JWT_JWKS_URL": "https://issuer.example.com/jwks.json", "AUTH_JWT_ISSUER": "i", "AUTH_JWT_AUDIENCE": "a"}
	secret := map[string]string{"AUTH_MODE": "jwt", "SECRETS": "AUTH_JWT_SECRET=jwt,AUTH_JWT_SECRET_PREVIOUS=old,AUTH_READER_KEY=readers"}
	for _, good := range []map[string]string{
		keysURL, secret,
		{"SECRETS": "AUTH_TOKEN_PREVIOUS=old"},
		{"AUTH_MODE": "jwt", "SECRETS": "AUTH_JWT_PUBLIC_KEYS=keys", "AUTH_JWT_ISSUER": "i", "AUTH_TENANT_CLAIM": "org"},
		{"AUTH_MODE": "jwt", "SECRETS": "AUTH_JWT_JWKS_URL=url,AUTH_JWT_ISSUER=i,AUTH_JWT_AUDIENCE=a"},
		{"AUTH_MODE": "off"},
		{"AUTH_RATE": "5"},
		{"SECRETS": "CORS_ORIGINS=origins,AUTH_RATE=rate"},
	} {
		if _, err := config.ReadStack(good); err != nil {
			t.Errorf("%v: %v", good, err)
		}
	}
	for _, c := range []struct {
		with        map[string]string
		name, value string
	}{
		{nil, "AUTH_MODE", "jwt"},
		{nil, "AUTH_JWT_ISSUER", "i"},
		{nil, "AUTH_TENANT_CLAIM", "org"},
		{nil, "SECRETS", "AUTH_JWT_SECRET=jwt"},
		{map[string]string{"AUTH_MODE": "off"}, "AUTH_RATE", "5"},
		{map[string]string{"AUTH_MODE": "off"}, "SECRETS", "AUTH_READER_KEY=readers"},
		{map[string]string{"AUTH_MODE": "jwt"}, "AUTH_JWT_PUBLIC_KEYS", "garbage"},
		{keysURL, "AUTH_JWT_ISSUER", ""},
		{keysURL, "AUTH_JWT_JWKS_URL", "http://issuer.example.com/jwks.json"},
		{keysURL, "SECRETS", "AUTH_JWT_PUBLIC_KEYS=keys"},
		{keysURL, "SECRETS", "AUTH_JWT_ISSUER=i"},
		{secret, "AUTH_JWT_CLOCK_SKEW", "1h"},
		{secret, "AUTH_TENANT_CLAIM", "streams"},
	} {
		changed := maps.Clone(c.with)
		if changed == nil {
			changed = make(map[string]string)
		}
		changed[c.name] = c.value
		if _, err := config.ReadStack(changed); err == nil || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s=%q: %v", c.name, c.value, err)
		}
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
		{nil, "FUNCTION_URL_OPEN", "true"},
		{nil, "FARGATE_ZONES", "us-east-1a,us-east-1b"},
		{map[string]string{"FARGATE": "true", "CLOUDFRONT": "true"}, "FARGATE_ZONES", "us-east-1a"},
		{nil, "ALARM_EMAIL", "ops"},
		{nil, "ALARM_EMAIL", "Ops <ops@example.com>"},
		{nil, "LOG_RETENTION_DAYS", "31"},
		{nil, "API_MEMORY_MB", "64"},
		{nil, "WORK_MEMORY_MB", "20000"},
		{nil, "SWEEP_EVERY", "90s"},
		{nil, "SWEEP_EVERY", "0s"},
		{nil, "API_CONCURRENCY", "-1"},
		{nil, "COMPACT_CONCURRENCY", "0"},
		{nil, "SECRETS", "AUTH_JWT_SECRET"},
		{nil, "SECRETS", "ADMIN_TOKEN=mine"},
		{nil, "SECRETS", "ORIGIN_SECRET_PREVIOUS=mine"},
		{nil, "SECRETS", "AUTH_TOKEN=mine"},
		{nil, "AUTH_JWT_SECRET", "t0ken-0123456789"},
		{nil, "AUTH_TOKEN", "t0ken-0123456789"},
		{nil, "ADMIN_TOKEN", "t0ken-0123456789"},
		{nil, "ORIGIN_SECRET", "t0ken-0123456789"},
		{nil, "ORIGIN_SECRET_PREVIOUS", "t0ken-0123456789"},
		{nil, "ORIGIN_SECRET_ROUND", "0"},
		{nil, "S3_SECRET_ACCESS_KEY", "t0ken-0123456789"},
		{nil, "POLL_FAST", "0s"},
		{nil, "LONG_POLL_WAIT", "20"},
		{nil, "SSE_LIFETIME", "15m"},
		{nil, "LONG_POLL_WAIT", "15m"},
		{map[string]string{"CLOUDFRONT": "true"}, "LONG_POLL_WAIT", "1m"},
		{map[string]string{"CLOUDFRONT": "true"}, "SSE_LIFETIME", "2m"},
		{map[string]string{"HTTP_API": "true"}, "LONG_POLL_WAIT", "30s"},
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
