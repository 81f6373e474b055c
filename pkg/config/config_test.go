package config_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

func TestDefaultsAreValid(t *testing.T) {
	c, err := config.ReadServer(map[string]string{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Limits().Validate(); err != nil {
		t.Error(err)
	}
	if c.Host != "127.0.0.1" || c.Port != 4437 || c.DataDir != "./.data" {
		t.Errorf("listen on %s:%d with data in %s", c.Host, c.Port, c.DataDir)
	}
}

func TestEveryVariableIsRead(t *testing.T) {
	c, err := config.ReadServer(map[string]string{
		"PORT": "0", "STORE": "memory", "LONG_POLL_WAIT": "3s", "SEGMENT_MAX_MESSAGES": "3",
		"PAGE_BYTES": "100", "PRODUCERS_PER_HEAD": "2", "PRODUCER_EARLY_WAIT": "0",
		"SEAL_IDLE_AFTER": "1h", "SWEEP_EVERY": "5s", "ADMIN_TOKEN": "0123456789abcdef",
	})
	if err != nil {
		t.Fatal(err)
	}
	l := c.Limits()
	if c.LongPollWait != 3*time.Second || l.SegmentCount != 3 || l.PageSize != 100 || l.Producers != 2 || l.EarlyWait != 0 {
		t.Errorf("got %+v", c)
	}
	if c.SealIdleAfter != time.Hour || c.SweepEvery != 5*time.Second || c.AdminToken != "0123456789abcdef" {
		t.Errorf("got %+v", c)
	}
}

func TestObjectsHaveTheirOwnSize(t *testing.T) {
	c, err := config.ReadServer(map[string]string{})
	if err != nil {
		t.Fatal(err)
	}
	if l := c.Limits(); l.ObjectSize != 256<<10 || l.ObjectSize > l.PartSize {
		t.Errorf("parts of %d bytes are objects from %d on: that should happen, but not to small ones", l.PartSize, l.ObjectSize)
	}
}

func TestBucketNeedsAllOfItsVariables(t *testing.T) {
	all := map[string]string{
		"S3_ENDPOINT": "http://127.0.0.1:9000", "BUCKET_NAME": "b", "S3_ACCESS_KEY_ID": "k", "S3_SECRET_ACCESS_KEY": "s",
	}
	c, err := config.ReadServer(all)
	if err != nil {
		t.Fatal(err)
	}
	if want := (config.Bucket{BucketEndpoint: "http://127.0.0.1:9000", BucketName: "b", BucketRegion: "us-east-1", BucketKey: "k", BucketSecret: "s"}); c.Bucket != want {
		t.Errorf("got %+v", c.Bucket)
	}
	for name, value := range map[string]string{"BUCKET_NAME": "", "S3_ACCESS_KEY_ID": "", "S3_SECRET_ACCESS_KEY": "", "STORE": "memory"} {
		changed := maps.Clone(all)
		changed[name] = value
		if _, err := config.ReadServer(changed); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "S3_ENDPOINT") {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	// Without the endpoint they say nothing: the functions have variables of the same names.
	if _, err := config.ReadServer(map[string]string{"BUCKET_NAME": "b"}); err != nil {
		t.Error(err)
	}
}

func TestSecretsAreNotTold(t *testing.T) {
	for _, token := range []string{"hunter2", "hunter2hunter2hunter2 hunter2", "hunter2hunter2hunter2\n"} {
		_, err := config.ReadServer(map[string]string{"ADMIN_TOKEN": token})
		if err == nil || !strings.Contains(err.Error(), "ADMIN_TOKEN") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("ADMIN_TOKEN=%q: %v", token, err)
		}
	}
}

// A mistake must name the variable, since that is what the user typed.
func TestMistakesNameTheVariable(t *testing.T) {
	for name, bad := range map[string][]string{
		"PORT":                 {"http", "-1", "65536"},
		"STORE":                {"sqlite"},
		"LOG_LEVEL":            {"loud"},
		"LONG_POLL_WAIT":       {"20", "0s", "-1s"},
		"COMPRESS_FROM_BYTES":  {"0", "-2", "1k"},
		"PAGE_MAX_AGE":         {"60", "0s", "500ms", "-1s"},
		"SSE_LIFETIME":         {"0s"},
		"MAX_BODY_BYTES":       {"0", "10MB"},
		"PAGE_BYTES":           {"-5"},
		"SEGMENT_MAX_MESSAGES": {"0"},
		"SEGMENT_MAX_BYTES":    {"0"},
		"PRODUCERS_PER_HEAD":   {"0"},
		"PRODUCER_EARLY_WAIT":  {"-1s"},
		"CACHE_BYTES":          {"0"},
		"HEAD_CACHE_BYTES":     {"0"},
		"OBJECT_CACHE_BYTES":   {"-1"},
		"SEAL_IDLE_AFTER":      {"0s", "24"},
		"SWEEP_EVERY":          {"0s", "-1s"},
		"ADMIN_TOKEN":          {"0123456789abcde"},
	} {
		for _, value := range bad {
			_, err := config.ReadServer(map[string]string{name: value})
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
}

func TestEveryVariableIsExplained(t *testing.T) {
	for _, v := range config.Variables(config.Server{}) {
		if v.Name == "" || v.Doc == "" {
			t.Errorf("%+v has no name or no explanation", v)
		}
	}
}
