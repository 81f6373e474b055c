package metrics_test

import (
	"bufio"
	"bytes"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func text(t *testing.T, r *metrics.Registry) string {
	t.Helper()
	var b bytes.Buffer
	n, err := r.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("%d bytes of %d, %v", n, b.Len(), err)
	}
	return b.String()
}

func TestRegistryText(t *testing.T) {
	var r metrics.Registry
	r.Add(metrics.Compacted(stream.Compaction{Segments: 2, Bytes: 4096}, 20*time.Millisecond, 2*time.Second, nil)...)
	r.Add(metrics.Compacted(stream.Compaction{}, 40*time.Millisecond, time.Second, stream.ErrDamaged)...)
	r.Add(metrics.Swept(stream.Swept{Removed: 3, Problems: 1, Compaction: stream.Compaction{Segments: 1, Bytes: 4}}, 2*time.Hour, stream.ErrUnavailable)...)
	r.Add(metrics.Compacted(stream.Compaction{Segments: 1}, 40*time.Millisecond, 500*time.Millisecond, nil)...)
	got := text(t, &r)
	if again := text(t, &r); again != got {
		t.Error("the order changes")
	}
	want := `# HELP durable_streams_compactions_total Runs that looked for segments of one stream to move into objects.
# TYPE durable_streams_compactions_total counter
durable_streams_compactions_total 3
# HELP durable_streams_compaction_failures_total Runs of compaction that failed; they are done again.
# TYPE durable_streams_compaction_failures_total counter
durable_streams_compaction_failures_total 1
# HELP durable_streams_segments_compacted_total Segments that were moved into objects.
# TYPE durable_streams_segments_compacted_total counter
durable_streams_segments_compacted_total 4
# HELP durable_streams_compacted_bytes_total Bytes of the objects that segments were moved into.
# TYPE durable_streams_compacted_bytes_total counter
durable_streams_compacted_bytes_total 4100
# HELP durable_streams_compaction_lag_seconds How long after its end a segment was in an object.
# TYPE durable_streams_compaction_lag_seconds histogram
durable_streams_compaction_lag_seconds_bucket{le="0.01"} 0
durable_streams_compaction_lag_seconds_bucket{le="0.03"} 0
durable_streams_compaction_lag_seconds_bucket{le="0.1"} 0
durable_streams_compaction_lag_seconds_bucket{le="0.3"} 0
durable_streams_compaction_lag_seconds_bucket{le="1"} 1
durable_streams_compaction_lag_seconds_bucket{le="3"} 2
durable_streams_compaction_lag_seconds_bucket{le="10"} 2
durable_streams_compaction_lag_seconds_bucket{le="30"} 2
durable_streams_compaction_lag_seconds_bucket{le="60"} 2
durable_streams_compaction_lag_seconds_bucket{le="300"} 2
durable_streams_compaction_lag_seconds_bucket{le="900"} 2
durable_streams_compaction_lag_seconds_bucket{le="3600"} 2
durable_streams_compaction_lag_seconds_bucket{le="+Inf"} 2
durable_streams_compaction_lag_seconds_sum 2.5
durable_streams_compaction_lag_seconds_count 2
# HELP durable_streams_last_compaction_lag_seconds The last one: How long after its end a segment was in an object.
# TYPE durable_streams_last_compaction_lag_seconds gauge
durable_streams_last_compaction_lag_seconds 0.5
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got:\n%s\nwant it to begin with:\n%s", got, want)
	}
	for _, want := range []string{
		"\ndurable_streams_damage_found_total 1\n",
		"\ndurable_streams_sweeps_total 1\n",
		"\ndurable_streams_sweep_failures_total 1\n",
		"\ndurable_streams_sweep_problems_total 1\n",
		"\ndurable_streams_objects_removed_total 3\n",
		"\ndurable_streams_sweep_duration_seconds_bucket{le=\"3600\"} 0\n",
		"\ndurable_streams_sweep_duration_seconds_bucket{le=\"+Inf\"} 1\n",
		"\ndurable_streams_orphans_discarded_total 0\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
}

// busy is a registry in which every metric of requests has a value.
func busy() *metrics.Registry {
	r := new(metrics.Registry)
	r.AddRequest(everything)
	r.AddRequest(protocol.Request{Kind: "catch-up", Status: 304})
	return r
}

// The format has few rules; a scraper refuses everything if one line breaks them.
func TestRegistryTextIsWellFormed(t *testing.T) {
	name := `durable_streams_[a-z_]+`
	help := regexp.MustCompile(`^# HELP (` + name + `) (?:[^\\]|\\\\|\\n)+$`)
	kind := regexp.MustCompile(`^# TYPE (` + name + `) (counter|gauge|histogram)$`)
	sample := regexp.MustCompile(`^(` + name + `?)(?:_bucket|_sum|_count)?(?:\{(?:[a-z]+="[a-z0-9.+-]+(?i:inf)?",?)+\})? [0-9.e+-]+$`)
	current, typed := "", map[string]bool{}
	for s := bufio.NewScanner(strings.NewReader(text(t, busy()))); s.Scan(); {
		line := s.Text()
		if m := help.FindStringSubmatch(line); m != nil {
			current = m[1]
			continue
		}
		if m := kind.FindStringSubmatch(line); m != nil {
			if m[1] != current || typed[current] {
				t.Errorf("%q does not follow the metric's only HELP", line)
			}
			if strings.HasSuffix(current, "_total") != (m[2] == "counter") {
				t.Errorf("%q: a counter, and only a counter, ends in _total", line)
			}
			typed[current] = true
			continue
		}
		if m := sample.FindStringSubmatch(line); m == nil || !typed[current] || !strings.HasPrefix(line, current) {
			t.Errorf("%q is no sample of %s", line, current)
		}
	}
}

func TestRegistryIsSafeForConcurrentUse(t *testing.T) {
	var r metrics.Registry
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				r.Add(metrics.Collected(stream.Collected{Settled: 1})...)
				text(t, &r)
			}
		})
	}
	group.Wait()
	if got := text(t, &r); !strings.Contains(got, "\ndurable_streams_lives_discarded_total 800\n") {
		t.Errorf("got:\n%s", got)
	}
}
