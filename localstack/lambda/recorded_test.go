//go:build unix

package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/eventsource"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

const (
	recordedEvents = "../../events/dynamodb/"
	// updateVariable has TestRecordedEvents write the files.
	updateVariable = "UPDATE_EVENTS"
)

// recorded is a record of an event, with its members in AWS's order.
type recorded struct {
	EventID   string    `json:"eventID"`
	EventName string    `json:"eventName"`
	Version   string    `json:"eventVersion"`
	Source    string    `json:"eventSource"`
	Region    string    `json:"awsRegion"`
	Change    change    `json:"dynamodb"`
	ARN       string    `json:"eventSourceARN"`
	Identity  *identity `json:"userIdentity,omitempty"`
}

type change struct {
	Created  int64  `json:"ApproximateCreationDateTime"`
	Keys     image  `json:"Keys"`
	NewImage image  `json:"NewImage,omitempty"`
	OldImage image  `json:"OldImage,omitempty"`
	Sequence string `json:"SequenceNumber"`
	Size     int64  `json:"SizeBytes"`
	View     string `json:"StreamViewType"`
}

type image map[string]any

type identity struct {
	Type      string `json:"type"`
	Principal string `json:"principalId"`
}

type recordedEvent struct {
	Records []recorded `json:"Records"`
}

