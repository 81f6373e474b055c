package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func usual() options {
	return options{limits: dynamo.Limits(stream.DefaultLimits()), roundTrip: 5 * time.Millisecond, bucketTrip: 30 * time.Millisecond, seed: 1}
}

// TestAppendIsOneUpdate: an append waits for one call and nothing else, wherever it
// lands, and costs a write unit and what a flush takes.
func TestAppendIsOneUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(usual().limits, newNetwork(usual()), 0)
		for _, q := range requests()[:3] {
			if err := s.create(t.Context(), q.name, contentType); err != nil {
				t.Fatal(err)
			}
			took, c, err := q.measure(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if p50 := took.at(50); p50 < 4500*time.Microsecond || p50 > 5500*time.Microsecond {
				t.Errorf("%s: p50 %v", q.name, p50)
			}
			if n := len(took); c.requests > n+n/100 || c.writes > 1.01*float64(n) {
				t.Errorf("%s: %d requests and %.0f write units for %d", q.name, c.requests, c.writes, n)
			}
		}
	})
}

// TestBusyStream: a stream that many processes append to without pause takes what the
// limit of its partition lets through, and goes on doing so: a head that grows, because
// its flushes are throttled, too, would be dearer to write each time.
func TestBusyStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(usual().limits, newNetwork(usual()), partitionLimit)
		if err := s.create(t.Context(), contendedStream, contentType); err != nil {
			t.Fatal(err)
		}
		all, err := contend(t.Context(), s, 16, func(w *writer) error { return w.append(t.Context()) })
		if err != nil {
			t.Fatal(err)
		}
		if err := check(t.Context(), s, all); err != nil {
			t.Fatal(err)
		}
		each := all.cost().writes / float64(all.done())
		t.Logf("%d appends in %v, %.2f write units each, %.0f answered 503", all.done(), contended, each, all.failed())
		if all.done() < 2500 || each > 4 || all.failed() > 0 {
			t.Error("that is a collapse")
		}
	})
}

// TestReport: what is printed is also in the file for programs, but for what is missing.
func TestReport(t *testing.T) {
	var out strings.Builder
	r := &report{w: &out}
	table := r.table("speed", "How fast", "way", column{"p50", "ms", 1}, column{"requests", "", 0})
	table.row("on foot", 12.34, 5)
	table.end()
	if want := "How fast\n\n| way | p50, ms | requests |\n|---|---|---|\n| on foot | 12.3 | 5 |\n\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
	file := filepath.Join(t.TempDir(), "figures.json")
	if err := r.save(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cells []map[string]any
	if err := json.Unmarshal(text, &cells); err != nil {
		t.Fatal(err)
	}
	if len(cells) != 2 || cells[0]["table"] != "speed" || cells[0]["row"] != "on foot" || cells[0]["column"] != "p50" || cells[0]["value"] != 12.34 || cells[0]["unit"] != "ms" {
		t.Errorf("%s", text)
	}
}

// TestUnknownPart: a part that there is not is an error that names those there are.
func TestUnknownPart(t *testing.T) {
	o := usual()
	o.parts = "latency2"
	if err := run(t, io.Discard, o); err == nil || !strings.Contains(err.Error(), "contention") {
		t.Error(err)
	}
}
