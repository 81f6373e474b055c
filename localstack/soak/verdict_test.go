package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// rows returns a run in which memory goes from one size to another, and latencies stay.
func rows(n, from, to int) []interval {
	all := make([]interval, n)
	for i := range all {
		all[i] = interval{
			Seconds: float64(10 * (i + 1)),
			Kinds:   map[string]stats{everyRequest: {Count: 5, P50: 2, P99: 4, Max: 8}},
			Usage:   usage{Memory: from + (to-from)*i/n, Goroutines: 7, Files: -1, Data: -1},
		}
	}
	return all
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		rows  []interval
		grows bool
	}{
		{rows(360, 100<<20, 100<<20), false}, {rows(360, 100<<20, 110<<20), false}, {rows(360, 100<<20, 200<<20), true},
		{rows(1, 100<<20, 100<<20), false}, {rows(5, 100<<20, 300<<20), true},
	} {
		r := report{Intervals: c.rows}
		r.judge(newRecord())
		if r.grows() != c.grows || len(r.Growth) != 2 {
			t.Errorf("%d rows: grows %v, want %v: %+v", len(c.rows), r.grows(), c.grows, r.Growth)
		}
		if l := r.Latencies; len(l) != 1 || l[0].P50Ratio != 1 || l[0].Max != 8 || l[0].Count != 5*len(c.rows) {
			t.Errorf("%d rows: %+v", len(c.rows), l)
		}
	}
	r := report{Intervals: rows(360, 0, 3600<<20)}
	r.judge(newRecord())
	if got, want := r.Growth[0].PerHour, float64(3600<<20); got < want*0.999 || got > want*1.001 {
		t.Errorf("an hour's slope is %v, want %v", got, want)
	}
	var none report
	none.judge(newRecord())
	if none.grows() {
		t.Error("nothing grows")
	}
}

func TestStats(t *testing.T) {
	var hundred []time.Duration
	for n := range 100 {
		hundred = append(hundred, time.Duration(100-n)*time.Millisecond)
	}
	if got, want := statsOf(hundred), (stats{100, 50, 99, 100}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := statsOf(nil); got != (stats{}) {
		t.Errorf("got %+v", got)
	}
	r := newRecord()
	r.done(appendPlain, time.Now().Add(-time.Second))
	r.done(sse, time.Now().Add(-time.Minute))
	got := r.take()
	if got[everyRequest].Count != 1 || got[everyRequest].Max < 1000 || got[everyRequest].Max > 30_000 || got[sse].Count != 1 {
		t.Errorf("got %+v", got)
	}
	if again := r.take(); again[appendPlain].Count != 0 {
		t.Errorf("a request counts in two intervals: %+v", again)
	}
}

// TestSample: this process is one that can be looked at.
func TestSample(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), make([]byte, 1234), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLoad(configOf(dir, os.Getpid()))
	got := l.sample(t.Context())
	if got.Memory < 1<<20 || got.Processes < 1 || got.Files < 3 || got.Data != 1234 || got.Goroutines != -1 {
		t.Errorf("got %+v", got)
	}
	l = newLoad(configOf("", 0))
	if got, want := l.sample(t.Context()), (usage{-1, -1, -1, -1, -1}); got != want {
		t.Errorf("of a server elsewhere: %+v", got)
	}
	parents := map[int]int{5: 4, 4: 1, 6: 1, 7: 8, 8: 7}
	for pid, want := range map[int]bool{5: true, 4: true, 6: false, 7: false, 9: false} {
		if comesFrom(pid, 4, parents) != want {
			t.Errorf("%d comes from 4: %v", pid, !want)
		}
	}
}
