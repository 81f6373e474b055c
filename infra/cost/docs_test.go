package main

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the command prints into docs/operations.md")

// What docs/operations.md shows of `make cost` is what it prints. After a change: go test
// ./infra/cost -run Docs -update
func TestDocs(t *testing.T) {
	const file = "../../docs/operations.md"
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```\n\\$ make cost(?: ARGS='([^'\n]*)')?\n.*?```")
	shown := 0
	now := block.ReplaceAllFunc(old, func(b []byte) []byte {
		shown++
		command, _, _ := strings.Cut(strings.TrimPrefix(string(b), "```\n"), "\n")
		var out, errs bytes.Buffer
		if err := run(strings.Fields(string(block.FindSubmatch(b)[1])), &out, &errs); err != nil {
			t.Errorf("%s: %v", command, err)
		}
		var lines []string
		for line := range strings.Lines(strings.TrimRight(out.String(), "\n") + "\n") {
			lines = append(lines, strings.TrimRight(line, " \n"))
		}
		return []byte("```\n" + command + "\n" + strings.Join(lines, "\n") + "\n```")
	})
	if shown < 2 {
		t.Fatalf("%d outputs of `make cost` in %s", shown, file)
	}
	if bytes.Equal(old, now) {
		return
	}
	if !*update {
		t.Fatalf("%s shows other figures than `make cost` prints; go test ./infra/cost -run Docs -update", file)
	}
	if err := os.WriteFile(file, now, 0o644); err != nil {
		t.Fatal(err)
	}
}