// TestRecordedEvents: the events in the repository are what the driver does to the table.
// With UPDATE_EVENTS=1 it writes them anew.
func TestRecordedEvents(t *testing.T) {
	t.Parallel()
	story := recordStory(t)
	story["batch"] = recordedEvent{}
	for _, name := range []string{"create", "append", "segment-ended", "delete"} {
		batch := story["batch"]
		batch.Records = append(batch.Records, story[name].Records...)
		story["batch"] = batch
	}
	sequence := 91
	for _, name := range []string{"create", "append", "segment-ended", "compacted", "delete", "discard", "expire", "batch"} {
		file := recordedEvents + name + ".json"
		event := story[name]
		for i := range event.Records {
			id := md5.Sum(fmt.Appendf(nil, "%s %d", name, i))
			event.Records[i].EventID = hex.EncodeToString(id[:])
			event.Records[i].Change.Sequence = fmt.Sprintf("4421584500000000017450439%03d", sequence)
			sequence++
		}
		want, err := json.MarshalIndent(event, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if os.Getenv(updateVariable) != "" {
			if err := os.WriteFile(file, append(want, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !sameJSON(t, got, want) {
			t.Errorf("%s is not what the driver does any more. Run this test with %s=1, which writes it:\n%s", file, updateVariable, want)
		}
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

// Of the recorded events, the filter of compaction passes those that it is for.
func TestRecordedEventsAndTheFilter(t *testing.T) {
	t.Parallel()
	pattern, err := eventsource.CompilePattern(dynamo.EndedFilter)
	if err != nil {
		t.Fatal(err)
	}
	passed := make(map[string]int)
	for _, file := range files(t, recordedEvents+"*.json") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var event struct{ Records []map[string]any }
		if err := json.Unmarshal(text, &event); err != nil || len(event.Records) == 0 {
			t.Fatalf("%s: %v", file, err)
		}
		for _, r := range event.Records {
			if pattern.Match(r) {
				passed[filepath.Base(file)]++
			}
		}
	}
	if want := map[string]int{"segment-ended.json": 1, "batch.json": 1}; !reflect.DeepEqual(passed, want) {
		t.Errorf("it passes %v, want %v", passed, want)
	}
}

// storyteller makes changes, and keeps what the table's change stream tells of them.
type storyteller struct {
	t       *testing.T
	records chan recorded
	now     time.Time
	told    map[string]recordedEvent
}

// Invoke takes one record.
func (s *storyteller) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event struct {
		Records []struct {
			EventName string
			Dynamodb  struct {
				Keys, NewImage, OldImage image
				SizeBytes                int64
			}
		}
	}
	if err := json.Unmarshal(payload, &event); err != nil || len(event.Records) != 1 {
		s.t.Errorf("%v: %s", err, payload)
	}
	r := event.Records[0]
	told := recorded{EventName: r.EventName, Change: change{Keys: r.Dynamodb.Keys, NewImage: r.Dynamodb.NewImage, OldImage: r.Dynamodb.OldImage, Size: r.Dynamodb.SizeBytes}}
	select {
	case s.records <- told:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// step makes a change after a time, and keeps its record under a name, unless that is "".
func (s *storyteller) step(name string, after time.Duration, do func() error) {
	s.t.Helper()
	s.now = s.now.Add(after)
	if err := do(); err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	select {
	case r := <-s.records:
		r.Version, r.Source, r.Region = "1.1", "aws:dynamodb", "us-east-1"
		r.Change.Created, r.Change.View = s.now.Unix(), "NEW_AND_OLD_IMAGES"
		r.ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/durable-streams/stream/2026-01-15T16:00:00.000"
		if name != "" {
			s.told[name] = recordedEvent{[]recorded{r}}
		}
	case <-time.After(patience):
		s.t.Fatalf("%s: the change is not in the stream", name)
	}
}

// recordStory is the life of a stream named demo, with segments of two messages, by the
// real driver on a stand-in, at a time that is always the same.
func recordStory(t *testing.T) map[string]recordedEvent {
	t.Helper()
	db := startDynamoDB(t, "")
	table, ctx := "durable-streams", t.Context()
	own := credentials.NewStaticCredentialsProvider("local", "local", "")
	client := dynamo.NewClient("us-east-1", db.Endpoint, own)
	arn, err := dynamo.EnsureTable(ctx, client, table)
	if err != nil {
		t.Fatal(err)
	}
	s := &storyteller{t: t, records: make(chan recorded), now: time.UnixMilli(1768495871123), told: make(map[string]recordedEvent)}
	settings := eventsource.DefaultConfig(arn, streamtypes.ShardIteratorTypeTrimHorizon)
	settings.BatchSize = 1
	mapping, err := eventsource.New(settings, dynamodbstreams.New(dynamodbstreams.Options{Region: "us-east-1", BaseEndpoint: &db.Endpoint, Credentials: own}), s)
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- mapping.Run(running) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	clock := func() time.Time { return s.now }
	driver, err := dynamo.New(client, dynamo.Options{Table: table, CollectAfter: 5 * time.Minute, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	limits := dynamo.Limits(stream.DefaultLimits())
	limits.SegmentCount = 2
	log, err := stream.New(driver, stream.Options{Limits: limits, Now: clock, Random: rand.NewChaCha8([32]byte{})})
	if err != nil {
		t.Fatal(err)
	}
	const media = "application/json"
	add := func(message string) func() error {
		return func() error {
			a := &stream.Append{ContentType: media}
			a.Records.Add([]byte(message))
			_, err := log.Append(ctx, "demo", a)
			return err
		}
	}
	var life stream.Life
	s.step("create", time.Second, func() error {
		h, _, err := log.Create(ctx, "demo", &stream.Create{Config: stream.Config{ContentType: media}})
		if err == nil {
			life = h.Life("demo")
		}
		return err
	})
	s.step("append", time.Second, add(`{"from":"ann","text":"hello"}`))
	s.step("", time.Second, add(`{"from":"bob","text":"hi"}`))
	s.step("segment-ended", time.Second, add(`{"from":"ann","text":"how are you?"}`))
	chunk := stream.Chunk{To: stream.Offset{Position: 1}, Count: 1, Size: 29, Frames: stream.AppendFrame(nil, []byte(`{"from":"ann","text":"hello"}`))}
	s.step("", time.Second, func() error { return driver.PutChunk(ctx, life, chunk) })
	s.step("compacted", time.Second, func() error {
		_, err := driver.Compact(ctx, life, 1)
		return err
	})
	s.step("delete", time.Minute, func() error { return log.Delete(ctx, "demo") })
	s.step("discard", 6*time.Minute, func() error {
		_, err := driver.Discard(ctx, life, 100)
		return err
	})
	s.step("", time.Second, func() error { return driver.Settle(ctx, life) })
	// The table removes the tombstone by its TTL, which the stand-in does not do in time.
	s.step("expire", 61*time.Minute, func() error {
		_, err := client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "stream#demo"}, "sk": &types.AttributeValueMemberS{Value: "head"},
		}})
		return err
	})
	s.told["expire"].Records[0].Identity = &identity{"Service", "dynamodb.amazonaws.com"}
	return s.told
}
