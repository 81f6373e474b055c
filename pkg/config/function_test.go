package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// readFunction reads a complete configuration of a function in which some variables are
// set, in pairs.
func readFunction(set ...string) (config.Function, error) {
	vars := map[string]string{
		"TABLE_NAME": "t", "BUCKET_NAME": "b", "AWS_REGION": "r",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
	}
	for i := 0; i < len(set); i += 2 {
		vars[set[i]] = set[i+1]
	}
	return config.ReadFunction(vars)
}

func TestFunctionSweep(t *testing.T) {
	c, err := readFunction()
	if err != nil {
		t.Fatal(err)
	}
	if want := (stream.SweepOptions{IdleAfter: 24 * time.Hour, Items: 2000, Objects: 5000, Lives: 200}); c.Sweep() != want {
		t.Errorf("by default it sweeps with %+v", c.Sweep())
	}
	if c.RetireAfter != 24*time.Hour {
		t.Errorf("by default it retires after %v", c.RetireAfter)
	}
	c, err = readFunction("SEAL_IDLE_AFTER", "1m", "RETIRE_AFTER", "2m", "SWEEP_ITEMS", "3", "SWEEP_OBJECTS", "4", "SWEEP_LIVES", "5")
	if err != nil {
		t.Fatal(err)
	}
	if want := (stream.SweepOptions{IdleAfter: time.Minute, Items: 3, Objects: 4, Lives: 5}); c.Sweep() != want || c.RetireAfter != 2*time.Minute {
		t.Errorf("it sweeps with %+v and retires after %v", c.Sweep(), c.RetireAfter)
	}
}

func TestFunctionMistakesNameTheVariable(t *testing.T) {
	for name, bad := range map[string][]string{
		"SEAL_IDLE_AFTER": {"24", "0s", "-1h"},
		"RETIRE_AFTER":    {"0s", "59s", "-1h", "day"},
		"SWEEP_ITEMS":     {"0", "-1", "all"},
		"SWEEP_OBJECTS":   {"0", "-1", "1e3"},
		"SWEEP_LIVES":     {"0", "-1", "many"},
		"METRICS":         {"on", "EMF", "prometheus"},
	} {
		for _, value := range bad {
			_, err := readFunction(name, value)
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
}

func TestFunctionVariablesAreExplained(t *testing.T) {
	for _, c := range []any{config.Function{}, config.LambdaHost{}, config.Container{}, config.Stack{}} {
		for _, v := range config.Variables(c) {
			if v.Name == "" || v.Doc == "" {
				t.Errorf("%+v of %T has no name or no explanation", v, c)
			}
		}
	}
}

// What must be set has no default, and is missed if it is not, or is empty.
func TestRequiredVariables(t *testing.T) {
	required := 0
	for _, v := range config.Variables(config.Function{}) {
		if !v.Required {
			continue
		}
		required++
		_, err := readFunction(v.Name, "")
		if err == nil || !strings.Contains(err.Error(), v.Name) || v.Default != "" {
			t.Errorf("%+v, empty: %v", v, err)
		}
	}
	if required != 3 {
		t.Errorf("%d variables are required", required)
	}
}
