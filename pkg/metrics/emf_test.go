package metrics_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

var now = time.UnixMilli(1_700_000_000_123)

// line logs attributes as a function does, and returns the line.
func line(t *testing.T, attrs []slog.Attr) []byte {
	t.Helper()
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).LogAttrs(t.Context(), slog.LevelInfo, "compact", attrs...)
	return b.Bytes()
}

// checkEMF holds a log line against the specification of the embedded metric format and
// returns the values by metric, as JSON.
func checkEMF(t *testing.T, text []byte) map[string]string {
	t.Helper()
	// A member that is there twice has no meaning.
	d := json.NewDecoder(bytes.NewReader(text))
	seen := map[string]bool{}
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	root := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		if seen[name.(string)] {
			t.Errorf("member %v is there twice in %s", name, text)
		}
		seen[name.(string)] = true
		root[name.(string)] = value
	}
	var aws struct {
		Timestamp         *int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	if err := json.Unmarshal(root["_aws"], &aws); err != nil {
		t.Fatalf("_aws of %s: %v", text, err)
	}
	if aws.Timestamp == nil || *aws.Timestamp != now.UnixMilli() || len(aws.CloudWatchMetrics) == 0 {
		t.Fatalf("_aws is %s", root["_aws"])
	}
	values := map[string]string{}
	for _, directive := range aws.CloudWatchMetrics {
		if directive.Namespace != "DurableStreams/test" || len(directive.Dimensions) != 1 || directive.Dimensions[0] == nil || len(directive.Metrics) == 0 || len(directive.Metrics) > 100 {
			t.Errorf("the directive is %+v", directive)
		}
		of := ""
		for _, d := range directive.Dimensions[0] {
			var value string
			if err := json.Unmarshal(root[d], &value); err != nil || value == "" {
				t.Errorf("dimension %s is %s, not a text", d, root[d])
			}
			of += " " + d + "=" + value
		}
		for _, m := range directive.Metrics {
			if !regexp.MustCompile(`^[A-Z][A-Za-z]+$`).MatchString(m.Name) || !slices.Contains([]string{"Count", "Bytes", "Seconds"}, m.Unit) {
				t.Errorf("metric %+v", m)
			}
			var one float64
			var many []float64
			if json.Unmarshal(root[m.Name], &one) != nil && (json.Unmarshal(root[m.Name], &many) != nil || len(many) > 100) {
				t.Errorf("target member %s is %s", m.Name, root[m.Name])
			}
			if values[m.Name] != "" {
				t.Errorf("%s is declared twice", m.Name)
			}
			values[m.Name] = string(root[m.Name]) + " " + m.Unit + of
		}
	}
	return values
}

func wantValues(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s is %q, want %q", name, got[name], want[name])
		}
	}
	for name := range got {
		if want[name] == "" {
			t.Errorf("%s is %q, and should not be a metric", name, got[name])
		}
	}
}

func TestALineOfACompactionIsAMetric(t *testing.T) {
	values := metrics.Compacted(stream.Compaction{Segments: 3, Bytes: 12345678}, 250*time.Millisecond, 1500*time.Millisecond, nil)
	wantValues(t, checkEMF(t, line(t, metrics.EMF(now, "DurableStreams/test", values...))), map[string]string{
		"Compactions": "1 Count", "SegmentsCompacted": "3 Count", "BytesCompacted": "12345678 Bytes",
		"CompactionDuration": "0.25 Seconds", "CompactionLag": "1.5 Seconds",
	})
}

func TestZerosAreInTheLineButCostNothing(t *testing.T) {
	values := metrics.Swept(stream.Swept{Items: 10, ItemsEnd: true}, time.Second, nil)
	text := line(t, metrics.EMF(now, "DurableStreams/test", values...))
	wantValues(t, checkEMF(t, text), map[string]string{
		"Sweeps": "1 Count", "SweepDuration": "1 Seconds", "ItemsSwept": "10 Count", "ItemRounds": "1 Count",
	})
	if !bytes.Contains(text, []byte(`"OrphansDiscarded":0`)) {
		t.Errorf("the zero is not in %s", text)
	}
	if attrs := metrics.EMF(now, "n", metrics.Collected(stream.Collected{})...); len(attrs) != 2 {
		t.Errorf("nothing but zeros is %v: a directive without metrics is not valid", attrs)
	}
}

