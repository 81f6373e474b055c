package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// report prints tables as Markdown, and keeps their cells.
type report struct {
	w     io.Writer
	cells []cell
}

// cell is one figure, for programs.
type cell struct {
	Table  string  `json:"table"`
	Row    string  `json:"row"`
	Column string  `json:"column"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
}

// column is what the figures of a column are, in which unit, and how many digits after
// the point say something.
type column struct {
	name, unit string
	digits     int
}

func (c column) String() string {
	if c.unit == "" {
		return c.name
	}
	return c.name + ", " + c.unit
}

// table is one that is being printed.
type table struct {
	*report
	name    string
	columns []column
}

// table begins a table: its name in the report, a sentence above it, what its rows are,
// and its columns.
func (r *report) table(name, sentence, rows string, columns ...column) *table {
	fmt.Fprintf(r.w, "%s\n\n| %s |", sentence, rows)
	for _, c := range columns {
		fmt.Fprintf(r.w, " %v |", c)
	}
	fmt.Fprintf(r.w, "\n|---|%s\n", strings.Repeat("---|", len(columns)))
	return &table{report: r, name: name, columns: columns}
}

// row prints a row: a number for each column, or NaN where there is none.
func (t *table) row(name string, values ...float64) {
	fmt.Fprintf(t.w, "| %s |", name)
	for i, v := range values {
		if math.IsNaN(v) {
			fmt.Fprint(t.w, " – |")
			continue
		}
		c := t.columns[i]
		fmt.Fprintf(t.w, " %.*f |", c.digits, v)
		t.cells = append(t.cells, cell{t.name, name, c.name, v, c.unit})
	}
	fmt.Fprintln(t.w)
}

// end leaves room below the table.
func (t *table) end() { fmt.Fprintln(t.w) }

// save writes all cells as JSON.
func (r *report) save(file string) error {
	b, err := json.MarshalIndent(r.cells, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
