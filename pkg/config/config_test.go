package config_test

import (
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
	})
	if err != nil {
		t.Fatal(err)
	}
	l := c.Limits()
	if c.LongPollWait != 3*time.Second || l.SegmentCount != 3 || l.PageSize != 100 || l.Producers != 2 || l.EarlyWait != 0 {
		t.Errorf("got %+v", c)
	}
}

// A mistake must name the variable, since that is what the user typed.
func TestMistakesNameTheVariable(t *testing.T) {
	for name, bad := range map[string][]string{
		"PORT":                 {"http", "-1", "65536"},
		"STORE":                {"sqlite"},
		"LOG_LEVEL":            {"loud"},
		"LONG_POLL_WAIT":       {"20", "0s", "-1s"},
		"SSE_LIFETIME":         {"0s"},
		"MAX_BODY_BYTES":       {"0", "10MB"},
		"PAGE_BYTES":           {"-5"},
		"SEGMENT_MAX_MESSAGES": {"0"},
		"SEGMENT_MAX_BYTES":    {"0"},
		"PRODUCERS_PER_HEAD":   {"0"},
		"PRODUCER_EARLY_WAIT":  {"-1s"},
		"CACHE_BYTES":          {"0"},
		"HEAD_CACHE_BYTES":     {"0"},
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
