package main

import (
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

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
		if size >= Usual().ObjectBytes {
			share = 0.1
		}
		if got, want := at(size, Usual().ObjectBytes).append, numbers[i][0]; !near(got, want, share) {
			t.Errorf("an append of %g bytes takes %.2f write units, and %.2f by DESIGN.md", size, got, want)
		}
		w := Usual()
		w.AppendsPerSecond, w.Streams, w.ActiveStreams, w.MessageBytes, w.Producers = 1, 1, 1, size, 1
		if got, want := unitsOf(Serverless(w), "DynamoDB", "write units", forAppends)/w.appends(), numbers[i][2]; !near(got, want, share) {
			t.Errorf("an append of %g bytes by one of eight producers takes %.2f write units, and %.2f by DESIGN.md", size, got, want)
		}
	}
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
