package main

import "slices"

// latency compares how long one kind of request took in the first and in the last quarter
// of a run. Latencies depend on what else the machine does, so they are told and not judged.
type latency struct {
	Kind  string
	Count int
	// First and Last are the medians of the intervals of a quarter, Max is the longest
	// of the whole run.
	First, Last        stats
	P50Ratio, P99Ratio float64
	Max                float64
}

// growth compares what the server takes in the first and in the last quarter: medians, and
// the slope of all values by the method of least squares.
type growth struct {
	What               string
	First, Last, Ratio float64
	PerHour            float64
}

const (
	// warmUp is the share of a run before its first quarter: streams come to their
	// steady number, caches fill.
	warmUp = 0.1
	// maxGrowth is by how much the last quarter may be above the first. A leak of one
	// part in a thousand requests shows up as more within minutes.
	maxGrowth = 1.25
)

// quarters returns the first and the last quarter of what is left after the warm-up.
func quarters(all []interval) (first, last []interval) {
	steady := all[int(float64(len(all))*warmUp):]
	n := max(1, len(steady)/4)
	if len(steady) < n {
		return nil, nil
	}
	return steady[:n], steady[len(steady)-n:]
}

// judge fills in what follows from the intervals.
func (r *report) judge(from *record) {
	from.mu.Lock()
	r.Failures, r.Wrong = from.failures, from.wrong
	from.mu.Unlock()
	if len(r.Intervals) == 0 {
		return
	}
	first, last := quarters(r.Intervals)
	for _, kind := range append(slices.Clone(kinds), everyRequest) {
		l := latency{Kind: kind, First: medians(first, kind), Last: medians(last, kind)}
		for _, i := range r.Intervals {
			l.Count += i.Kinds[kind].Count
			l.Max = max(l.Max, i.Kinds[kind].Max)
		}
		if l.Count == 0 {
			continue
		}
		l.P50Ratio, l.P99Ratio = ratio(l.Last.P50, l.First.P50), ratio(l.Last.P99, l.First.P99)
		r.Latencies = append(r.Latencies, l)
	}
	for _, what := range []struct {
		name string
		of   func(usage) int
	}{
		{"memory, bytes", func(u usage) int { return u.Memory }},
		{"goroutines", func(u usage) int { return u.Goroutines }},
		{"open files", func(u usage) int { return u.Files }},
		{"data, bytes", func(u usage) int { return u.Data }},
	} {
		if g, known := grown(what.name, r.Intervals, what.of); known {
			r.Growth = append(r.Growth, g)
		}
	}
}

// medians returns the medians over the intervals of the figures of a kind.
func medians(of []interval, kind string) stats {
	var p50, p99, most []float64
	total := 0
	for _, i := range of {
		s := i.Kinds[kind]
		if s.Count > 0 {
			p50, p99, most, total = append(p50, s.P50), append(p99, s.P99), append(most, s.Max), total+s.Count
		}
	}
	return stats{Count: total, P50: median(p50), P99: median(p99), Max: median(most)}
}

func grown(name string, all []interval, of func(usage) int) (growth, bool) {
	var at, values []float64
	for _, i := range all {
		if n := of(i.Usage); n >= 0 {
			at, values = append(at, i.Seconds/3600), append(values, float64(n))
		}
	}
	if len(values) < len(all) {
		return growth{}, false // it was not known all the time
	}
	first, last := quarters(all)
	begin, end := int(float64(len(all))*warmUp), len(all)
	g := growth{
		What:  name,
		First: median(values[begin : begin+len(first)]), Last: median(values[end-len(last):]),
		PerHour: slope(at[begin:], values[begin:]),
	}
	g.Ratio = ratio(g.Last, g.First)
	return g, true
}

// grows says whether it is more in the end than may be by chance.
func (g growth) grows() bool { return g.Ratio > maxGrowth }

func (g growth) verdict() string {
	if g.grows() {
		return "GROWS"
	}
	return "flat"
}

func (r *report) grows() bool { return slices.ContainsFunc(r.Growth, growth.grows) }

func ratio(a, b float64) float64 {
	if b == 0 {
		return 1
	}
	return a / b
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

// slope is that of the line through points with the least squares.
func slope(x, y []float64) float64 {
	n := float64(len(x))
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	if d := n*sxx - sx*sx; d > 0 {
		return (n*sxy - sx*sy) / d
	}
	return 0
}
