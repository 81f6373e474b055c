package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// fakeStore answers every run with the same.
type fakeStore struct {
	swept stream.Swept
	err   error
	// wait has a run last until its context ends.
	wait    bool
	options stream.SweepOptions
}

func (f *fakeStore) Sweep(ctx context.Context, o stream.SweepOptions) (stream.Swept, error) {
	f.options = o
	if f.wait {
		<-ctx.Done()
	}
	return f.swept, f.err
}

// invoke handles the recorded event of a schedule, and returns the result as the
// runtime sends it and the only line of the log.
func invoke(t *testing.T, ctx context.Context, store *fakeStore) (result string, line map[string]any, err error) {
	t.Helper()
	event, err := os.ReadFile("../../events/eventbridge/schedule.json")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	f := &function{store: store, options: stream.SweepOptions{IdleAfter: time.Hour, Items: 1, Objects: 2, Lives: 3}, logger: slog.New(slog.NewJSONHandler(&log, nil)), namespace: "DurableStreams/t"}
	done, err := f.handle(ctx, event)
	if store.options != f.options {
		t.Errorf("it swept with %+v", store.options)
	}
	text, marshalErr := json.Marshal(done)
	if marshalErr != nil || json.Unmarshal(log.Bytes(), &line) != nil {
		t.Fatalf("%v, %s", marshalErr, &log)
	}
	return string(text), line, err
}

// all is a report in which everything is different.
var all = stream.Swept{
	Collected: stream.Collected{Settled: 1, Failed: 2},
	Items:     3, ItemsEnd: true, Objects: 4, Expired: 5, Sealed: 6,
	Compaction: stream.Compaction{Segments: 7, Bytes: 8},
	Retired:    9, Removed: 10, Orphans: 11, Foreign: 12, Problems: 13, Released: 14, Recounted: 15, Registered: 16,
}

func TestReport(t *testing.T) {
	result, line, err := invoke(t, t.Context(), &fakeStore{swept: all})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"tookMs":0,"items":3,"itemsEnd":true,"objects":4,"objectsEnd":false,"discarded":1,"notDiscarded":2,"expired":5,"sealed":6,` +
		`"segments":7,"bytes":8,"registered":16,"released":14,"recounted":15,"retired":9,"removed":10,"orphans":11,"foreign":12,"problems":13}`
	if result != want {
		t.Errorf("the result is\n%s, want\n%s", result, want)
	}
	var report map[string]any
	if err := json.Unmarshal([]byte(result), &report); err != nil || !reflect.DeepEqual(line["report"], report) {
		t.Errorf("the line has %v", line["report"])
	}
	if line["level"] != "INFO" || line["msg"] != "swept" || line["_aws"] == nil || line["LivesDiscarded"] != 1.0 || line["SweepProblems"] != 13.0 {
		t.Errorf("the line is %v", line)
	}
}

// A count that is new in the core must not be forgotten here.
func TestReportHasEveryCount(t *testing.T) {
	counts := reflect.VisibleFields(reflect.TypeFor[stream.Swept]())
	counts = slices.DeleteFunc(counts, func(f reflect.StructField) bool { return f.Anonymous })
	if own := reflect.TypeFor[report]().NumField() - 2; own != len(counts) { // how long it took, and its errors
		t.Errorf("a report has %d counts, the core %d", own, len(counts))
	}
}

// Single problems are told, and no failure of the run.
func TestProblemsAreTold(t *testing.T) {
	problems := errors.Join(errors.New("first"), errors.New("second"))
	result, line, err := invoke(t, t.Context(), &fakeStore{swept: stream.Swept{Items: 1, Problems: 2}, err: problems})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(result, `"problems":2,"errors":["first","second"]}`) || line["level"] != "WARN" || line["SweepFailures"] != 1.0 {
		t.Errorf("%s, %v", result, line)
	}
	_, line, err = invoke(t, t.Context(), &fakeStore{swept: stream.Swept{Items: 1, Problems: 1}, err: fmt.Errorf("item: %w", stream.ErrDamaged)})
	if err != nil || line["level"] != "ERROR" || line["DamageFound"] != 1.0 {
		t.Errorf("damage: %v, %v", line, err)
	}
}

func TestWhatMakesTheInvocationFail(t *testing.T) {
	down := errors.New("no route to the table")
	for _, c := range []struct {
		name  string
		swept stream.Swept
		fails bool
	}{
		{"nothing could be read", stream.Swept{Problems: 3}, true},
		{"the table is empty", stream.Swept{ItemsEnd: true, Problems: 1}, false},
		{"items", stream.Swept{Items: 1, Problems: 1}, false},
		{"objects", stream.Swept{Objects: 1, Problems: 1}, false},
		{"no objects", stream.Swept{ObjectsEnd: true, Problems: 1}, false},
		{"something was discarded", stream.Swept{Collected: stream.Collected{Settled: 1}, Problems: 1}, false},
	} {
		_, line, err := invoke(t, t.Context(), &fakeStore{swept: c.swept, err: down})
		if (err != nil) != c.fails || c.fails && (!errors.Is(err, down) || !errors.Is(err, errNothing)) {
			t.Errorf("%s: %v", c.name, err)
		}
		if (line["level"] == "ERROR") != c.fails || line["_aws"] == nil {
			t.Errorf("%s: %v", c.name, line)
		}
	}
}

// A run stops before the invocation is ended for it. One that could only wait failed.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, swept := range []stream.Swept{{Items: 1}, {}} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			began := time.Now()
			_, _, err := invoke(t, ctx, &fakeStore{wait: true, swept: swept})
			if took := time.Since(began); took != 55*time.Second {
				t.Errorf("it took %v of a minute", took)
			}
			if failed := swept.Items == 0; failed != errors.Is(err, context.DeadlineExceeded) || failed != (err != nil) {
				t.Errorf("%+v: %v", swept, err)
			}
			cancel()
		}
	})
}
