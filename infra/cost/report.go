package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/commoncurriculum/durable-streams-aws/infra/cost/price"
)

// Report is what there is to say about a workload.
type Report struct {
	Workload     Workload      `json:"workload"`
	Bill         Bill          `json:"bill"`
	Total        float64       `json:"dollars"`
	Alternatives []Alternative `json:"alternatives"`
	// PerMillionAppends is what a million appends cost, with their compaction, in
	// dollars, and Storage what the data costs.
	PerMillionAppends float64 `json:"dollarsPerMillionAppends,omitempty"`
	// BreakEven is from how many live readers on a container is cheaper; 0 if there are no
	// readers, or from no number on.
	BreakEven int `json:"breakEvenReaders,omitempty"`
}

// NewReport works out what a workload costs.
func NewReport(w Workload) Report {
	r := Report{Workload: w, Bill: Serverless(w), Alternatives: Alternatives(w)}
	r.Total = r.Bill.Total()
	if n := w.appends(); n > 0 {
		r.PerMillionAppends = (r.Bill.For(forAppends) + r.Bill.For(forCompaction)) / n * 1e6
	}
	if w.LiveReaders > 0 {
		if n, found := BreakEven(w); found {
			r.BreakEven = n
		}
	}
	return r
}

// notes are what every figure rests on.
const notes = `List prices of us-east-1 without tax; free tiers and what plans include are not taken off.
Units are counted (infra/cost/measured.go), times on Amazon's side assumed (assumed.go).
`

// printSummary prints a row for each workload.
func printSummary(w io.Writer, reports []Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "dollars a month\tappends\tof it: a million\treads\tlive readers\tstreams, data\tidle costs\tTOTAL\t")
	for _, r := range reports {
		b := r.Bill
		million := "-"
		if r.PerMillionAppends > 0 {
			million = dollars(r.PerMillionAppends)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.Workload.Name,
			dollars(b.For(forAppends)+b.For(forCompaction)), million, dollars(b.For(forReads)), dollars(b.For(forLive)),
			dollars(b.For(forStreams)+b.For(forData)), dollars(b.For(forSweep)+b.For(forWatching)), dollars(r.Total))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nThe same elsewhere (what is assumed: -example NAME; in parentheses: more than it can do)")
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tthis server\tlive readers in a container\tthe original, Cloudflare\tKinesis, one stream\tRedis, Upstash\tcontainer pays from\t")
	for _, r := range reports {
		row := []string{r.Workload.Name, dollars(r.Total)}
		if r.Workload.LiveReaders == 0 {
			row = append(row, "-")
		}
		for _, a := range r.Alternatives {
			cost := dollars(a.Cost)
			if a.Beyond != "" {
				cost = "(" + cost + ")"
			}
			row = append(row, cost)
		}
		fmt.Fprintf(t, "%s\t%s\t\n", strings.Join(row, "\t"), pays(r))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, r := range reports {
		fmt.Fprintf(w, "%s: %s\n", r.Workload.Name, r.Workload.About)
	}
	_, err := fmt.Fprint(w, "\n"+notes)
	return err
}

// pays says from how many live readers on a container pays.
func pays(r Report) string {
	switch {
	case r.Workload.LiveReaders == 0:
		return "-"
	case r.BreakEven == 0:
		return "never"
	}
	return fmt.Sprintf("%d readers", r.BreakEven)
}

// printBill prints a workload's bill in full, dearest lines first, and the alternatives
// with what they assume.
func printBill(w io.Writer, r Report) error {
	fmt.Fprintf(w, "%s: %s\n\n", r.Workload.Name, r.Workload.About)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "dollars\tservice\titem\tfor\tquantity a month")
	lines := slices.Clone(r.Bill)
	slices.SortStableFunc(lines, func(a, b Line) int { return -cmp.Compare(a.Dollars, b.Dollars) })
	small, rest := 0, 0.0
	for _, l := range lines {
		if l.Dollars < 0.005 {
			small++
			rest += l.Dollars
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s %s\n", dollars(l.Dollars), l.Service, l.Item, l.For, quantity(l.Quantity), l.Unit)
	}
	if small > 0 {
		fmt.Fprintf(t, "%s\t%d lines below half a cent\t\t\t\n", dollars(rest), small)
	}
	fmt.Fprintf(t, "%s\tTOTAL\t\t\t\n", dollars(r.Total))
	if err := t.Flush(); err != nil {
		return err
	}
	if r.PerMillionAppends > 0 {
		fmt.Fprintf(w, "\nA million appends cost $%s, compaction included.\n", dollars(r.PerMillionAppends))
	}
	if r.Workload.LiveReaders > 0 {
		fmt.Fprintf(w, "Serving the live readers from a container pays from: %s.\n", pays(r))
	}
	fmt.Fprintln(w, "\nThe same elsewhere:")
	for _, a := range r.Alternatives {
		fmt.Fprintf(w, "  $%s  %s\n", dollars(a.Cost), a.Name)
		if a.Beyond != "" {
			fmt.Fprintf(w, "    - cannot be had: %s\n", a.Beyond)
		}
		for _, s := range a.Assumes {
			fmt.Fprintf(w, "    - %s\n", s)
		}
	}
	_, err := fmt.Fprint(w, "\n"+notes+"\n")
	return err
}

// printPrices prints the price list.
func printPrices(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "service\titem\tprice\tknown\tsource")
	for _, p := range price.All() {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", p.Service, p.Item, p, p.Known, p.Source)
	}
	return t.Flush()
}

// dollars is an amount with two decimals, or none where they do not matter.
func dollars(d float64) string {
	switch {
	case d >= 1000:
		return thousands(d)
	case d >= 100:
		return strconv.FormatFloat(d, 'f', 0, 64)
	}
	return strconv.FormatFloat(d, 'f', 2, 64)
}

// quantity is a number that a reader can compare.
func quantity(q float64) string {
	switch {
	case q >= 1e9:
		return strconv.FormatFloat(q/1e9, 'f', 2, 64) + " billion"
	case q >= 1e6:
		return strconv.FormatFloat(q/1e6, 'f', 2, 64) + " million"
	case q >= 1000:
		return thousands(q)
	}
	return strconv.FormatFloat(q, 'g', 3, 64)
}

// thousands writes a whole number with its thousands apart.
func thousands(n float64) string {
	s := strconv.FormatFloat(n, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
