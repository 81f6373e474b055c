package deptest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What these documents promise is shown by tests that there are: the last cell of each row of
// their tables names one, by itself or with the others that show it. A name may say which
// package the test is in (linear.TestWorlds).
func TestDocumentsNameTests(t *testing.T) {
	top := root(t)
	exist := functions(t, top)
	name := regexp.MustCompile("`(?:([a-z]+)\\.)?((?:Test|Fuzz|Run)[A-Z][A-Za-z0-9]*)`")
	for document, least := range map[string]int{"docs/security.md": 20, "docs/reliability.md": 20} {
		text, err := os.ReadFile(filepath.Join(top, document))
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		shows := false // the table's last column is what shows the rest
		for n, line := range strings.Split(string(text), "\n") {
			if !strings.HasPrefix(line, "|") {
				shows = false
				continue
			}
			cells := strings.Split(strings.Trim(line, "| "), "|")
			last := cells[len(cells)-1]
			if strings.TrimSpace(last) == "shown by" {
				shows = true
				continue
			}
			if !shows || strings.HasPrefix(line, "|--") {
				continue
			}
			rows++
			names := name.FindAllStringSubmatch(last, -1)
			if len(names) == 0 {
				t.Errorf("%s:%d: no test shows this: %s", document, n+1, line)
			}
			for _, m := range names {
				if in := exist[m[2]]; len(in) == 0 || m[1] != "" && !in[m[1]] {
					t.Errorf("%s:%d: there is no %s", document, n+1, m[0])
				}
			}
		}
		if rows < least {
			t.Errorf("%s has %d rows that could be read", document, rows)
		}
	}
}

// functions are the names of all functions of the project, methods not included, and for
// each the last folders of the packages that have one.
func functions(t *testing.T, top string) map[string]map[string]bool {
	t.Helper()
	names := make(map[string]map[string]bool)
	walkFunctions(t, top, []string{"node_modules", ".git", "bin"}, func(path string, fn *ast.FuncDecl) {
		if fn.Recv != nil {
			return
		}
		if names[fn.Name.Name] == nil {
			names[fn.Name.Name] = make(map[string]bool)
		}
		names[fn.Name.Name][filepath.Base(filepath.Dir(path))] = true
	})
	return names
}

// walkFunctions visits all functions and methods below a folder, with the file that each is
// in, except in folders of some names.
func walkFunctions(t *testing.T, top string, except []string, visit func(path string, fn *ast.FuncDecl)) {
	t.Helper()
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(except, d.Name()):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				visit(path, fn)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
