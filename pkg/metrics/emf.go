package metrics

import (
	"log/slog"
	"slices"
	"time"
)

// maxSamples is how many values of one metric CloudWatch takes from one log line.
const maxSamples = 100

// EMF returns attributes that make one structured log line a set of CloudWatch metrics
// as well (the embedded metric format): every value at the root of the line, by its
// metric's name, and under "_aws" what CloudWatch is to make of them. The line has to be
// written as JSON, with the attributes in no group. It costs no request: CloudWatch
// takes the metrics from the function's log.
//
// Values of one metric are put together, so one line can tell of several runs: sums are
// added up, and samples become an array, of the 100 largest at most. Sums that are zero
// are in the line but not among the metrics: a metric costs money in each hour in which
// it is given a value, and most of them hardly ever have another one. So an alarm should
// take missing data for good.
//
// The namespace tells deployments apart; an empty one says that the values are wanted in
// the line only. Values of requests have dimensions besides (requestnames.go), so a line has
// those of one request at most.
func EMF(now time.Time, namespace string, values ...Value) []slog.Attr {
	var sums [metricCount]float64
	var samples [metricCount][]float64
	var given [metricCount]bool
	var of labels
	for _, v := range values {
		given[v.metric] = true
		if definitions[v.metric].sampled {
			samples[v.metric] = append(samples[v.metric], v.number)
		} else {
			sums[v.metric] += v.number
		}
		if v.labels != (labels{}) {
			of = v.labels
		}
	}
	attrs := make([]slog.Attr, 0, len(values)+3)
	var declared [byOutcome + 1][]emfMetric
	for m, d := range definitions {
		if !given[m] {
			continue
		}
		if by := metric(m).dimensions(); d.sampled || sums[m] != 0 {
			declared[by] = append(declared[by], emfMetric{Name: d.cloudWatch, Unit: d.unit})
		}
		switch {
		case !d.sampled:
			attrs = append(attrs, slog.Float64(d.cloudWatch, sums[m]))
		case len(samples[m]) == 1:
			attrs = append(attrs, slog.Float64(d.cloudWatch, samples[m][0]))
		default:
			attrs = append(attrs, slog.Any(d.cloudWatch, largest(samples[m])))
		}
	}
	if of != (labels{}) {
		attrs = append(attrs, slog.String(DimensionOperation, of.operation), slog.String(DimensionStatus, of.status))
	}
	var directives []emfDirective
	for by, metrics := range declared {
		if len(metrics) > 0 {
			directives = append(directives, emfDirective{
				Namespace: namespace, Dimensions: [][]string{dimensions(by).names()}, Metrics: metrics,
			})
		}
	}
	if namespace == "" || len(directives) == 0 {
		return attrs
	}
	return append(attrs, slog.Any("_aws", emfMetadata{Timestamp: now.UnixMilli(), CloudWatchMetrics: directives}))
}

// largest returns as many samples as CloudWatch takes: of a lag or a duration, the large
// ones matter.
func largest(samples []float64) []float64 {
	slices.Sort(samples)
	return samples[max(0, len(samples)-maxSamples):]
}

// The members that the specification of the format requires.
type (
	emfMetadata struct {
		// Timestamp is in milliseconds since 1970.
		Timestamp         int64
		CloudWatchMetrics []emfDirective
	}
	emfDirective struct {
		Namespace string
		// Dimensions are sets; the empty one stands for the metric without any.
		Dimensions [][]string
		Metrics    []emfMetric
	}
	emfMetric struct {
		Name string
		Unit Unit
	}
)
