package metrics

import (
	"net/http"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// labels are what tells the series of a metric apart.
type labels struct{ operation, status string }

// dimensions says which labels those are. Every combination of values is a metric by
// itself, and costs $0.30 a month in CloudWatch if it has a value in every hour (list
// price of us-east-1). With 8 operations and 4 classes of status that is 32 for the
// number of requests, 8 for their durations, and one for each of the 10 metrics of
// requests that have no dimension: $15 a month at most, and about half of that where no
// operation fails in every way. No label comes from a client.
type dimensions int

const (
	whole dimensions = iota
	byOperation
	byOutcome
)

// dimensions returns those of a metric.
func (m metric) dimensions() dimensions {
	switch m {
	case requests:
		return byOutcome
	case requestDuration:
		return byOperation
	}
	return whole
}

// of returns those of the labels that count.
func (d dimensions) of(l labels) labels {
	switch d {
	case byOperation:
		return labels{operation: l.operation}
	case byOutcome:
		return l
	}
	return labels{}
}

// names are those of the dimensions.
func (d dimensions) names() []string {
	switch d {
	case byOperation:
		return []string{DimensionOperation}
	case byOutcome:
		return []string{DimensionOperation, DimensionStatus}
	}
	return []string{}
}

// maxRequested is how many values a request has at most.
const maxRequested = 12

// Requested returns the values of a request. What is zero is left out: most requests have
// little of what can be counted, and each of them has a line.
func Requested(r protocol.Request) []Value {
	return appendRequested(make([]Value, 0, maxRequested), r)
}

// AddRequest adds the values of a request, and allocates nothing.
func (r *Registry) AddRequest(done protocol.Request) {
	var room [maxRequested]Value
	r.Add(appendRequested(room[:0], done)...)
}

func appendRequested(values []Value, r protocol.Request) []Value {
	l := labels{operation(r.Kind), class(r.Status)}
	s := &r.Spent
	values = append(values,
		Value{requests, 1, l},
		Value{requestDuration, r.Duration.Seconds(), l})
	add := func(m metric, n float64) {
		if n != 0 {
			values = append(values, Value{metric: m, number: n})
		}
	}
	add(serverErrors, one(r.Status >= http.StatusInternalServerError))
	add(appendAttempts, float64(s.Attempts))
	add(appendConflicts, float64(s.Conflicts))
	add(tableRequests, float64(s.Requests(stream.Table)))
	add(readUnits, s.ReadUnits)
	add(writeUnits, s.WriteUnits)
	add(bucketRequests, float64(s.Requests(stream.Bucket)))
	if len(s.Calls) > 0 {
		values = append(values, Value{metric: storeDuration, number: s.Busy.Seconds()})
	}
	add(liveReaders, float64(r.Live.Readers))
	if r.Live.Delivered > 0 {
		values = append(values, Value{metric: liveLag, number: r.Live.Lag.Seconds()})
	}
	return values
}

// operation is the value of the dimension for a kind of request.
func operation(kind string) string {
	switch kind {
	case "append", "append-close", "close":
		return "append"
	case "catch-up":
		return "read"
	case "create", "long-poll", "sse", "head", "delete":
		return kind
	}
	return "other"
}

// class is the class of a status. What has none was not answered.
func class(status int) string {
	switch status / 100 {
	case 2:
		return "2xx"
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	}
	return "5xx"
}
