package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/infra/cost/price"
)

// near reports whether two figures differ by a few per cent at most.
func near(got, want, share float64) bool { return math.Abs(got-want) <= share*want }

// unitsOf is the quantity of a line.
func unitsOf(b Bill, service, item, purpose string) float64 {
	for _, l := range b {
		if l.Service == service && l.Item == item && l.For == purpose {
			return l.Quantity
		}
	}
	return 0
}

// With an append a second the intervals are 50, 75, 112, 169, 253 ms, and then one of 380
// that the append cuts short.
func TestPollsAfterActivity(t *testing.T) {
	if got := polls(Usual(), 1) / secondsAMonth; got < 5 || got > 6.5 {
		t.Errorf("%.2f polls between two appends", got)
	}
	if busy, idle := polls(Usual(), 100), polls(Usual(), 0); busy < idle {
		t.Errorf("a busy stream is looked at %.0f times, an idle one %.0f", busy, idle)
	}
}

func TestPrices(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range price.All() {
		if key := p.Service + p.Item; seen[key] {
			t.Errorf("%s, %s is there twice", p.Service, p.Item)
		} else {
			seen[key] = true
		}
		if p.Dollars <= 0 || p.Per <= 0 || p.Unit == "" || p.Known == "" || !strings.HasPrefix(p.Source, "https://") {
			t.Errorf("%+v lacks something", p)
		}
	}
	if len(seen) < 30 {
		t.Errorf("only %d prices", len(seen))
	}
	if got := price.List().DynamoDB.Write.Of(2e6); got != 1.25 {
		t.Errorf("two million write units cost %g dollars", got)
	}
}

func TestExamples(t *testing.T) {
	for _, w := range Examples() {
		if err := w.check(); err != nil {
			t.Errorf("%s: %v", w.Name, err)
		}
		if w.About == "" {
			t.Errorf("%s says nothing about itself", w.Name)
		}
		r := NewReport(w)
		sum := 0.0
		for _, purpose := range []string{forAppends, forReads, forLive, forCompaction, forSweep, forStreams, forData, forWatching} {
			sum += r.Bill.For(purpose)
		}
		if math.Abs(sum-r.Total) > 1e-9 {
			t.Errorf("%s: the purposes sum up to %g, the bill to %g", w.Name, sum, r.Total)
		}
		for _, l := range r.Bill {
			if l.Dollars < 0 || math.IsNaN(l.Dollars) {
				t.Errorf("%s: %+v", w.Name, l)
			}
		}
	}
}

func TestContainerPaysFromBreakEven(t *testing.T) {
	for _, w := range Examples() {
		if w.LiveReaders == 0 {
			continue
		}
		n, found := BreakEven(w)
		if !found {
			t.Errorf("%s: a container never pays", w.Name)
			continue
		}
		perStream := w.LiveReaders / w.WatchedStreams
		for _, readers := range []int{n - 1, n} {
			if readers == 0 {
				continue
			}
			w.LiveReaders = float64(readers)
			w.WatchedStreams = max(1, w.LiveReaders/perStream)
			if pays := Container(w).For(forLive) < Serverless(w).For(forLive); pays != (readers == n) {
				t.Errorf("%s: for %d readers a container pays: %v; the break-even is %d", w.Name, readers, pays, n)
			}
		}
	}
}

// What R2 saves in storage, it costs in data that leaves Amazon on its way there.
func TestR2CostsTheWayThere(t *testing.T) {
	w := Usual()
	w.Streams, w.ActiveStreams, w.AppendsPerSecond, w.MessageBytes, w.R2 = 10, 10, 1, 1000, true
	sent := w.appends() * w.requestBytes() / gib
	if got := unitsOf(Serverless(w), "Data transfer", "out to the internet", forCompaction); !near(got, sent, 0.01) {
		t.Errorf("%.2f GB leave for R2, of %.2f", got, sent)
	}
	w.R2 = false
	if got := unitsOf(Serverless(w), "Data transfer", "out to the internet", forCompaction); got != 0 {
		t.Errorf("%.2f GB leave for S3", got)
	}
}

func TestWorkloadsAreChecked(t *testing.T) {
	for _, c := range []struct{ body, wants string }{
		{`{"appendsPerSecond": -1}`, "appendsPerSecond"},
		{`{"appendsPerSecond": 1}`, "activeStreams"},
		{`{"liveReaders": 3}`, "watchedStreams"},
		{`{"memoryMB": 64}`, "memoryMB"},
		{`{"pollIdle": "1ms"}`, "pollIdle"},
		{`{"pollIdle": "soon"}`, "soon"},
		{`{"apends": 1}`, "apends"},
		{`{`, "workload"},
	} {
		if _, err := ReadWorkload(strings.NewReader(c.body)); err == nil || !strings.Contains(err.Error(), c.wants) {
			t.Errorf("%s: error %v, want one that names %s", c.body, err, c.wants)
		}
	}
	w, err := ReadWorkload(strings.NewReader(`{"streams": 3, "pollIdle": "2s"}`))
	if err != nil || w.Streams != 3 || w.PollIdle.seconds() != 2 || w.MemoryMB != Usual().MemoryMB {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestCommand(t *testing.T) {
	var out, errs bytes.Buffer
	if err := run([]string{"-json", "-example", "chat", "-set", "liveReaders=500", "-set", "pollIdle=2s"}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	var reports []Report
	if err := json.Unmarshal(out.Bytes(), &reports); err != nil {
		t.Fatal(err)
	}
	if r := reports[0]; len(reports) != 1 || r.Workload.LiveReaders != 500 || r.Workload.PollIdle.seconds() != 2 || r.Total <= 0 || len(r.Alternatives) != 4 {
		t.Errorf("%d reports: %+v", len(reports), r.Workload)
	}
	file := t.TempDir() + "/workload.json"
	body, err := json.Marshal(reports[0].Workload)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := run([]string{"-json", "-file", file}, &again, &errs); err != nil || again.String() != out.String() {
		t.Errorf("the workload that was printed gives another report (%v)", err)
	}
	for _, args := range [][]string{{"-example", "nothing"}, {"-set", "x=1"}, {"-set", "x"}, {"more"}, {"-file", "none.json"}, {"-example", "chat", "-file", file}, {"-example", "chat", "-set", "cold=2"}} {
		if err := run(args, &out, &errs); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
