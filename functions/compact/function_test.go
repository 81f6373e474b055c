package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// fakeStreams remembers what it was asked for.
type fakeStreams struct {
	// compact answers; nil means that one segment was moved.
	compact func(ctx context.Context, name string) (stream.Compaction, error)
	asked   []string
	// register answers; nil means that there was nothing to tell.
	register   func(names []string) (stream.Registered, error)
	registered []string
}

func (f *fakeStreams) Register(_ context.Context, names []string) (stream.Registered, error) {
	f.registered = append(f.registered, names...)
	if f.register == nil {
		return stream.Registered{}, nil
	}
	return f.register(names)
}

func (f *fakeStreams) Compact(ctx context.Context, name string) (stream.Compaction, error) {
	f.asked = append(f.asked, name)
	if f.compact == nil {
		return stream.Compaction{Segments: 1, Bytes: 100}, nil
	}
	return f.compact(ctx, name)
}

// line is what a test wants to know of a line of the log.
type line struct {
	Level, Msg, Stream, Error string
	Segments                  int
	Bytes                     int64
	Took                      *float64 `json:"took_ms"`
	Lag                       *float64 `json:"lag_ms"`
	AWS                       *struct {
		CloudWatchMetrics []struct {
			Namespace string
			Metrics   []struct{ Name string }
		}
	} `json:"_aws"`
	CompactionLag, CompactionFailures, SegmentsCompacted, BytesCompacted, DamageFound *float64
}

// metrics are the names of the metrics that a line is.
func (l line) metrics() []string {
	var names []string
	if l.AWS != nil {
		for _, m := range l.AWS.CloudWatchMetrics[0].Metrics {
			names = append(names, m.Name)
		}
	}
	return names
}

// rig is a function whose log can be read.
type rig struct {
	*fakeStreams
	function *function
	log      bytes.Buffer
}

func newRig(compact func(ctx context.Context, name string) (stream.Compaction, error)) *rig {
	r := &rig{fakeStreams: &fakeStreams{compact: compact}}
	logger := slog.New(slog.NewJSONHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.function = &function{streams: r.fakeStreams, logger: logger, namespace: "DurableStreams/t"}
	return r
}

// invoke handles an event, and returns the sequence numbers that failed.
func (r *rig) invoke(t *testing.T, ctx context.Context, e events.DynamoDBEvent) []string {
	t.Helper()
	response, err := r.function.handle(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	// As the mapping sees it.
	text, err := json.Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	var seen struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if err := json.Unmarshal(text, &seen); err != nil || !bytes.HasPrefix(text, []byte(`{"batchItemFailures":[`)) {
		t.Fatalf("the response is %s: %v", text, err)
	}
	var failed []string
	for _, f := range seen.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed
}

func (r *rig) lines(t *testing.T) []line {
	t.Helper()
	var lines []line
	for text := range strings.Lines(r.log.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		lines = append(lines, l)
	}
	return lines
}

// event has a record for each name, with the sequence numbers 1, 2, 3, ..., all of now.
func event(names ...string) events.DynamoDBEvent {
	var e events.DynamoDBEvent
	for i, name := range names {
		e.Records = append(e.Records, record("stream#"+name, "head", fmt.Sprint(i+1)))
	}
	return e
}

func record(pk, sk, sequence string) events.DynamoDBEventRecord {
	return events.DynamoDBEventRecord{EventName: "MODIFY", Change: events.DynamoDBStreamRecord{
		ApproximateCreationDateTime: events.SecondsEpochTime{Time: time.Now()},
		Keys:                        map[string]events.DynamoDBAttributeValue{"pk": events.NewStringAttribute(pk), "sk": events.NewStringAttribute(sk)},
		SequenceNumber:              sequence,
	}}
}

func equal(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// recordedEvent is an event file of the repository, decoded as the runtime does it.
func recordedEvent(t *testing.T, name string) (e events.DynamoDBEvent) {
	t.Helper()
	text, err := os.ReadFile("../../events/dynamodb/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &e); err != nil || len(e.Records) == 0 {
		t.Fatalf("%s: %v", name, err)
	}
	return e
}

// The recorded events are understood: of all that are about heads the stream is found,
// and the failure is reported by the numbers of their records.
func TestRecordedEvents(t *testing.T) {
	for name, want := range map[string][]string{
		"segment-ended.json": {"4421584500000000017450439093"},
		"batch.json":         {"4421584500000000017450439098", "4421584500000000017450439099", "4421584500000000017450439100", "4421584500000000017450439101"},
		"expire.json":        {"4421584500000000017450439097"},
		"discard.json":       nil,
	} {
		r := newRig(func(context.Context, string) (stream.Compaction, error) {
			return stream.Compaction{}, stream.ErrUnavailable
		})
		equal(t, name+" failed", r.invoke(t, t.Context(), recordedEvent(t, name)), want...)
		if want != nil {
			equal(t, name+" asked", r.asked, "demo")
			if l := r.lines(t)[0]; l.Lag == nil || *l.Lag <= 0 {
				t.Errorf("%s: %s", name, &r.log)
			}
		}
	}
}

func TestEachStreamOnceInOrder(t *testing.T) {
	r := newRig(nil)
	failed := r.invoke(t, t.Context(), event("b", "a", "b", "files/café one", "a"))
	equal(t, "failed", failed)
	equal(t, "asked", r.asked, "b", "a", "files/café one")
	if n := len(r.lines(t)); n != 3 {
		t.Errorf("%d lines for three streams", n)
	}
}

func TestLineOfACompaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(func(context.Context, string) (stream.Compaction, error) {
			time.Sleep(200 * time.Millisecond)
			return stream.Compaction{Segments: 2, Bytes: 4096}, nil
		})
		e := event("a", "a")
		e.Records[0].Change.ApproximateCreationDateTime.Time = time.Now().Add(-2 * time.Second)
		r.invoke(t, t.Context(), e)
		l := r.lines(t)[0]
		if l.Level != "INFO" || l.Msg != "compacted" || l.Stream != "a" || l.Segments != 2 || l.Bytes != 4096 || l.Error != "" ||
			*l.Took != 200 || *l.Lag != 2200 {
			t.Errorf("%s", &r.log)
		}
		if *l.CompactionLag != 2.2 || *l.SegmentsCompacted != 2 || *l.BytesCompacted != 4096 || *l.CompactionFailures != 0 {
			t.Errorf("%s", &r.log)
		}
		if got := l.AWS.CloudWatchMetrics[0].Namespace; got != "DurableStreams/t" {
			t.Errorf("namespace %q", got)
		}
		for _, name := range []string{"CompactionLag", "SegmentsCompacted", "BytesCompacted"} {
			if !slices.Contains(l.metrics(), name) {
				t.Errorf("%s is no metric of %s", name, &r.log)
			}
		}
	})
}

