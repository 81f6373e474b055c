// Package template reads from a synthesised CloudFormation template what decides how the
// functions run: their memory, time and environment, which changes of the table reach
// them and how, and when they run by themselves. The local Lambda host runs them so, and
// what runs locally is what is deployed.
//
// Only what is written in the template is known. What CloudFormation fills in when it
// deploys, such as names of tables and secrets, is left out: locally there are others.
package template

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/eventsource"
)

// Template is what a template says of its functions, by the names of their programs. A
// function's logical id is that name, with capitals.
type Template map[string]Function

// Function is how a function is run.
type Function struct {
	// ID is its logical id.
	ID string
	// Handler and Runtime are Lambda's names of its program and of what runs that.
	Handler, Runtime string
	MemoryMB         int
	Timeout          time.Duration
	// Concurrency is how many invocations may run at once; 0 leaves that to the account.
	Concurrency int
	// Environment has the variables whose values are in the template.
	Environment map[string]string
	// Changes is how changes of a table reach the function, without the ARN of the table's
	// stream; nil if they do not.
	Changes *eventsource.Config
	// Every is how often the function runs by itself; 0 means never.
	Every time.Duration
}

// resource is a resource of a template.
type resource struct {
	Type       string
	Properties json.RawMessage
}

// Load reads a template from a file. An error says which resource is not understood; one
// without any function is an error, too.
func Load(file string) (Template, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	t, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return t, nil
}

// Parse is [Load] for a template in memory.
func Parse(data []byte) (Template, error) {
	var document struct{ Resources map[string]resource }
	if err := json.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("it is no CloudFormation template in JSON: %w", err)
	}
	t := make(Template)
	for id, r := range document.Resources {
		if r.Type == "AWS::Lambda::Function" {
			f, err := parseFunction(r.Properties)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", id, err)
			}
			f.ID = id
			t[program(id)] = f
		}
	}
	if len(t) == 0 {
		return nil, fmt.Errorf("it has no function (AWS::Lambda::Function)")
	}
	for id, r := range document.Resources {
		var err error
		switch r.Type {
		case "AWS::Lambda::EventSourceMapping":
			err = t.addChanges(r.Properties)
		case "AWS::Scheduler::Schedule":
			err = t.addSchedule(r.Properties)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
	}
	return t, nil
}

// program is the name of the program of the function with a logical id.
func program(id string) string { return strings.ToLower(id) }

func parseFunction(properties json.RawMessage) (Function, error) {
	// The defaults are Lambda's.
	p := struct {
		Handler, Runtime             string
		MemorySize                   int
		Timeout                      int
		ReservedConcurrentExecutions int
		Environment                  struct{ Variables map[string]json.RawMessage }
	}{MemorySize: 128, Timeout: 3}
	if err := json.Unmarshal(properties, &p); err != nil {
		return Function{}, err
	}
	f := Function{
		Handler:     p.Handler,
		Runtime:     p.Runtime,
		MemoryMB:    p.MemorySize,
		Timeout:     time.Duration(p.Timeout) * time.Second,
		Concurrency: p.ReservedConcurrentExecutions,
		Environment: make(map[string]string),
	}
	for name, value := range p.Environment.Variables {
		var text string
		if json.Unmarshal(value, &text) == nil { // else it is filled in when it is deployed
			f.Environment[name] = text
		}
	}
	return f, nil
}

// addChanges notes a mapping of a change stream. Batches of a shard are worked on one
// after the other here, whatever ParallelizationFactor says: the order within a stream
// is the same.
func (t Template) addChanges(properties json.RawMessage) error {
	c := eventsource.DefaultConfig("", types.ShardIteratorTypeTrimHorizon)
	p := struct {
		FunctionName                   reference
		StartingPosition               types.ShardIteratorType
		BatchSize                      *int
		MaximumBatchingWindowInSeconds int
		MaximumRetryAttempts           *int
		MaximumRecordAgeInSeconds      int
		BisectBatchOnFunctionError     *bool
		FunctionResponseTypes          []string
		FilterCriteria                 struct{ Filters []struct{ Pattern string } }
	}{BatchSize: &c.BatchSize, MaximumRetryAttempts: &c.MaximumRetryAttempts, BisectBatchOnFunctionError: &c.BisectBatchOnFunctionError}
	if err := json.Unmarshal(properties, &p); err != nil {
		return err
	}
	c.StartingPosition = p.StartingPosition
	c.MaximumBatchingWindow = time.Duration(p.MaximumBatchingWindowInSeconds) * time.Second
	if p.MaximumRecordAgeInSeconds > 0 { // -1 is without limit, as is nothing
		c.MaximumRecordAge = time.Duration(p.MaximumRecordAgeInSeconds) * time.Second
	}
	for _, kind := range p.FunctionResponseTypes {
		c.ReportBatchItemFailures = c.ReportBatchItemFailures || kind == "ReportBatchItemFailures"
	}
	for _, f := range p.FilterCriteria.Filters {
		c.Filters = append(c.Filters, f.Pattern)
	}
	return t.change(p.FunctionName, func(f *Function) error {
		if f.Changes != nil {
			return fmt.Errorf("a second event source of one function is not understood")
		}
		f.Changes = &c
		return nil
	})
}

// addSchedule notes when a function runs by itself.
func (t Template) addSchedule(properties json.RawMessage) error {
	var p struct {
		ScheduleExpression string
		Target             struct{ Arn reference }
	}
	if err := json.Unmarshal(properties, &p); err != nil {
		return err
	}
	every, err := rate(p.ScheduleExpression)
	if err != nil {
		return err
	}
	return t.change(p.Target.Arn, func(f *Function) error {
		f.Every = every
		return nil
	})
}

// change changes the function that is referred to.
func (t Template) change(id reference, by func(*Function) error) error {
	f, ok := t[program(string(id))]
	if !ok {
		return fmt.Errorf("the template has no function %q", id)
	}
	if err := by(&f); err != nil {
		return err
	}
	t[program(string(id))] = f
	return nil
}

// reference is the logical id in {"Ref": id} and in {"Fn::GetAtt": [id, attribute]}.
type reference string

func (r *reference) UnmarshalJSON(data []byte) error {
	var to struct {
		Ref    string
		GetAtt []string `json:"Fn::GetAtt"`
	}
	if err := json.Unmarshal(data, &to); err != nil {
		return fmt.Errorf("%s refers to nothing in the template", data)
	}
	if len(to.GetAtt) > 0 {
		to.Ref = to.GetAtt[0]
	}
	*r = reference(to.Ref)
	return nil
}

// rate is the time in an expression such as "rate(5 minutes)".
func rate(expression string) (time.Duration, error) {
	var n int
	var unit string
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	inside, opened := strings.CutPrefix(expression, "rate(")
	inside, closed := strings.CutSuffix(inside, ")")
	if _, err := fmt.Sscanf(inside, "%d %s", &n, &unit); err != nil || !opened || !closed || n < 1 || units[strings.TrimSuffix(unit, "s")] == 0 {
		return 0, fmt.Errorf("the schedule %q is not understood: it must be rate(n minutes), hours or days", expression)
	}
	return time.Duration(n) * units[strings.TrimSuffix(unit, "s")], nil
}
