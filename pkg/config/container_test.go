package config_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

func TestContainer(t *testing.T) {
	least := map[string]string{"TABLE_NAME": "t", "BUCKET_NAME": "b", "AWS_REGION": "r"}
	c, err := config.ReadContainer(least)
	if err != nil {
		t.Fatal(err)
	}
	if c.Host != "0.0.0.0" || c.Port != 8080 || c.StopTimeout != 25*time.Second {
		t.Errorf("by default it is %+v", c)
	}
	if c.Function.Table != "t" || c.Function.Bucket != "b" || c.Function.LongPollWait != 20*time.Second {
		t.Errorf("of the functions' variables it has %+v", c.Function)
	}
	if host, port, err := config.ReadAddress(map[string]string{"PORT": "9"}); err != nil || host != "0.0.0.0" || port != 9 {
		t.Errorf("alone, its address is %s, %d, %v", host, port, err)
	}
	for name, bad := range map[string][]string{
		"TABLE_NAME":            {""},
		"BUCKET_NAME":           {""},
		"AWS_REGION":            {""},
		"PORT":                  {"http", "-1", "65536"},
		"STOP_TIMEOUT":          {"25", "0s", "-1s"},
		"LONG_POLL_WAIT":        {"0s"},
		"AWS_ACCESS_KEY_ID":     {"alone"},
		"AWS_SECRET_ACCESS_KEY": {"alone"},
	} {
		for _, value := range bad {
			changed := maps.Clone(least)
			changed[name] = value
			_, err := config.ReadContainer(changed)
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
}

// A function without credentials was started by something else than Lambda.
func TestFunctionNeedsCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if _, err := readFunction(name, ""); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}
