package deptest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What docs/parity.md names is there: the files, and the tests in the files before them. So
// a file or a test that is renamed takes its row with it.
func TestParity(t *testing.T) {
	top := root(t)
	text, err := os.ReadFile(filepath.Join(top, "docs/parity.md"))
	if err != nil {
		t.Fatal(err)
	}
	// A file (or folder) of the project in backticks, or the name of a Go test.
	name := regexp.MustCompile("`((?:pkg|functions|localstack|infra|events)(?:/[^`]*)?)`|\\b(Test[A-Z][A-Za-z0-9]*)\\b")
	rows := 0
	for n, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) < 3 {
			continue
		}
		rows++
		file := ""
		for _, m := range name.FindAllStringSubmatch(strings.Join(cells[1:], " "), -1) {
			if m[1] != "" {
				file = m[1]
				if _, err := os.Stat(filepath.Join(top, file)); err != nil {
					t.Errorf("docs/parity.md:%d names %s, which is not there", n+1, file)
				}
				continue
			}
			source, err := os.ReadFile(filepath.Join(top, file))
			if err != nil || !strings.Contains(string(source), "\nfunc "+m[2]+"(") {
				t.Errorf("docs/parity.md:%d names %s, which is not in %s", n+1, m[2], file)
			}
		}
		if cells[1] != "here" && file == "" && !strings.Contains(cells[2], "below") {
			t.Errorf("docs/parity.md:%d names nothing that shows it", n+1)
		}
	}
	if rows < 40 {
		t.Errorf("docs/parity.md has %d rows that could be read", rows)
	}
}