// A record without a time has no lag, rather than one of fifty years.
func TestUnknownLag(t *testing.T) {
	r := newRig(nil)
	e := event("a")
	e.Records[0].Change.ApproximateCreationDateTime = events.SecondsEpochTime{}
	r.invoke(t, t.Context(), e)
	if l := r.lines(t)[0]; l.Lag != nil || slices.Contains(l.metrics(), "CompactionLag") {
		t.Errorf("%s", &r.log)
	}
}

// What another record had done is not a compaction: it would count for nothing in the
// metrics, and cost.
func TestNothingToCompactIsQuiet(t *testing.T) {
	r := newRig(func(context.Context, string) (stream.Compaction, error) { return stream.Compaction{}, nil })
	equal(t, "failed", r.invoke(t, t.Context(), event("a")))
	if l := r.lines(t)[0]; l.Level != "DEBUG" || l.AWS != nil || l.Stream != "a" {
		t.Errorf("%s", &r.log)
	}
}

func TestFailuresAreReportedByTheirRecords(t *testing.T) {
	r := newRig(func(_ context.Context, name string) (stream.Compaction, error) {
		if name == "bad" {
			return stream.Compaction{Segments: 1, Bytes: 7}, fmt.Errorf("%w: no route to the bucket", stream.ErrUnavailable)
		}
		return stream.Compaction{Segments: 1}, nil
	})
	failed := r.invoke(t, t.Context(), event("a", "bad", "b", "bad"))
	equal(t, "failed", failed, "2", "4")
	equal(t, "asked", r.asked, "a", "bad", "b")
	l := r.lines(t)[1]
	if l.Level != "WARN" || l.Stream != "bad" || l.Segments != 1 || l.Bytes != 7 || !strings.Contains(l.Error, "no route") ||
		*l.CompactionFailures != 1 || *l.BytesCompacted != 7 || !slices.Contains(l.metrics(), "CompactionFailures") {
		t.Errorf("%s", &r.log)
	}
}

