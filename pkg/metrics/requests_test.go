package metrics_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// everything is a request in which all that is counted is different.
var everything = protocol.Request{
	Kind: "append-close", Status: 503, Duration: 250 * time.Millisecond, Received: 1, Sent: 2,
	Spent: stream.Spent{
		Attempts: 3, Conflicts: 4, ReadUnits: 0.5, WriteUnits: 6, Busy: 70 * time.Millisecond,
		Calls: []stream.Calls{
			{Call: stream.Call{Store: stream.Table, Operation: "UpdateItem"}, Requests: 8},
			{Call: stream.Call{Store: stream.Bucket, Operation: "PutObject"}, Requests: 9},
			{Call: stream.Call{Store: stream.Table, Operation: "GetItem"}, Requests: 10},
		},
	},
	Live: protocol.Live{Readers: 11, Waited: time.Second, Delivered: 1, Lag: 12 * time.Millisecond},
}

func TestALineOfARequestIsAMetric(t *testing.T) {
	text := line(t, metrics.EMF(now, "DurableStreams/test", metrics.Requested(everything)...))
	wantValues(t, checkEMF(t, text), map[string]string{
		metrics.NameRequests:        "1 Count Operation=append StatusClass=5xx",
		metrics.NameRequestDuration: "0.25 Seconds Operation=append",
		metrics.NameServerErrors:    "1 Count",
		metrics.NameAppendAttempts:  "3 Count",
		metrics.NameAppendConflicts: "4 Count",
		metrics.NameTableRequests:   "18 Count",
		metrics.NameReadUnits:       "0.5 Count",
		metrics.NameWriteUnits:      "6 Count",
		metrics.NameBucketRequests:  "9 Count",
		metrics.NameStoreDuration:   "0.07 Seconds",
		metrics.NameLiveReaders:     "11 Count",
		metrics.NameLiveLag:         "0.012 Seconds",
	})
	if again := line(t, metrics.EMF(now, "", metrics.Requested(everything)...)); bytes.Contains(again, []byte("_aws")) || !bytes.Contains(again, []byte(`"WriteUnits":6`)) {
		t.Errorf("with metrics off the line is %s", again)
	}
}

// A request that took nothing of the stores has a short line.
func TestARequestWithoutMore(t *testing.T) {
	values := metrics.Requested(protocol.Request{Kind: "preflight", Status: 204, Duration: time.Millisecond})
	wantValues(t, checkEMF(t, line(t, metrics.EMF(now, "DurableStreams/test", values...))), map[string]string{
		"Requests": "1 Count Operation=other StatusClass=2xx", "RequestDuration": "0.001 Seconds Operation=other",
	})
}

// What a client chooses is no dimension, or it could make metrics without end.
func TestDimensionsAreFew(t *testing.T) {
	kinds := map[string]string{
		"create": "create", "append": "append", "append-close": "append", "close": "append", "catch-up": "read",
		"long-poll": "long-poll", "sse": "sse", "head": "head", "delete": "delete", "preflight": "other", "": "other", "new": "other",
	}
	statuses := map[int]string{200: "2xx", 204: "2xx", 304: "3xx", 404: "4xx", 499: "4xx", 500: "5xx", 503: "5xx", 0: "5xx"}
	for kind, operation := range kinds {
		for status, class := range statuses {
			values := metrics.Requested(protocol.Request{Kind: kind, Status: status})
			got := checkEMF(t, line(t, metrics.EMF(now, "DurableStreams/test", values...)))["Requests"]
			if want := "1 Count Operation=" + operation + " StatusClass=" + class; got != want {
				t.Errorf("%q, %d: %s, want %s", kind, status, got, want)
			}
		}
	}
}

func TestRegistryOfRequests(t *testing.T) {
	r := busy()
	r.AddRequest(everything)
	r.Readers(func() int { return 7 })
	got := text(t, r)
	for _, want := range []string{
		"durable_streams_requests_total{operation=\"append\",status=\"5xx\"} 2\n" +
			"durable_streams_requests_total{operation=\"read\",status=\"3xx\"} 1\n",
		"\ndurable_streams_request_duration_seconds_bucket{operation=\"append\",le=\"0.2\"} 0\n" +
			"durable_streams_request_duration_seconds_bucket{operation=\"append\",le=\"0.5\"} 2\n",
		"\ndurable_streams_request_duration_seconds_count{operation=\"read\"} 1\n",
		"\ndurable_streams_append_conflicts_total 8\n",
		"\ndurable_streams_table_write_units_total 12\n",
		"\ndurable_streams_live_readers 7\n",
		"\ndurable_streams_last_live_lag_seconds 0.012\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	append1 := protocol.Request{Kind: "append", Status: 204, Duration: time.Millisecond, Spent: stream.Spent{
		Attempts: 1, WriteUnits: 1, Busy: time.Millisecond,
		Calls: []stream.Calls{{Call: stream.Call{Store: stream.Table, Operation: "UpdateItem"}, Requests: 1}},
	}}
	b.Run("registry", func(b *testing.B) {
		r := new(metrics.Registry)
		b.ReportAllocs()
		for b.Loop() {
			r.AddRequest(append1)
		}
	})
	b.Run("emf", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			metrics.EMF(now, "DurableStreams/test", metrics.Requested(append1)...)
		}
	})
}
