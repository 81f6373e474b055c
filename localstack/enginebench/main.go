// Command enginebench compares embedded storage engines for one purpose: the
// embedded driver of the server, each of whose appends is one small durable
// transaction that sets the head of a stream and a record. It is what DESIGN.md
// quotes for the choice of the engine, and a module of its own so that the
// engines that were not chosen are no dependencies of the server.
//
//	go run . -dir /some/dir -seconds 3
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// rows measures one thing each. Their order is the table's.
var rows = []struct {
	name string
	do   func(run) (result, error)
}{
	{"alone", func(r run) (result, error) { return r.alone(recordSize) }},
	{"shared", func(r run) (result, error) { return r.shared(false) }},
	{"queued", func(r run) (result, error) { return r.shared(true) }},
	{"large", func(r run) (result, error) { return r.alone(4 << 20) }},
	{"scan", run.scan},
	{"gets", run.gets},
	{"space", run.space},
}

func main() {
	log.SetFlags(0)
	dir := flag.String("dir", "", "directory on the disk to measure (required)")
	seconds := flag.Float64("seconds", 3, "how long each row writes with each engine")
	row := flag.String("row", "", "measure only this row, with -engine, and print JSON")
	name := flag.String("engine", "", "see -row")
	flag.Parse()
	if *dir == "" {
		flag.Usage()
		os.Exit(2)
	}
	var err error
	if *row != "" {
		err = one(*dir, *row, *name, *seconds)
	} else {
		err = all(*dir, *seconds)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// one measures a row with an engine.
func one(dir, row, name string, seconds float64) error {
	o, err := openerOf(name)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.name == row {
			res, err := r.do(run{o, dir, seconds})
			if err != nil {
				return err
			}
			return json.NewEncoder(os.Stdout).Encode(res)
		}
	}
	return fmt.Errorf("no row %q", row)
}

// all measures everything, each row with each engine in a process of its own, so
// that memory can be told apart and no engine pays for another's background
// work. The engines take turns within a row, as the machine may change.
func all(dir string, seconds float64) error {
	start := time.Now()
	dir, err := os.MkdirTemp(dir, "enginebench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%s %s/%s, %d CPUs, load average %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		runtime.NumCPU(), load())
	if err := printRaw(dir, "before"); err != nil {
		return err
	}
	got := map[string]map[string]result{}
	for i, r := range rows {
		got[r.name] = map[string]result{}
		for j := range openers {
			o := openers[(i+j)%len(openers)]
			res, err := child(filepath.Join(dir, r.name+"-"+o.name), r.name, o.name, seconds)
			if err != nil {
				return fmt.Errorf("%s with %s: %w", r.name, o.name, err)
			}
			got[r.name][o.name] = res
		}
	}
	if err := printRaw(dir, "after"); err != nil {
		return err
	}
	fmt.Println("\nIn parentheses: the ratio to the best of the line.")
	if err := printTable(got); err != nil {
		return err
	}
	fmt.Printf("took %.0f s, load average %s\n", time.Since(start).Seconds(), load())
	return nil
}

// child runs one in a new process, and removes what it leaves behind.
func child(dir, row, name string, seconds float64) (result, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(self, "-dir", dir, "-row", row, "-engine", name, "-seconds", fmt.Sprint(seconds))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var res result
	return res, json.Unmarshal(out, &res)
}