func TestDamageIsAnError(t *testing.T) {
	damage := fmt.Errorf("compact %q, life %v, segment %d: %w: chunk 3 is torn", "a", stream.Incarnation{1}, 4, stream.ErrDamaged)
	r := newRig(func(context.Context, string) (stream.Compaction, error) { return stream.Compaction{}, damage })
	equal(t, "failed", r.invoke(t, t.Context(), event("a")), "1")
	l := r.lines(t)[0]
	if l.Level != "ERROR" || l.Stream != "a" || *l.DamageFound != 1 || *l.CompactionFailures != 1 || !strings.Contains(l.Msg, "fsck") {
		t.Errorf("%s", &r.log)
	}
	for _, want := range []string{stream.Incarnation{1}.String(), "segment 4", "chunk 3 is torn"} {
		if !strings.Contains(l.Error, want) {
			t.Errorf("%q is not in %q", want, l.Error)
		}
	}
}

// Near the deadline nothing more is begun, and the invocation answers in time.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(func(ctx context.Context, _ string) (stream.Compaction, error) {
			select {
			case <-time.After(4 * time.Second):
				return stream.Compaction{Segments: 1}, nil
			case <-ctx.Done():
				return stream.Compaction{}, ctx.Err()
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		// 15 of the 20 seconds are for compactions: after three of them 3 are left, after
		// four none.
		failed := r.invoke(t, ctx, event("a", "b", "c", "d", "e", "f", "a"))
		equal(t, "failed", failed, "4", "5", "6")
		equal(t, "asked", r.asked, "a", "b", "c", "d")
		if ctx.Err() != nil {
			t.Error("the answer is late")
		}
		lines := r.lines(t)
		last := lines[len(lines)-1]
		if last.Level != "WARN" || !strings.Contains(last.Msg, "time is over") || last.AWS != nil {
			t.Errorf("%s", &r.log)
		}
	})
}

// An invocation without time does the first of its streams all the same: otherwise
// trying it again would never get anywhere.
func TestTheFirstIsAlwaysBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		equal(t, "failed", r.invoke(t, ctx, event("a", "b")), "2")
		equal(t, "asked", r.asked, "a")
	})
}

// Records of other items are no failures: they would come again and again.
func TestForeignRecordsArePassedOver(t *testing.T) {
	r := newRig(func(context.Context, string) (stream.Compaction, error) {
		return stream.Compaction{}, errors.New("down")
	})
	e := event("a")
	binary := record("stream#b", "head", "6")
	binary.Change.Keys["pk"] = events.NewBinaryAttribute([]byte("stream#b"))
	e.Records = append(e.Records,
		record("data#0011#a", "chunk#0000000000000000_0000000000000001", "2"), record("stream#c", "other", "3"), record("cursor#items", "cursor", "4"),
		events.DynamoDBEventRecord{Change: events.DynamoDBStreamRecord{SequenceNumber: "5"}}, binary)
	equal(t, "failed", r.invoke(t, t.Context(), e), "1")
	equal(t, "asked", r.asked, "a")
	if l := r.lines(t)[0]; l.Level != "WARN" || !strings.Contains(l.Msg, "filter") {
		t.Errorf("%s", &r.log)
	}
	equal(t, "failed", r.invoke(t, t.Context(), events.DynamoDBEvent{}))
}

// marked is a record of a write that left a mark.
func marked(name, sequence, mark string) events.DynamoDBEventRecord {
	r := record("stream#"+name, "head", sequence)
	r.Change.NewImage = map[string]events.DynamoDBAttributeValue{dynamo.ChangeAttribute: events.NewStringAttribute(mark)}
	return r
}

// What a record asks for is done, once for each stream, and streams that could not be told
// of are reported by all their records.
func TestMarks(t *testing.T) {
	r := newRig(nil)
	r.register = func(names []string) (stream.Registered, error) {
		return stream.Registered{Records: 2, Failed: []string{"both"}}, stream.ErrUnavailable
	}
	failed := r.invoke(t, t.Context(), events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{
		marked("ended", "1", "1"), marked("began", "2", "2"), marked("both", "3", "3"),
		marked("began", "4", "1"), marked("began", "5", "2"), marked("neither", "6", "9"),
	}})
	equal(t, "failed", failed, "3")
	equal(t, "registered", r.registered, "began", "both")
	equal(t, "compacted", r.asked, "ended", "began", "both")
	lines := r.lines(t)
	if len(lines) != 4 || lines[0].Level != "WARN" || lines[0].Error == "" || !slices.Equal(lines[0].metrics(), []string{"RegistryRecords", "RegistryFailures"}) {
		t.Errorf("the lines are %+v", lines)
	}
}
