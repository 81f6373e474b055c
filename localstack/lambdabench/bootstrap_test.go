package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMemoryOfTheFunction: a body of 4 MiB, which is 5.6 MB in its event, takes a function
// no further than half of the smallest memory that Lambda gives; and whatever comes after
// it, there is room left. The times that start
// prints are the machine's as much as the function's; they are not judged here.
func TestMemoryOfTheFunction(t *testing.T) {
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-tags", "lambda.norpc", "-o", bootstrap, "../../functions/api")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := &report{w: io.Discard}
	if err := start(t.Context(), r, options{bootstrap: bootstrap}); err != nil {
		t.Fatal(err)
	}
	var rows []cell
	for _, c := range r.cells {
		if c.Table == "memory" {
			t.Logf("%s: %.1f %s", c.Row, c.Value, c.Unit)
			rows = append(rows, c)
		}
	}
	if len(rows) != 7 {
		t.Fatalf("there should be seven rows of memory: %v", rows)
	}
	for i, row := range rows {
		most := 64.0
		if i > 3 {
			most = 84 // batches of 140,000 messages, again and again
		}
		if row.Value > most {
			t.Errorf("after %s it has had %.1f MB, more than %v", row.Row, row.Value, most)
		}
	}
}
