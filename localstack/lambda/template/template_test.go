package template_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/eventsource"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/template"
)

func TestParse(t *testing.T) {
	got, err := template.Parse([]byte(`{"Resources": {
		"Table": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
		"Api": {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "bootstrap", "Runtime": "provided.al2023", "MemorySize": 256, "Timeout": 65,
			"Environment": {"Variables": {"TABLE_NAME": {"Ref": "Table"}, "POLL_FAST": "20ms"}}}},
		"Plain": {"Type": "AWS::Lambda::Function", "Properties": {}},
		"Compact": {"Type": "AWS::Lambda::Function", "Properties": {"ReservedConcurrentExecutions": 10}},
		"CompactChanges": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {
			"FunctionName": {"Ref": "Compact"}, "StartingPosition": "TRIM_HORIZON", "BatchSize": 25,
			"MaximumBatchingWindowInSeconds": 1, "MaximumRetryAttempts": 5, "MaximumRecordAgeInSeconds": 3600,
			"BisectBatchOnFunctionError": true, "FunctionResponseTypes": ["ReportBatchItemFailures"],
			"FilterCriteria": {"Filters": [{"Pattern": "{\"eventName\":[\"MODIFY\"]}"}]}, "ParallelizationFactor": 4}},
		"Sweep": {"Type": "AWS::Lambda::Function", "Properties": {}},
		"SweepSchedule": {"Type": "AWS::Scheduler::Schedule", "Properties": {
			"ScheduleExpression": "rate(5 minutes)", "Target": {"Arn": {"Fn::GetAtt": ["Sweep", "Arn"]}}}}
	}}`))
	if err != nil {
		t.Fatal(err)
	}
	none := map[string]string{}
	changes := &eventsource.Config{
		StartingPosition: types.ShardIteratorTypeTrimHorizon, BatchSize: 25, MaximumBatchingWindow: time.Second,
		MaximumRetryAttempts: 5, MaximumRecordAge: time.Hour, BisectBatchOnFunctionError: true, ReportBatchItemFailures: true,
		Filters: []string{`{"eventName":["MODIFY"]}`},
	}
	want := template.Template{
		"api":     {ID: "Api", Handler: "bootstrap", Runtime: "provided.al2023", MemoryMB: 256, Timeout: 65 * time.Second, Environment: map[string]string{"POLL_FAST": "20ms"}},
		"plain":   {ID: "Plain", MemoryMB: 128, Timeout: 3 * time.Second, Environment: none},
		"compact": {ID: "Compact", MemoryMB: 128, Timeout: 3 * time.Second, Environment: none, Concurrency: 10, Changes: changes},
		"sweep":   {ID: "Sweep", MemoryMB: 128, Timeout: 3 * time.Second, Environment: none, Every: 5 * time.Minute},
	}
	for name := range want {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("%s is\n%+v, want\n%+v", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("functions are %v", got)
	}
}

// TestParseDefaults: what a mapping does not say is as in Lambda.
func TestParseDefaults(t *testing.T) {
	got, err := template.Parse([]byte(`{"Resources": {
		"A": {"Type": "AWS::Lambda::Function", "Properties": {}},
		"M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": {"Ref": "A"}, "StartingPosition": "LATEST", "MaximumRecordAgeInSeconds": -1}}
	}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := eventsource.DefaultConfig("", types.ShardIteratorTypeLatest)
	if c := got["a"].Changes; c == nil || !reflect.DeepEqual(*c, want) {
		t.Errorf("%+v, want %+v", c, want)
	}
}

// TestParseRefuses: what is not understood is said, with the resource.
func TestParseRefuses(t *testing.T) {
	const function = `"A": {"Type": "AWS::Lambda::Function", "Properties": {}}`
	schedule := func(expression string) string {
		return function + `, "S": {"Type": "AWS::Scheduler::Schedule", "Properties": {"ScheduleExpression": "` + expression + `", "Target": {"Arn": {"Fn::GetAtt": ["A", "Arn"]}}}}`
	}
	mapping := func(id, function string) string {
		return `, "` + id + `": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": ` + function + `, "StartingPosition": "LATEST"}}`
	}
	for _, c := range []struct{ resources, want string }{
		{``, "no function"},
		{`"A": {"Type": "AWS::S3::Bucket"}`, "no function"},
		{`"A": {"Type": "AWS::Lambda::Function", "Properties": {"Timeout": "long"}}`, "A: "},
		{schedule("cron(0 * * * ? *)"), "S: "},
		{schedule("rate(0 minutes)"), "S: "},
		{schedule("rate(5 moons)"), "S: "},
		{schedule("5 minutes"), "S: "},
		{function + mapping("M", `{"Ref": "B"}`), `M: the template has no function "B"`},
		{function + mapping("M", `"arn:aws:lambda:us-east-1:1:function:a"`), "M: "},
		{function + mapping("M", `{"Ref": "A"}`) + mapping("N", `{"Ref": "A"}`), "a second event source"},
	} {
		if _, err := template.Parse([]byte(`{"Resources": {` + c.resources + `}}`)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.resources, err, c.want)
		}
	}
	if _, err := template.Parse([]byte("Resources: {}")); err == nil || !strings.Contains(err.Error(), "JSON") {
		t.Errorf("YAML: %v", err)
	}
}

// FuzzParse: whatever a template is, it is understood or refused.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"Resources": {"A": {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": {"A": {"Ref": "B"}}}}}}}`))
	f.Add([]byte(`{"Resources": {"A": {"Type": "AWS::Lambda::Function", "Properties": null}, "S": {"Type": "AWS::Scheduler::Schedule", "Properties": {"ScheduleExpression": "rate(1 day)", "Target": {"Arn": {"Fn::GetAtt": ["A"]}}}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		functions, err := template.Parse(data)
		if (err == nil) != (len(functions) > 0) {
			t.Errorf("%v, %v", functions, err)
		}
	})
}
