package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// With -serve-memory the tests' binary is a server, as the real one is.
func TestMain(m *testing.M) {
	server := flag.Bool("serve-memory", false, "")
	flag.Parse()
	if *server {
		os.Stdout.WriteString("memory server\n")
		serveMemory()
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestStartAndStop(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := start(t.Context(), "child", t.TempDir(), self, "-serve-memory")
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, t.Context(), s.addr)
	if _, err := c.create(s, "x", octets); err != nil {
		t.Error(err)
	}
	if s.banner() != "memory server" || !strings.Contains(s.logTail(), "memory server") || s.died() != "" {
		t.Errorf("banner %q, log %q, %q", s.banner(), s.logTail(), s.died())
	}
	if rss, peak, err := memoryOf(s.pid()); err == nil && (rss <= 0 || peak < rss) {
		t.Errorf("resident %d, peak %d", rss, peak)
	}
	s.stop()
	if s.died() == "" {
		t.Error("still runs")
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("directory: %v", err)
	}
}

func TestServerThatExitsAtOnce(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	tmp := t.TempDir()
	_, err = start(t.Context(), "child", tmp, sh, "-c", "echo no such port; exit 3")
	if err == nil || !strings.Contains(err.Error(), "no such port") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRemote(t *testing.T) {
	for spec, want := range map[string]string{
		"a=http://h:1":        "a h:1 /v1/stream/",
		"a=http://h:1/":       "a h:1 /v1/stream/",
		"a=http://h/x/y":      "a h:80 /x/y/",
		"a=https://h:1":       "",
		"http://h:1":          "",
		"=http://h:1":         "",
		"a=http://[::1]:9/s/": "a [::1]:9 /s/",
	} {
		got := ""
		if r, err := remote(spec); err == nil {
			got = r.name + " " + r.addr + " " + r.prefix
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", spec, got, want)
		}
	}
}

func TestRunMeasuresRemoteServer(t *testing.T) {
	s := against(t, newMemoryServer())
	o := options{urls: []string{"a=http://" + s.addr, "b=http://" + s.addr}, tmp: t.TempDir(), seconds: 0.02, rounds: 2}
	ts, err := startAll(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	rep := &report{Seconds: o.seconds, Rounds: o.rounds, Servers: []serverID{{Name: "a"}, {Name: "b"}}}
	all := rows()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := measure(ctx, o, ts, rep, all[:1]); err != nil {
		t.Fatal(err)
	}
	f := rep.Rows[0].Figures[0]
	if len(f.Rounds[0]) != 2 || len(f.Rounds[1]) != 2 || f.Ratio[0] == nil || *f.Ratio[1] != 1 {
		t.Errorf("%+v", f)
	}
	if err := rep.save(t.TempDir() + "/json"); err != nil {
		t.Error(err)
	}
}

func TestReport(t *testing.T) {
	rep := &report{Servers: []serverID{{Name: "ours"}, {Name: referenceName}}}
	r := rep.row("latency")
	for round, v := range []float64{1, 9, 2} { // median 2
		r.add(0, sample{metrics: []metric{{name: "p50", unit: "ms", value: v, less: true}, {name: "rate", unit: "1/s", value: 3000}}})
		r.add(1, sample{metrics: []metric{{name: "p50", unit: "ms", value: float64(8 + round), less: true}, {name: "rate", unit: "1/s", value: 1500}}})
	}
	r = rep.row("gone")
	r.add(0, sample{metrics: []metric{{unit: "MB", value: math.NaN()}}})
	r.add(1, sample{err: io.EOF})
	var out strings.Builder
	rep.print(&out)
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"unit ours reference ours/reference",
		"latency p50 ms 2.00 9.00 4.50x",
		"latency rate 1/s 3,000 1,500 2.00x",
		"gone MB n/a FAILED -",
	}
	if g := strings.Join(got[len(got)-len(want):], "\n"); g != strings.Join(want, "\n") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.000", 0.1234: "0.123", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 1234: "1,234", 1234567: "1,234,567",
	} {
		if got := number(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
