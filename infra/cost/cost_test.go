package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/infra/cost/price"
)

// near reports whether two figures differ by a few per cent at most.
func near(got, want, share float64) bool { return math.Abs(got-want) <= share*want }

// rows returns the rows of a Markdown table in DESIGN.md, which begins with a header: the
// label in the first column, the numbers in the others.
func rows(t *testing.T, header string) (labels []string, numbers [][]float64) {
	t.Helper()
	design, err := os.ReadFile("../../DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(design), header+"\n")
	if !found {
		t.Fatalf("DESIGN.md has no table %q", header)
	}
	for i, line := range strings.Split(after, "\n") {
		cells := strings.Split(strings.Trim(line, "| "), "|")
		if !strings.HasPrefix(line, "|") {
			return labels, numbers
		}
		if i == 0 {
			continue // the line between header and rows
		}
		var row []float64
		for _, c := range cells[1:] {
			n, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(c), ",", ""), 64)
			if err != nil {
				n = math.NaN()
			}
			row = append(row, n)
		}
		labels, numbers = append(labels, strings.TrimSpace(cells[0])), append(numbers, row)
	}
	return labels, numbers
}

func TestAppendsCostWhatDesignMeasured(t *testing.T) {
	labels, numbers := rows(t, "| bytes | no producer | 1 producer | 8 producers | always in the buffer | always linked |")
	if len(labels) < 8 {
		t.Fatalf("only %d rows", len(labels))
	}
	for i, label := range labels {
		size, err := strconv.ParseFloat(label, 64)
		if err != nil {
			t.Fatal(err)
		}
		// DESIGN.md's appends were to one segment without end; large ones end many.
		share := 0.05
		if size >= 64<<10 {
			share = 0.1
		}
		if got, want := at(size).append, numbers[i][0]; !near(got, want, share) {
			t.Errorf("an append of %g bytes takes %.2f write units, and %.2f by DESIGN.md", size, got, want)
		}
		w := Usual()
		w.AppendsPerSecond, w.Streams, w.ActiveStreams, w.MessageBytes, w.Producers = 1, 1, 1, size, 1
		if got, want := unitsOf(Serverless(w), "DynamoDB", "write units", forAppends)/w.appends(), numbers[i][2]; !near(got, want, share) {
			t.Errorf("an append of %g bytes by one of eight producers takes %.2f write units, and %.2f by DESIGN.md", size, got, want)
		}
	}
}

// unitsOf is the quantity of a line.
func unitsOf(b Bill, service, item, purpose string) float64 {
	for _, l := range b {
		if l.Service == service && l.Item == item && l.For == purpose {
			return l.Quantity
		}
	}
	return 0
}

// The table of DESIGN.md says what a GiB of messages of 1 KiB costs at DynamoDB and S3,
// for two sizes of batches. Appends and their compaction are compared together: what is
// in the buffer when a segment ends is flushed by the one or the other, by how many
// appends there are in a segment.
func TestLifeCostsWhatDesignMeasured(t *testing.T) {
	labels, numbers := rows(t, "| | requests to DynamoDB | write units | read units | puts | gets | MiB fetched | dollars |")
	const dollarsColumn = 6
	batches := 0
	for i, label := range labels {
		m := regexp.MustCompile(`^append, (\d+) a request`).FindStringSubmatch(label)
		if m == nil {
			continue
		}
		if i+3 >= len(labels) || labels[i+1] != "read before compaction" || labels[i+2] != "compaction" || labels[i+3] != "read after compaction" {
			t.Fatalf("after %q comes something else than before", label)
		}
		batches++
		w := Usual()
		w.Streams, w.ActiveStreams, w.MessageBytes = 1, 1, 1<<10
		w.MessagesPerRequest, _ = strconv.ParseFloat(m[1], 64)
		w.AppendsPerSecond = gib / w.requestBytes() / secondsAMonth
		w.ReadBytes = 4 << 20
		w.ReadsPerSecond = gib / w.ReadBytes / secondsAMonth
		old := w
		old.Cold = 1
		stored := func(w Workload, purposes ...string) float64 {
			sum := 0.0
			for _, l := range Serverless(w) {
				if slices.Contains(purposes, l.For) && (l.Service == "DynamoDB" || l.Service == "S3") {
					sum += l.Dollars
				}
			}
			return sum
		}
		for _, c := range []struct {
			what      string
			got, want float64
		}{
			{"appended and compacted", stored(w, forAppends, forCompaction), numbers[i][dollarsColumn] + numbers[i+2][dollarsColumn]},
			{"read before compaction", stored(w, forReads), numbers[i+1][dollarsColumn]},
			{"read after compaction", stored(old, forReads), numbers[i+3][dollarsColumn]},
		} {
			// Some are tenths of a cent, and DESIGN.md has no more digits.
			if !near(c.got, c.want, 0.05) && math.Abs(c.got-c.want) > 0.0005 {
				t.Errorf("%s, %s: %.4f dollars a GiB, and %.4f by DESIGN.md", label, c.what, c.got, c.want)
			}
		}
	}
	if batches != 2 {
		t.Errorf("%d sizes of batches", batches)
	}
}

func TestIdlePollsAsMeasured(t *testing.T) {
	labels, numbers := rows(t, "| POLL_FAST | POLL_IDLE | polls an hour | read units an hour |")
	for i, fast := range labels {
		w := Usual()
		// The second column is no number.
		idle := map[string]string{"20ms": "200ms", "50ms": "500ms", "100ms": "2s"}[fast]
		for d, text := range map[*Duration]string{&w.PollFast: fast, &w.PollIdle: idle} {
			if err := d.UnmarshalText([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := polls(w, 0)/hoursAMonth, numbers[i][1]; !near(got, want, 0.05) {
			t.Errorf("POLL_FAST=%s: %.0f polls an hour, and %.0f by DESIGN.md", fast, got, want)
		}
	}
	if len(labels) != 3 {
		t.Errorf("%d rows", len(labels))
	}
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
