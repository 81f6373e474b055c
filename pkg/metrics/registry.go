package metrics

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// prefix begins the name of every metric in the Prometheus text.
const prefix = "durable_streams_"

// bounds returns the upper bounds, in seconds, of the buckets of a histogram.
func (m metric) bounds() []float64 {
	switch m {
	case requestDuration, storeDuration, liveLag:
		// From an answer out of memory to the longest that a live reader waits.
		return []float64{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60}
	}
	// From what one sync of a disk takes to the time after which something is wrong.
	return []float64{0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 300, 900, 3600}
}

// Registry adds up values since the process began. Its zero value is empty and ready. It
// is safe for concurrent use.
type Registry struct {
	mu      sync.Mutex
	totals  [metricCount]map[labels]*total
	readers func() int
}

// total is what the values of a series add up to.
type total struct {
	sum, last float64
	count     uint64
	// bounds and buckets are those of a histogram; a bucket counts the values up to its
	// bound.
	bounds  []float64
	buckets []uint64
}

// Readers has the registry ask how many live readers there are, whenever it is written
// out. It is called before that.
func (r *Registry) Readers(now func() int) { r.readers = now }

// Add adds values.
func (r *Registry) Add(values ...Value) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range values {
		t := r.total(v.metric, v.metric.dimensions().of(v.labels))
		t.sum += v.number
		t.last = v.number
		t.count++
		for i, bound := range t.bounds {
			if v.number <= bound {
				t.buckets[i]++
			}
		}
	}
}

// total returns that of a series, which it makes if there is none.
func (r *Registry) total(m metric, l labels) *total {
	t := r.totals[m][l]
	if t != nil {
		return t
	}
	t = new(total)
	if definitions[m].sampled {
		t.bounds = m.bounds()
		t.buckets = make([]uint64, len(t.bounds))
	}
	if r.totals[m] == nil {
		r.totals[m] = make(map[labels]*total)
	}
	r.totals[m][l] = t
	return t
}

// WriteTo writes all metrics in the Prometheus text format, always in the same order,
// those that are zero too: sums as counters, samples as a histogram and, if the metric has
// no labels, a gauge with the last one. One with labels has the series that have a value.
// The live readers are a gauge.
func (r *Registry) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	r.mu.Lock()
	for m, d := range definitions {
		switch {
		case metric(m) == liveReaders:
			header(&b, d.prometheus, "gauge", d.help)
			line(&b, d.prometheus, labels{}, "", float64(r.readersNow()))
		case d.sampled:
			r.histogram(&b, metric(m), d)
		default:
			header(&b, d.prometheus, "counter", d.help)
			for l, t := range r.series(metric(m)) {
				line(&b, d.prometheus, l, "", t.sum)
			}
		}
	}
	r.mu.Unlock()
	return b.WriteTo(w)
}

func (r *Registry) readersNow() int {
	if r.readers == nil {
		return 0
	}
	return r.readers()
}

// series returns the series of a metric, in order.
func (r *Registry) series(m metric) func(yield func(labels, *total) bool) {
	if m.dimensions() == whole {
		r.total(m, labels{})
	}
	all := r.totals[m]
	order := slices.SortedFunc(maps.Keys(all), func(a, b labels) int {
		return cmp.Or(cmp.Compare(a.operation, b.operation), cmp.Compare(a.status, b.status))
	})
	return func(yield func(labels, *total) bool) {
		for _, l := range order {
			if !yield(l, all[l]) {
				return
			}
		}
	}
}

func (r *Registry) histogram(b *bytes.Buffer, m metric, d definition) {
	header(b, d.prometheus, "histogram", d.help)
	for l, t := range r.series(m) {
		for i, bound := range t.bounds {
			line(b, d.prometheus+"_bucket", l, number(bound), float64(t.buckets[i]))
		}
		line(b, d.prometheus+"_bucket", l, "+Inf", float64(t.count))
		line(b, d.prometheus+"_sum", l, "", t.sum)
		line(b, d.prometheus+"_count", l, "", float64(t.count))
	}
	if m.dimensions() == whole {
		last := "last_" + d.prometheus
		header(b, last, "gauge", "The last one: "+d.help)
		line(b, last, labels{}, "", r.total(m, labels{}).last)
	}
}

// header writes the lines that go before a metric's samples. In a help text, backslashes
// and ends of lines are escaped.
func header(b *bytes.Buffer, name, kind, help string) {
	help = strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help)
	fmt.Fprintf(b, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, name, help, prefix, name, kind)
}

// line writes one sample. le is the bound of a bucket; empty means that it is none.
func line(b *bytes.Buffer, name string, l labels, le string, value float64) {
	var pairs []string
	for _, p := range [...][2]string{{"operation", l.operation}, {"status", l.status}, {"le", le}} {
		if p[1] != "" {
			pairs = append(pairs, p[0]+`="`+p[1]+`"`)
		}
	}
	if len(pairs) > 0 {
		name += "{" + strings.Join(pairs, ",") + "}"
	}
	fmt.Fprintf(b, "%s%s %s\n", prefix, name, number(value))
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
