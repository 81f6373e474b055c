package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

const referenceName = "reference"

// report collects what all rows measured of all servers.
type report struct {
	Machine string      `json:"machine"`
	Disk    string      `json:"disk"`
	Seconds float64     `json:"seconds"`
	Rounds  int         `json:"rounds"`
	Servers []serverID  `json:"servers"`
	Rows    []*rowStats `json:"rows"`
}

type serverID struct {
	Name string `json:"name"`
	Note string `json:"note"`
}

// rowStats are a row's samples, by server and round.
type rowStats struct {
	Name    string     `json:"name"`
	Figures []*figures `json:"figures"` // one per metric
	CPU     []cpuShare `json:"cpu"`     // one per server, of the last round
	Errors  []string   `json:"errors"`  // one per server; empty if it did not fail

	names []string // of the servers
}

// figures are all that was measured of one metric.
type figures struct {
	Name         string       `json:"name,omitempty"`
	Unit         string       `json:"unit"`
	LessIsBetter bool         `json:"less_is_better"`
	Rounds       [][]*float64 `json:"rounds"` // by server
	Median       []*float64   `json:"median"` // by server; null if there is none
	Ratio        []*float64   `json:"ratio"`  // by server, to the baseline
}

// cpuShare is how many cores server and client kept busy during a row, its
// preparation and verification included. Where both together reach the cores
// there are, the client has had its part in the figure.
type cpuShare struct {
	Server float64 `json:"server"`
	Client float64 `json:"client"`
}

// sample is what one run of a row on one server yields.
type sample struct {
	metrics              []metric
	err                  error
	serverCPU, clientCPU float64
}

// row begins the next row.
func (rep *report) row(name string) *rowStats {
	n := len(rep.Servers)
	r := &rowStats{Name: name, CPU: make([]cpuShare, n), Errors: make([]string, n)}
	for _, s := range rep.Servers {
		r.names = append(r.names, s.Name)
	}
	rep.Rows = append(rep.Rows, r)
	return r
}

// baseline is the index of the server that the others are compared with: the
// reference, or the last one.
func baseline(names []string) int {
	if i := slices.Index(names, referenceName); i >= 0 {
		return i
	}
	return len(names) - 1
}

func (r *rowStats) failed(server int) bool { return r.Errors[server] != "" }

// add takes one run's sample, and keeps medians and ratios up to date.
func (r *rowStats) add(server int, s sample) {
	r.CPU[server] = cpuShare{s.serverCPU, s.clientCPU}
	if s.err != nil {
		r.Errors[server] = s.err.Error()
	}
	for i, m := range s.metrics {
		if i == len(r.Figures) {
			n := len(r.names)
			r.Figures = append(r.Figures, &figures{Name: m.name, Unit: m.unit, LessIsBetter: m.less,
				Rounds: make([][]*float64, n), Median: make([]*float64, n), Ratio: make([]*float64, n)})
		}
		f := r.Figures[i]
		if s.err == nil {
			f.Rounds[server] = append(f.Rounds[server], some(m.value))
		}
	}
	for _, f := range r.Figures {
		f.Median[server] = median(f.Rounds[server])
		if r.failed(server) {
			f.Median[server] = nil
		}
		for i := range f.Ratio {
			f.Ratio[i] = f.ratio(i, baseline(r.names))
		}
	}
}

// ratio says how many times better a server is than the baseline.
func (f *figures) ratio(server, base int) *float64 {
	a, b := f.Median[server], f.Median[base]
	if f.LessIsBetter {
		a, b = b, a
	}
	if a == nil || b == nil || *b == 0 {
		return nil
	}
	return some(*a / *b)
}

func some(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// median is the middle of all rounds, or the mean of the two in the middle.
func median(rounds []*float64) *float64 {
	var vs []float64
	for _, v := range rounds {
		if v != nil {
			vs = append(vs, *v)
		}
	}
	if len(vs) == 0 {
		return nil
	}
	slices.Sort(vs)
	return some((vs[(len(vs)-1)/2] + vs[len(vs)/2]) / 2)
}

// summary is the row in one line, for stderr.
func (r *rowStats) summary() string {
	var all []string
	for i, name := range r.names {
		var vs []string
		for _, f := range r.Figures {
			vs = append(vs, f.cell(i)+" "+f.Unit)
		}
		if r.failed(i) {
			vs = []string{"FAILED"}
		}
		all = append(all, fmt.Sprintf("%s %s (cores: server %.1f, client %.1f)",
			name, strings.Join(vs, ", "), r.CPU[i].Server, r.CPU[i].Client))
	}
	return strings.Join(all, "; ")
}

func (f *figures) cell(server int) string {
	if f.Median[server] == nil {
		return "n/a"
	}
	return number(*f.Median[server])
}

// print writes the table.
func (rep *report) print(out io.Writer) {
	fmt.Fprintf(out, "machine    %s\ndisk       %s\n", rep.Machine, rep.Disk)
	var names []string
	for _, s := range rep.Servers {
		fmt.Fprintf(out, "%-10s %s\n", s.Name, s.Note)
		names = append(names, s.Name)
	}
	base := baseline(names)
	fmt.Fprintf(out, "%g s per row and server, median of %d; a ratio above 1 means better than %s\n\n",
		rep.Seconds, rep.Rounds, names[base])
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.DiscardEmptyColumns)
	line := func(label, unit string, cell, ratio func(i int) string) {
		cells := []string{unit}
		for i := range names {
			cells = append(cells, cell(i))
		}
		for i := range names {
			if i != base {
				cells = append(cells, ratio(i))
			}
		}
		fmt.Fprintf(w, "%-50s\t%s\t\n", label, strings.Join(cells, "\t"))
	}
	line("", "unit", func(i int) string { return names[i] },
		func(i int) string { return names[i] + "/" + names[base] })
	for _, r := range rep.Rows {
		for _, f := range r.figuresOrNone() {
			line(strings.TrimSpace(r.Name+"  "+f.Name), f.Unit,
				func(i int) string {
					if r.failed(i) {
						return "FAILED"
					}
					return f.cell(i)
				},
				func(i int) string {
					if f.Ratio[i] == nil {
						return "-"
					}
					return number(*f.Ratio[i]) + "x"
				})
		}
	}
	w.Flush()
}

// figuresOrNone gives a row that failed on every server a line as well.
func (r *rowStats) figuresOrNone() []*figures {
	if len(r.Figures) > 0 {
		return r.Figures
	}
	n := len(r.names)
	return []*figures{{Median: make([]*float64, n), Ratio: make([]*float64, n)}}
}

// number prints three significant digits, or all those before the point.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a < 1:
		return strconv.FormatFloat(v, 'f', 3, 64)
	case a < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case a < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// save writes the report as JSON.
func (rep *report) save(file string) error {
	b, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
