//go:build unix

package main

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
)

// The event is the recorded one, but for names and the time.
func TestScheduleEvent(t *testing.T) {
	now := time.Date(2026, 1, 15, 17, 53, 0, 999, time.FixedZone("", 3600))
	var got, want map[string]any
	text, err := os.ReadFile("../../events/eventbridge/schedule.json")
	if err != nil || json.Unmarshal(text, &want) != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if err := json.Unmarshal(scheduleEvent(host.Config{Name: "sweep", Region: "us-east-1"}, now), &got); err != nil {
		t.Fatal(err)
	}
	if id, _ := got["id"].(string); len(id) != len(want["id"].(string)) {
		t.Errorf("id %q", id)
	}
	want["id"] = got["id"]
	want["account"] = host.Account
	want["resources"] = []any{"arn:aws:events:us-east-1:" + host.Account + ":rule/sweep"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%v, want\n%v", got, want)
	}
}
