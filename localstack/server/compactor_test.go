package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// compactorKit is a compactor whose clock moves only while it compacts.
type compactorKit struct {
	*compactor
	now   time.Time
	names []string
	rests []time.Duration
	lines bytes.Buffer
	// during is called in each compaction, which takes and fails with what it returns.
	during func(name string) (time.Duration, error)
	stop   context.CancelFunc
	due    chan time.Time
	sweep  func(context.Context)
}

func newCompactorKit() *compactorKit {
	k := &compactorKit{now: time.Unix(1_700_000_000, 0), during: func(string) (time.Duration, error) { return 0, nil }}
	k.compactor = newCompactor(new(metrics.Registry), slog.New(slog.NewJSONHandler(&k.lines, nil)))
	k.compactor.now = func() time.Time { return k.now }
	k.compactor.rest = func(_ context.Context, d time.Duration) {
		k.rests = append(k.rests, d)
		if len(k.queue) == 0 {
			k.stop()
		}
	}
	k.compactor.compact = func(_ context.Context, name string) (stream.Compaction, error) {
		k.names = append(k.names, name)
		took, err := k.during(name)
		k.now = k.now.Add(took)
		return stream.Compaction{Segments: 1, Bytes: 10}, err
	}
	return k
}

// drain runs the compactor until nothing waits.
func (k *compactorKit) drain(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	k.stop = cancel
	k.run(ctx, k.due, k.sweep)
}

func (k *compactorKit) text(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := k.metrics.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAStreamWaitsOnce(t *testing.T) {
	k := newCompactorKit()
	for _, name := range []string{"a", "b", "a", "a", "c", "b"} {
		k.ended(name)
	}
	k.drain(t)
	if !slices.Equal(k.names, []string{"a", "b", "c"}) {
		t.Errorf("compacted %v", k.names)
	}
	if strings.Count(k.lines.String(), "\n") != 3 || !strings.Contains(k.lines.String(), `"msg":"compact","stream":"c","segments":1,"bytes":10,`) {
		t.Errorf("the log is %s", &k.lines)
	}
}

func TestTheSweepHasItsTurn(t *testing.T) {
	k := newCompactorKit()
	k.due = make(chan time.Time, 1)
	k.due <- k.now
	k.sweep = func(context.Context) {
		k.names = append(k.names, "sweep")
		k.now = k.now.Add(10 * time.Millisecond)
		k.ended("a") // so that the test ends after both
	}
	k.drain(t)
	if !slices.Equal(k.names, []string{"sweep", "a"}) || !slices.Equal(k.rests, []time.Duration{10 * time.Millisecond, 0}) {
		t.Errorf("did %v, and rested %v", k.names, k.rests)
	}
}

// The compaction that is under way may have looked already.
func TestASegmentThatEndsMeanwhileIsNotMissed(t *testing.T) {
	k := newCompactorKit()
	k.during = func(string) (time.Duration, error) {
		if len(k.names) == 1 {
			k.ended("a")
		}
		return time.Second, nil
	}
	k.ended("a")
	k.drain(t)
	if !slices.Equal(k.names, []string{"a", "a"}) {
		t.Errorf("compacted %v", k.names)
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	k := newCompactorKit()
	for i := range maxWaiting + 10 {
		k.ended(fmt.Sprint(i))
	}
	k.drain(t)
	if len(k.names) != maxWaiting {
		t.Errorf("compacted %d streams", len(k.names))
	}
	// Who did not fit is not taken for one that waits.
	k.ended(fmt.Sprint(maxWaiting))
	k.drain(t)
	if len(k.names) != maxWaiting+1 {
		t.Error("a stream that did not fit once never fits again")
	}
}

func TestItRestsAsLongAsItWorked(t *testing.T) {
	k := newCompactorKit()
	times := map[string]time.Duration{"a": 30 * time.Millisecond, "b": time.Minute}
	k.during = func(name string) (time.Duration, error) { return times[name], nil }
	k.ended("a")
	k.ended("b")
	k.drain(t)
	if !slices.Equal(k.rests, []time.Duration{30 * time.Millisecond, maxRest}) {
		t.Errorf("rested %v", k.rests)
	}
	// b waited for a.
	if want := "\ndurable_streams_last_compaction_lag_seconds 60.03\n"; !strings.Contains(k.text(t), want) {
		t.Errorf("%s is not in %s", want, k.text(t))
	}
}

func TestFailuresAreToldAndPassedOver(t *testing.T) {
	k := newCompactorKit()
	k.during = func(name string) (time.Duration, error) {
		return 0, map[string]error{"a": stream.ErrUnavailable, "b": fmt.Errorf("x: %w", stream.ErrDamaged)}[name]
	}
	for _, name := range []string{"a", "b", "c"} {
		k.ended(name)
	}
	k.drain(t)
	for _, want := range []string{
		"\ndurable_streams_compactions_total 3\n", "\ndurable_streams_compaction_failures_total 2\n", "\ndurable_streams_damage_found_total 1\n",
	} {
		if !strings.Contains(k.text(t), want) {
			t.Errorf("%s is not in %s", want, k.text(t))
		}
	}
	for _, want := range []string{`"level":"WARN","msg":"compact","stream":"a"`, `"level":"ERROR","msg":"compact","stream":"b"`, `"level":"INFO","msg":"compact","stream":"c"`} {
		if !strings.Contains(k.lines.String(), want) {
			t.Errorf("%s is not in %s", want, &k.lines)
		}
	}
}

func TestBeingStoppedIsNoFailure(t *testing.T) {
	k := newCompactorKit()
	k.during = func(string) (time.Duration, error) {
		k.stop()
		return 0, errors.New("context canceled")
	}
	k.ended("a")
	k.drain(t)
	if k.lines.Len() > 0 || !strings.Contains(k.text(t), "\ndurable_streams_compactions_total 0\n") {
		t.Errorf("the log is %s", &k.lines)
	}
}
