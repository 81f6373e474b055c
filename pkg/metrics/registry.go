package metrics

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// prefix begins the name of every metric in the Prometheus text.
const prefix = "durable_streams_"

// bounds are the upper bounds, in seconds, of the buckets of a histogram: from what one
// sync of a disk takes to the time after which something is wrong.
var bounds = [...]float64{0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 300, 900, 3600}

// Registry adds up values since the process began. Its zero value is empty and ready. It
// is safe for concurrent use.
type Registry struct {
	mu    sync.Mutex
	sums  [metricCount]float64
	lasts [metricCount]float64
	// buckets count the samples of each histogram up to each bound, counts all.
	buckets [metricCount][len(bounds)]uint64
	counts  [metricCount]uint64
}

// Add adds values.
func (r *Registry) Add(values ...Value) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range values {
		r.sums[v.metric] += v.number
		r.lasts[v.metric] = v.number
		r.counts[v.metric]++
		for i, bound := range bounds {
			if v.number <= bound {
				r.buckets[v.metric][i]++
			}
		}
	}
}

// WriteTo writes all metrics in the Prometheus text format, always in the same order,
// those that are zero too: sums as counters, samples as a histogram and a gauge with the
// last one.
func (r *Registry) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	r.mu.Lock()
	for m, d := range definitions {
		if d.sampled {
			r.histogram(&b, metric(m), d)
			continue
		}
		header(&b, d.prometheus, "counter", d.help)
		sample(&b, d.prometheus, "", r.sums[m])
	}
	r.mu.Unlock()
	return b.WriteTo(w)
}

func (r *Registry) histogram(b *bytes.Buffer, m metric, d definition) {
	header(b, d.prometheus, "histogram", d.help)
	for i, bound := range bounds {
		sample(b, d.prometheus+"_bucket", number(bound), float64(r.buckets[m][i]))
	}
	sample(b, d.prometheus+"_bucket", "+Inf", float64(r.counts[m]))
	sample(b, d.prometheus+"_sum", "", r.sums[m])
	sample(b, d.prometheus+"_count", "", float64(r.counts[m]))
	last := "last_" + d.prometheus
	header(b, last, "gauge", "The last one: "+d.help)
	sample(b, last, "", r.lasts[m])
}

// header writes the lines that go before a metric's samples. In a help text, backslashes
// and ends of lines are escaped.
func header(b *bytes.Buffer, name, kind, help string) {
	help = strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help)
	fmt.Fprintf(b, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, name, help, prefix, name, kind)
}

// sample writes one line. le is the bound of a bucket; empty means that it is none.
func sample(b *bytes.Buffer, name, le string, value float64) {
	if le != "" {
		name += `{le="` + le + `"}`
	}
	fmt.Fprintf(b, "%s%s %s\n", prefix, name, number(value))
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
