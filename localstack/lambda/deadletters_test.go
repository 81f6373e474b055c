//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/eventsource"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
)

// TestDeadLetters: changes that a function fails on again and again are kept, with all
// that is needed to have them done later, and those behind them are delivered.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := startHost(t, "DATA_DIR="+dir, "LAMBDA_STREAM_FUNCTION=changes", `LAMBDA_STREAM_FILTER={"eventName":["INSERT"]}`, "LAMBDA_STREAM_RETRIES=2")
	for _, name := range []string{"one", "poison", "three"} {
		must(t, 201, put, h.url+name, "hello", contentType, text)
	}
	h.await(t, "the change behind the dead one", func() bool { return strings.Contains(h.log.String(), "change INSERT stream#three\n") })
	content, err := os.ReadFile(filepath.Join(dir, "dead-letters.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var letter map[string]any
	if err := json.Unmarshal(content, &letter); err != nil || strings.Count(string(content), "\n") != 1 {
		t.Fatalf("%v: %s", err, content)
	}
	payload, ok := letter["payload"].(string)
	if !ok || !json.Valid([]byte(payload)) || !strings.Contains(payload, `"stream#poison"`) || strings.Contains(payload, "stream#one") {
		t.Errorf("the payload is %v", letter["payload"])
	}
	request, _ := letter["requestContext"].(map[string]any)
	response, _ := letter["responseContext"].(map[string]any)
	if request["condition"] != "RetryAttemptsExhausted" || request["approximateInvokeCount"] != 3.0 || response["functionError"] != "Unhandled" {
		t.Errorf("%s", content)
	}
	if text := h.log.String(); !strings.Contains(text, `"level":"ERROR"`) || !strings.Contains(text, "dead-letters.jsonl") {
		t.Error("the log does not tell of it")
	}
}

// failure is one as the event source reports it.
func failure() eventsource.Failure {
	arrival := time.Date(2026, 1, 15, 16, 0, 0, 0, time.UTC)
	return eventsource.Failure{
		Reason: eventsource.RetryAttemptsExhausted, StreamARN: "arn:stream", Shard: "shard-1",
		FirstSequenceNumber: "5", LastSequenceNumber: "9", BatchSize: 3,
		FirstArrival: arrival, LastArrival: arrival.Add(time.Second),
		Attempts: 6, Event: []byte(`{"Records":["<&>"]}`), Err: &host.FunctionError{Type: "t"},
	}
}

// The form is that of Lambda's destination on failure, if it is a bucket.
func TestFormOfDeadLetters(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "dead-letters.jsonl")
	var log strings.Builder
	letters := deadLetters{file: file, function: "arn:function", logger: slog.New(slog.NewJSONHandler(&log, nil))}
	letters.add(failure())
	reported := failure()
	reported.Err = errors.New("reported by the function")
	letters.add(reported)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%s", content)
	}
	var first, second deadLetter
	if json.Unmarshal([]byte(lines[0]), &first) != nil || json.Unmarshal([]byte(lines[1]), &second) != nil {
		t.Fatalf("%s", content)
	}
	stamp, _ := json.Marshal(first.Timestamp) // it was decoded from JSON
	want := `{"requestContext":{"functionArn":"arn:function","condition":"RetryAttemptsExhausted","approximateInvokeCount":6},` +
		`"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"version":"1.0","timestamp":` + string(stamp) + `,` +
		`"DDBStreamBatchInfo":{"shardId":"shard-1","startSequenceNumber":"5","endSequenceNumber":"9",` +
		`"approximateArrivalOfFirstRecord":"2026-01-15T16:00:00Z","approximateArrivalOfLastRecord":"2026-01-15T16:00:01Z","batchSize":3,"streamArn":"arn:stream"},` +
		`"payload":"{\"Records\":[\"\u003c\u0026\u003e\"]}"}`
	if lines[0] != want {
		t.Errorf("got\n%s, want\n%s", lines[0], want)
	}
	if since := time.Since(first.Timestamp); since < 0 || since > time.Minute {
		t.Errorf("it is of %v", first.Timestamp)
	}
	if second.ResponseContext.FunctionError != "" {
		t.Errorf("the function did not fail: %s", lines[1])
	}
	if strings.Count(log.String(), `"level":"ERROR"`) != 2 || !strings.Contains(log.String(), file) {
		t.Errorf("%s", &log)
	}
}

// A letter that cannot be written must not be lost: then the log has it.
func TestDeadLettersThatCannotBeWritten(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	letters := deadLetters{file: filepath.Join(blocked, "dead-letters.jsonl"), logger: slog.New(slog.NewTextHandler(&log, nil))}
	letters.add(failure())
	if !strings.Contains(log.String(), "Records") || !strings.Contains(log.String(), "shard-1") || !strings.Contains(log.String(), "DATA_DIR") {
		t.Errorf("%s", &log)
	}
}
