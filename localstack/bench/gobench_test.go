package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A report that was saved is printed as benchstat reads it: a line for each row, server and
// round that has figures.
func TestGoBench(t *testing.T) {
	rep := &report{Machine: "m", Disk: "d", Rounds: 2, Servers: []serverID{{Name: "ours"}, {Name: referenceName}}}
	r := rep.row("append, 32 writers on 1 stream, 100 B")
	for _, v := range []float64{1.5, 2500} {
		r.add(0, sample{metrics: []metric{{name: "rate", unit: "appends/s", value: v}, none("server CPU", "us/append")}})
	}
	r.add(1, sample{metrics: []metric{{name: "rate", unit: "appends/s", value: 3}, {name: "server CPU", unit: "us/append", value: 4}}})
	file := filepath.Join(t.TempDir(), "report.json")
	if err := rep.save(file); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := printGoBench(&out, file); err != nil {
		t.Fatal(err)
	}
	want := `machine: m
disk: d
BenchmarkRow/append_32-writers-on-1-stream_100-B/server=ours 1 1.5 rate-appends/s
BenchmarkRow/append_32-writers-on-1-stream_100-B/server=ours 1 2500 rate-appends/s
BenchmarkRow/append_32-writers-on-1-stream_100-B/server=reference 1 3 rate-appends/s 4 server-CPU-us/append
`
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
	if err := os.WriteFile(file, []byte("Benchmark"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := printGoBench(&out, file); err == nil || !strings.Contains(err.Error(), "-json") {
		t.Errorf("a file that is no report: %v", err)
	}
}
