// The cost command says what a deployment of this server costs a month, line by line, for a
// workload; and what the same would cost elsewhere. `make cost` runs it.
//
//	cost [-example name] [-file workload.json] [-set field=value ...] [-json] [-prices]
//
// Without a workload it sums up the examples. Prices are in package price, what
// operations take in measured.go, and what had to be assumed in assumed.go.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	switch err := run(os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
}

// run prints what the arguments ask for.
func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("cost", flag.ContinueOnError)
	flags.SetOutput(stderr)
	example := flags.String("example", "", "an example's bill in full: "+strings.Join(names(), ", "))
	file := flags.String("file", "", "the bill of the workload in a JSON file; its fields are those of -json")
	asJSON := flags.Bool("json", false, "print JSON")
	prices := flags.Bool("prices", false, "print the price list")
	var set []string
	flags.Func("set", "`field=value`, changes the workload (may be repeated)", func(s string) error {
		set = append(set, s)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if *prices {
		return printPrices(stdout)
	}
	workloads, err := chosen(*example, *file)
	if err != nil {
		return err
	}
	for i := range workloads {
		if workloads[i], err = change(workloads[i], set); err != nil {
			return err
		}
	}
	reports := make([]Report, len(workloads))
	for i, w := range workloads {
		reports[i] = NewReport(w)
	}
	switch {
	case *asJSON:
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(reports)
	case *example == "" && *file == "" && len(set) == 0:
		return printSummary(stdout, reports)
	}
	for _, r := range reports {
		if err := printBill(stdout, r); err != nil {
			return err
		}
	}
	return nil
}

// names lists the examples.
func names() []string {
	var names []string
	for _, w := range Examples() {
		names = append(names, w.Name)
	}
	return names
}

// chosen returns the workloads that the flags name.
func chosen(example, file string) ([]Workload, error) {
	switch {
	case example != "" && file != "":
		return nil, errors.New("-example and -file exclude each other")
	case file != "":
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		w, err := ReadWorkload(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return []Workload{w}, nil
	case example != "":
		for _, w := range Examples() {
			if w.Name == example {
				return []Workload{w}, nil
			}
		}
		return nil, fmt.Errorf("there is no example %q; there are %s", example, strings.Join(names(), ", "))
	}
	return Examples(), nil
}

// change sets fields of a workload, by the names that they have in JSON. A value that is
// no JSON is text.
func change(w Workload, set []string) (Workload, error) {
	for _, s := range set {
		field, value, ok := strings.Cut(s, "=")
		if !ok {
			return w, fmt.Errorf("-set %q is not field=value", s)
		}
		raw := json.RawMessage(value)
		if !json.Valid(raw) {
			raw, _ = json.Marshal(value) // text has no reason to fail
		}
		body, err := json.Marshal(map[string]json.RawMessage{field: raw})
		if err != nil {
			return w, err
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&w); err != nil {
			return w, fmt.Errorf("-set %s: %w", s, err)
		}
	}
	return w, w.check()
}