func TestSeveralRunsFitOneLine(t *testing.T) {
	var values []metrics.Value
	for i := range 150 {
		values = append(values, metrics.Compacted(stream.Compaction{Segments: 1, Bytes: 10}, time.Second, time.Duration(150-i)*time.Second, nil)...)
	}
	values = append(values, metrics.Compacted(stream.Compaction{}, time.Second, time.Second, io.ErrUnexpectedEOF)...)
	got := checkEMF(t, line(t, metrics.EMF(now, "DurableStreams/test", values...)))
	if got["Compactions"] != "151 Count" || got["CompactionFailures"] != "1 Count" || got["BytesCompacted"] != "1500 Bytes" {
		t.Errorf("sums are %v", got)
	}
	var lags []float64
	text, _, _ := bytes.Cut([]byte(got["CompactionLag"]), []byte(" "))
	if err := json.Unmarshal(text, &lags); err != nil || len(lags) != 100 || lags[99] != 150 || lags[0] != 51 {
		t.Errorf("lags are %v, %v: want the 100 largest", lags, err)
	}
}

func TestWhatCountsAsALag(t *testing.T) {
	for _, c := range []struct {
		moved int
		lag   time.Duration
		want  string
	}{
		{1, time.Second, "1 Seconds"},
		{1, 0, "0 Seconds"},
		{0, time.Second, ""}, // nothing was moved: somebody else did it
		{1, -time.Second, ""},
	} {
		values := metrics.Compacted(stream.Compaction{Segments: c.moved}, time.Second, c.lag, nil)
		if got := checkEMF(t, line(t, metrics.EMF(now, "DurableStreams/test", values...)))["CompactionLag"]; got != c.want {
			t.Errorf("%d segments, %v: the lag is %q, want %q", c.moved, c.lag, got, c.want)
		}
	}
}

func TestEveryCountOfASweepIsAMetric(t *testing.T) {
	swept := stream.Swept{
		Collected: stream.Collected{Settled: 1, Failed: 2},
		Items:     3, Objects: 4, ItemsEnd: true, ObjectsEnd: true,
		Expired: 5, Sealed: 6, Compaction: stream.Compaction{Segments: 7, Bytes: 8},
		Retired: 9, Removed: 10, Orphans: 11, Foreign: 12, Problems: 13, Released: 14, Recounted: 15, Registered: 16,
	}
	err := fmt.Errorf("sweep: %w", stream.ErrDamaged)
	got := checkEMF(t, line(t, metrics.EMF(now, "DurableStreams/test", metrics.Swept(swept, 2*time.Second, err)...)))
	wantValues(t, got, map[string]string{
		"LivesDiscarded": "1 Count", "DiscardFailures": "2 Count",
		"ItemsSwept": "3 Count", "ObjectsSwept": "4 Count", "ItemRounds": "1 Count", "ObjectRounds": "1 Count",
		"StreamsExpired": "5 Count", "SegmentsSealed": "6 Count", "SegmentsCompacted": "7 Count", "BytesCompacted": "8 Bytes",
		"RegistryRecords": "16 Count", "ForksReleased": "14 Count", "StreamsRecounted": "15 Count", "ItemsRetired": "9 Count", "ObjectsRemoved": "10 Count", "OrphansDiscarded": "11 Count", "ForeignObjects": "12 Count",
		"SweepProblems": "13 Count", "Sweeps": "1 Count", "SweepFailures": "1 Count", "DamageFound": "1 Count", "SweepDuration": "2 Seconds",
	})
}
