package metrics

import (
	"bytes"
	"fmt"
	"io"
	"runtime/metrics"
)

// processGauges are what a Go process tells of itself, under the names that Prometheus'
// own library gives them, so that dashboards for any Go program show this one.
var processGauges = [...]struct{ name, sample, help string }{
	{"go_goroutines", "/sched/goroutines:goroutines", "Number of goroutines that currently exist."},
	{"go_memstats_heap_alloc_bytes", "/memory/classes/heap/objects:bytes", "Number of heap bytes allocated and currently in use."},
	{"go_memstats_heap_released_bytes", "/memory/classes/heap/released:bytes", "Number of heap bytes released to OS."},
	{"go_memstats_sys_bytes", "/memory/classes/total:bytes", "Number of bytes obtained from system."},
}

// Process writes the metrics of a registry and, after them, gauges of the process itself:
// goroutines and memory, as of the moment in which they are written.
type Process struct{ *Registry }

// WriteTo writes them in the Prometheus text format. It does not stop the world.
func (p Process) WriteTo(w io.Writer) (int64, error) {
	n, err := p.Registry.WriteTo(w)
	if err != nil {
		return n, err
	}
	samples := make([]metrics.Sample, len(processGauges))
	for i, g := range processGauges {
		samples[i].Name = g.sample
	}
	metrics.Read(samples)
	var b bytes.Buffer
	for i, g := range processGauges {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n%s %d\n", g.name, g.help, g.name, g.name, samples[i].Value.Uint64())
	}
	more, err := b.WriteTo(w)
	return n + more, err
}
