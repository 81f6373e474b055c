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
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// parts each measure some rows of the table with one engine.
var parts = []struct {
	name string
	do   func(run) (result, error)
}{
	{"writes", run.writes},
	{"reads", run.reads},
	{"space", run.space},
}

func main() {
	log.SetFlags(0)
	dir := flag.String("dir", "", "directory on the disk to measure (required)")
	seconds := flag.Float64("seconds", 3, "how long each row writes with each engine")
	part := flag.String("part", "", "measure only writes, reads or space, with -engine, and print JSON")
	name := flag.String("engine", "", "see -part")
	flag.Parse()
	if *dir == "" {
		flag.Usage()
		os.Exit(2)
	}
	var err error
	if *part != "" {
		err = one(*dir, *part, *name, *seconds)
	} else {
		err = all(*dir, *seconds)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// one measures a part with an engine.
func one(dir, part, name string, seconds float64) error {
	o, err := openerOf(name)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if p.name == part {
			res, err := p.do(run{o, dir, seconds})
			if err != nil {
				return err
			}
			return json.NewEncoder(os.Stdout).Encode(res)
		}
	}
	return fmt.Errorf("no part %q", part)
}

// all measures everything, each part with each engine in a process of its own, so
// that memory can be told apart and no engine pays for another's background
// work. The engines take turns at being first, as the machine may change.
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
	got := map[string]result{}
	for i, p := range parts {
		for j := range openers {
			o := openers[(i+j)%len(openers)]
			res, err := child(filepath.Join(dir, p.name+"-"+o.name), p.name, o.name, seconds)
			if err != nil {
				return fmt.Errorf("%s with %s: %w", p.name, o.name, err)
			}
			if got[o.name] == nil {
				got[o.name] = result{}
			}
			maps.Copy(got[o.name], res)
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
func child(dir, part, name string, seconds float64) (result, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(self, "-dir", dir, "-part", part, "-engine", name, "-seconds", fmt.Sprint(seconds))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var res result
	return res, json.Unmarshal(out, &res)
}
