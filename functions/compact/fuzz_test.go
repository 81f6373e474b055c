package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// FuzzChanges: whatever the change stream says, each stream in it is one job, as often as it
// is named, and none is made up.
func FuzzChanges(f *testing.F) {
	paths, err := filepath.Glob("../../events/*/*.json")
	if err != nil || len(paths) == 0 {
		f.Fatal("no events: ", err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"Records":[{"dynamodb":{"Keys":{"pk":{"S":"stream#a"},"sk":{"S":"head"}},"NewImage":{"y":{"S":"x"}},"SequenceNumber":"1"}},{}]}`))
	f.Add([]byte(`{"Records":[{"dynamodb":{"Keys":{"pk":{"N":"1"},"sk":{"NULL":true}}}}]}`))
	f.Add([]byte(`{"Records":[{"dynamodb":{"ApproximateCreationDateTime":1e30,"Keys":{"pk":{"S":"stream#"},"sk":{"S":"head"}}}}]}`))
	logger := slog.New(slog.DiscardHandler)
	f.Fuzz(func(t *testing.T, payload []byte) {
		var e events.DynamoDBEvent
		if json.Unmarshal(payload, &e) != nil {
			return // the runtime refuses it
		}
		named := map[string]bool{}
		for _, r := range e.Records {
			if name, ok := streamOf(r); ok {
				named[name] = true
			}
		}
		jobs := (&function{logger: logger}).jobs(e)
		if len(jobs) != len(named) {
			t.Errorf("%d jobs for %d streams", len(jobs), len(named))
		}
		for _, j := range jobs {
			if !named[j.stream] {
				t.Errorf("%q is not in the event, or twice in the jobs", j.stream)
			}
			delete(named, j.stream)
			_ = j.lag()
		}
	})
}
