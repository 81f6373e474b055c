package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const top = "../.."

// TestEverySourceHasAFunction: each folder of events is of one function, and that is a
// program of this repository.
func TestEverySourceHasAFunction(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join(top, "events", "*", ""))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, folder := range folders {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			continue
		}
		events, err := filepath.Glob(filepath.Join(folder, "*.json"))
		if err != nil || len(events) == 0 {
			t.Errorf("%s: no events, %v", folder, err)
			continue
		}
		found++
		command, err := commandLine([]string{"invoke", events[0]})
		if err != nil {
			t.Error(err)
			continue
		}
		id := command[2]
		if _, err := os.Stat(filepath.Join(top, "functions", strings.ToLower(id), "main.go")); err != nil {
			t.Errorf("%s is for %s: %v", folder, id, err)
		}
	}
	if found != len(sources()) {
		t.Errorf("there are %d folders of events, and %d are known", found, len(sources()))
	}
}

func TestCommandLine(t *testing.T) {
	event := filepath.Join(top, "events", "dynamodb", "segment-ended.json")
	got, err := commandLine([]string{"invoke", event})
	want := []string{"local", "invoke", "Compact", "--event", event, "--template", localTemplate, "--docker-network", network, "--region", "us-east-1"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	for _, args := range [][]string{nil, {"invoke"}, {"invoke", "none.json"}, {"invoke", "main.go"}, {"start-lambda", "x"}} {
		if _, err := commandLine(args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

// TestNetwork: the names of the compose file are those that containers of SAM find
// LocalStack by.
func TestNetwork(t *testing.T) {
	compose, err := os.ReadFile(filepath.Join(top, "localstack", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	project, _, _ := strings.Cut(network, "_")
	for _, want := range []string{"\nname: " + project + "\n", "\nservices:\n  localstack:\n", ":4566\""} {
		if !strings.Contains(string(compose), want) {
			t.Errorf("compose.yaml lacks %q", want)
		}
	}
}

func TestDerive(t *testing.T) {
	stack, err := os.ReadFile(filepath.Join(top, "infra", "stack", "testdata", "default.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := derive(stack, "x86_64", map[string]string{"TABLE_NAME": "t", "DYNAMODB_ENDPOINT": endpoint})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Resources) != 3 {
		t.Errorf("it has %d resources", len(d.Resources))
	}
	api := d.Resources["Api"].Properties
	if api.CodeUri != "api" || api.Handler != "bootstrap" || api.Runtime != "provided.al2023" || !slices.Equal(api.Architectures, []string{"x86_64"}) || api.MemorySize != 256 || api.Timeout != 65 {
		t.Errorf("Api is %+v", api)
	}
	// What the stack sets stays, what it refers to is replaced, and what is not there is added.
	if v := api.Environment.Variables; v["AUTH_MODE"] != "token" || v["TABLE_NAME"] != "t" || v["DYNAMODB_ENDPOINT"] != endpoint {
		t.Errorf("its variables are %v", v)
	}
	if text, err := json.Marshal(d); err != nil || !strings.Contains(string(text), `"Transform":"AWS::Serverless-2016-10-31"`) || !strings.Contains(string(text), `"CodeUri":"compact"`) {
		t.Errorf("%s, %v", text, err)
	}
	if err := d.check(t.TempDir()); err == nil || !strings.Contains(err.Error(), "make build-lambda") {
		t.Errorf("nothing is built, and that is %v", err)
	}
	for _, bad := range []string{"", "{}", `{"Resources":{"A":{"Type":"AWS::Lambda::Function","Properties":{"Timeout":"x"}}}}`} {
		if _, err := derive([]byte(bad), "x86_64", nil); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
