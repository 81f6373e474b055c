// Package deptest holds the rules of the module's structure, as tests: who may
// import whom, and how long a file may be. Each rule says why it is there; a
// change that breaks one should either be undone or change the rule and its
// reason.
package deptest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/commoncurriculum/durable-streams-aws"

// maxLines is the length of a source file beyond which nobody reads it as one.
const maxLines = 300

// A rule is what the packages of one folder may import. All of it concerns the
// code that is built into programs; tests may import what they like.
type rule struct {
	// path is a package's path inside the module. With a trailing "/..." it
	// stands for all packages below it that have no rule of their own.
	path string
	// module lists the packages of this module that it may import, in the same
	// form as path.
	module []string
	// outside lists the prefixes of import paths from other modules that it may
	// use; nil means the standard library only. "*" allows all.
	outside []string
	// std lists what it must not use of the standard library. A listed path stands
	// for all below it.
	std []string
	// why is the reason, for whoever breaks the rule.
	why string
}

// noHTTP is what has no business below the protocol.
var noHTTP = []string{"net", "database/sql", "html", "testing"}

var rules = []rule{
	{
		path: "pkg/stream", module: []string{"pkg/segment"}, std: append([]string{"os", "log", "encoding/json"}, noHTTP...),
		why: "the core decides what is right for every store and every front door, so it knows none of them: the standard library and the format of segments only, no HTTP, no database, no AWS",
	},
	{
		path: "pkg/segment", std: append([]string{"os", "log", "encoding/json"}, noHTTP...),
		why: "the segment format is bytes in, bytes out: what they mean and where they are stored is the business of its users, and a program that knows nothing else of this module can read it",
	},
	{
		path: "pkg/spool", module: []string{"pkg/stream"}, std: append([]string{"log", "encoding/json"}, noHTTP...),
		why: "it is the one place where the core's segments touch files, so that the core itself never does",
	},
	{
		path: "pkg/objectcache", module: []string{"pkg/stream"}, outside: []string{"github.com/hashicorp/golang-lru/v2"}, std: append([]string{"os", "log", "encoding/json"}, noHTTP...),
		why: "it stands between the core and any store of objects, and knows neither",
	},
	{
		path: "pkg/registry", module: []string{"pkg/stream"}, std: append([]string{"os", "log"}, noHTTP...),
		why: "what the records of the registry look like concerns those who read them: it is JSON, of which the core, that writes them once and in order, knows nothing",
	},
	{
		path: "pkg/fsck", module: []string{"pkg/stream", "pkg/segment"}, std: append([]string{"os", "log", "encoding/json"}, noHTTP...),
		why: "what checks a store knows it only by the core's interfaces and the format of segments, so that it checks every store alike, and shares no code with the drivers whose mistakes it is to find",
	},
	{
		path: "pkg/admin", module: []string{"pkg/stream", "pkg/metrics"}, std: []string{"database/sql", "testing"},
		why: "administrators are answered from the core's lists and the numbers of the process: the API is the same on every store",
	},
	{
		path: "pkg/metrics", module: []string{"pkg/stream", "pkg/protocol"}, std: []string{"database/sql", "testing"},
		why: "it turns the reports of the core and of the protocol into numbers: who shows or sends them is its callers' business",
	},
	{
		path: "pkg/protocol", module: []string{"pkg/stream"}, outside: []string{"github.com/klauspost/compress/"}, std: []string{"database/sql", "testing"},
		why: "HTTP rests on the core alone, and on a library for content codings: if it needs to know the store, the core's interface lacks something",
	},
	{
		path: "pkg/memory", module: []string{"pkg/stream"}, std: noHTTP,
		why: "a driver implements the core's contract and nothing else: it knows neither HTTP nor another driver, and this one keeps everything in the process",
	},
	{
		path: "pkg/embedded", module: []string{"pkg/stream"}, outside: []string{"github.com/cockroachdb/pebble/", "github.com/hashicorp/golang-lru/"}, std: noHTTP,
		why: "a driver implements the core's contract and nothing else: it knows neither HTTP nor another driver, and this one only its storage engine and a cache",
	},
	{
		path: "pkg/dynamo", module: []string{"pkg/stream", "pkg/sdkhttp"}, outside: []string{"github.com/aws/"}, std: []string{"database/sql", "testing"},
		why: "a driver implements the core's contract and nothing else: it knows neither the protocol nor another driver",
	},
	{
		path: "pkg/bucket", module: []string{"pkg/stream", "pkg/segment", "pkg/sdkhttp"}, outside: []string{"github.com/aws/"}, std: []string{"database/sql", "testing"},
		why: "a driver implements the core's contract and nothing else: it knows neither the protocol nor another driver",
	},
	{
		path: "pkg/sdkhttp", outside: []string{"github.com/aws/aws-sdk-go-v2/aws/"}, std: []string{"database/sql", "testing"},
		why: "it mends how the SDK sends requests, whatever is in them",
	},
	{
		path: "pkg/auth", module: []string{"pkg/protocol", "pkg/stream"}, outside: []string{"github.com/lestrrat-go/jwx/", "golang.org/x/time/", "github.com/hashicorp/golang-lru/"}, std: []string{"database/sql", "testing"},
		why: "it implements the protocol's question who may do what, by names alone: it asks no store, so it cannot tell who may not know which streams exist",
	},
	{
		path: "pkg/httpserver", std: []string{"database/sql", "testing"},
		why: "it runs any http.Handler as a server: it needs to know nothing of streams",
	},
	{
		path: "pkg/lambdahttp", outside: []string{"github.com/aws/aws-lambda-go"}, std: []string{"database/sql", "testing"},
		why: "it carries any http.Handler over a function URL: it needs to know nothing of streams",
	},
	{
		path: "pkg/config", module: []string{"pkg/stream", "pkg/protocol", "pkg/auth"}, outside: []string{"github.com/caarlos0/env/"}, std: []string{"database/sql", "testing"},
		why: "settings are read in one place and handed to the parts; which driver is used is decided by programs",
	},
	{
		path: "pkg/streamtest/...", module: []string{"pkg/stream", "pkg/segment", "pkg/fsck", "pkg/registry", "pkg/streamtest/..."}, outside: []string{"pgregory.net/rapid"},
		why: "the contract suite tests any driver through the core's interfaces, so it knows none of them",
	},
	{
		path: "pkg/deptest",
		why:  "this package has tests only",
	},
	{
		path: "functions/...", module: []string{"pkg/...", "functions/..."}, outside: []string{"*"}, std: []string{"testing"},
		why: "a function puts packages together for production: it never knows of infrastructure or of what stands in for AWS on your machine",
	},
	{
		path: "infra/...", module: []string{"pkg/config", "pkg/dynamo", "pkg/metrics", "functions/boot", "infra/..."}, outside: []string{"*"}, std: []string{"testing"},
		why: "the stack describes what is deployed: it shares definitions with the code (settings, keys and filters of the table, names of metrics, headers and ports), so that they cannot differ, and runs none of it",
	},
	{
		path: "infra/cost", module: []string{"infra/cost/price"},
		why: "the calculator is arithmetic on prices and on what was counted: it needs neither the stack nor Amazon's libraries, and is built in a second",
	},
	{
		path: "infra/cost/price",
		why:  "a price list needs nothing, so that whoever counts what something costs can use it",
	},
	{
		path: "localstack/...", module: []string{"pkg/...", "functions/...", "localstack/...", "infra/cost/price"}, outside: []string{"*"},
		why: "the local programs run the production code with stand-ins for AWS, and the benchmarks know what things cost; nothing may depend on them in turn",
	},
}

// onlyInTests are imports that belong to tests, and who may use them all the same.
var onlyInTests = []struct {
	path string
	by   []string
	why  string
}{
	{"pgregory.net/rapid", []string{"pkg/streamtest/..."}, "property tests are for tests"},
	{module + "/pkg/streamtest", []string{"pkg/streamtest/...", "localstack/..."}, "the suite and its fault wrapper must not get into production: code there never knows that it is being tested"},
	{module + "/pkg/deptest", nil, "it has nothing to import"},
	{"testing", []string{"pkg/streamtest/...", "localstack/..."}, "importing testing registers its flags in the program"},
}

// vague are package names that say where code was put, not what it does.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "base", "lib", "types", "model", "models", "internal"}

// A pkg is what `go list` tells of a package.
type pkg struct {
	ImportPath string
	Name       string
	Dir        string
	Imports    []string
	GoFiles    []string
	Deps       []string
	Module     *struct{ Path string }
	Standard   bool
}

// rel is the package's path inside the module.
func (p pkg) rel() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

// list returns the packages of the module, without their tests.
func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Dir,Imports,GoFiles,Deps,Module,Standard", module+"/...")
	cmd.Dir = root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// root is the module's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// covers reports whether a path is what a pattern stands for: "a/b" for itself,
// "a/..." for all below a, and a.
func covers(pattern, path string) bool {
	below, wild := strings.CutSuffix(pattern, "/...")
	return path == below || wild && strings.HasPrefix(path, below+"/")
}

func anyCovers(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return covers(p, path) })
}

// ruleFor returns the rule of a package: the most specific one that covers it.
func ruleFor(path string) (best rule, found bool) {
	for _, r := range rules {
		if covers(r.path, path) && (!found || len(r.path) > len(best.path)) {
			best, found = r, true
		}
	}
	return best, found
}

// violation says what is wrong with importing a path; nothing if it is empty.
func (r rule) violation(imported string) string {
	switch {
	case imported == module || strings.HasPrefix(imported, module+"/"):
		rel := strings.TrimPrefix(strings.TrimPrefix(imported, module), "/")
		if !anyCovers(r.module, rel) {
			return fmt.Sprintf("it may import of this module %s", orNothing(r.module))
		}
	case isStandard(imported):
		for _, banned := range r.std {
			if covers(banned+"/...", imported) {
				return fmt.Sprintf("it must not use %s", banned)
			}
		}
	default:
		allowed := slices.ContainsFunc(r.outside, func(prefix string) bool {
			return prefix == "*" || strings.HasPrefix(imported, prefix)
		})
		if !allowed {
			return fmt.Sprintf("it may import of other modules %s", orNothing(r.outside))
		}
	}
	return ""
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return "only " + strings.Join(list, ", ")
}

// isStandard reports whether an import path is of the standard library: those of
// modules have a dot in their first element.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func TestImports(t *testing.T) {
	for _, p := range list(t) {
		r, found := ruleFor(p.rel())
		if !found {
			t.Errorf("%s has no rule. Add one to the table in pkg/deptest, with what it may import and why; "+
				"where it belongs in the structure is described in DESIGN.md.", p.ImportPath)
			continue
		}
		if p.Name != "main" && r.why == "" {
			t.Errorf("the rule of %s gives no reason", r.path)
		}
		for _, imported := range p.Imports {
			if v := r.violation(imported); v != "" {
				t.Errorf("%s imports %s: %s.\n\tWhy: %s.", p.rel(), imported, v, r.why)
			}
		}
		for _, o := range onlyInTests {
			for _, imported := range p.Imports {
				if covers(o.path+"/...", imported) && !anyCovers(o.by, p.rel()) {
					t.Errorf("%s imports %s outside of tests.\n\tWhy not: %s.", p.rel(), imported, o.why)
				}
			}
		}
	}
}

// What a package pulls in indirectly counts too, where it is a promise: the core
// brings in nothing but the standard library, the protocol no store.
func TestIndirectImports(t *testing.T) {
	for _, p := range list(t) {
		for _, dep := range p.Deps {
			switch {
			case strings.HasPrefix(p.rel(), "pkg/") && anyCovers([]string{module + "/functions/...", module + "/infra/...", module + "/localstack/..."}, dep):
				t.Errorf("%s depends on %s.\n\tWhy not: dependencies point downwards: programs use packages, never the other way round.", p.rel(), dep)
			case p.rel() == "pkg/stream" && !isStandard(dep) && dep != module+"/pkg/segment":
				t.Errorf("%s depends on %s.\n\tWhy not: the core must be buildable and understandable by itself.", p.rel(), dep)
			case p.rel() == "pkg/protocol" && strings.HasPrefix(dep, "github.com/aws/"):
				t.Errorf("%s depends on %s.\n\tWhy not: HTTP is the same whatever carries and stores it.", p.rel(), dep)
			case covers("functions/...", p.rel()) && anyCovers([]string{module + "/localstack/...", module + "/infra/...", module + "/pkg/streamtest/...", module + "/pkg/memory"}, dep):
				t.Errorf("%s depends on %s.\n\tWhy not: what is deployed contains nothing that stands in for AWS or tests it.", p.rel(), dep)
			}
		}
	}
}

func TestPackageNames(t *testing.T) {
	for _, p := range list(t) {
		for _, name := range append(strings.Split(p.rel(), "/"), p.Name) {
			if slices.Contains(vague, name) {
				t.Errorf("%s: the name %q says where code was put, not what it does. "+
					"Name the package after what it provides; put what has one user next to it.", p.rel(), name)
			}
		}
	}
}

// The table must not outlive what it describes by accident: a rule that names a
// package in its lists must name one that has a rule.
func TestRulesAreConsistent(t *testing.T) {
	for i, r := range rules {
		if r.why == "" {
			t.Errorf("the rule of %s gives no reason", r.path)
		}
		for _, other := range rules[:i] {
			if other.path == r.path {
				t.Errorf("%s has two rules", r.path)
			}
		}
		for _, m := range r.module {
			if m == "pkg/..." || m == "functions/boot" {
				continue
			}
			if !slices.ContainsFunc(rules, func(o rule) bool { return o.path == m }) {
				t.Errorf("the rule of %s allows %s, which has no rule", r.path, m)
			}
		}
	}
}

// The rules catch what they are for.
func TestViolations(t *testing.T) {
	for _, c := range []struct {
		path, imported string
		allowed        bool
	}{
		{"pkg/stream", "errors", true},
		{"pkg/stream", "net/http", false},
		{"pkg/stream", "net", false},
		{"pkg/stream", "database/sql", false},
		{"pkg/stream", "github.com/aws/aws-sdk-go-v2/aws", false},
		{"pkg/stream", module + "/pkg/memory", false},
		{"pkg/stream", module + "/pkg/segment", true},
		{"pkg/segment", module + "/pkg/stream", false},
		{"pkg/spool", "os", true},
		{"pkg/spool", "net", false},
		{"pkg/fsck", module + "/pkg/segment", true},
		{"pkg/fsck", module + "/pkg/memory", false},
		{"pkg/fsck", "os", false},
		{"pkg/streamtest", module + "/pkg/fsck", true},
		{"pkg/admin", module + "/pkg/metrics", true},
		{"pkg/metrics", module + "/pkg/admin", false},
		{"pkg/protocol", "net/http", true},
		{"pkg/protocol", module + "/pkg/stream", true},
		{"pkg/protocol", module + "/pkg/streamtest", false},
		{"pkg/protocol", module + "/pkg/dynamo", false},
		{"pkg/protocol", "github.com/aws/aws-lambda-go/events", false},
		{"pkg/memory", module + "/pkg/protocol", false},
		{"pkg/memory", module + "/pkg/embedded", false},
		{"pkg/embedded", "github.com/cockroachdb/pebble/v2", true},
		{"pkg/embedded", "github.com/aws/aws-sdk-go-v2/aws", false},
		{"pkg/dynamo", module + "/functions/api", false},
		{"functions/api", module + "/localstack/server", false},
		{"functions/api", module + "/pkg/dynamo", true},
		{"localstack/server", module + "/functions/api", true},
		{"infra/stack", module + "/pkg/dynamo", true},
		{"infra/stack", module + "/pkg/stream", false},
		{"infra/stack", module + "/functions/api", false},
		{"functions/api", module + "/infra/stack", false},
	} {
		r, found := ruleFor(c.path)
		if !found {
			t.Errorf("%s has no rule", c.path)
			continue
		}
		if v := r.violation(c.imported); (v == "") != c.allowed {
			t.Errorf("%s imports %s: %q", c.path, c.imported, v)
		}
	}
	if _, found := ruleFor("pkg/unheard"); found {
		t.Error("an unknown package has a rule")
	}
}

// Files stay short enough to be read as one. Tests and generated files may be long.
func TestFileLength(t *testing.T) {
	top := root(t)
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); path != top && (strings.HasPrefix(n, ".") || strings.HasPrefix(n, "_") || n == "node_modules" || n == "testdata" || n == "vendor" || n == "cdk.out") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := 0
		for s := bufio.NewScanner(bytes.NewReader(src)); s.Scan(); {
			lines++
		}
		rel, _ := filepath.Rel(top, path)
		if lines > maxLines && !generated(t, path, src) {
			t.Errorf("%s has %d lines, more than %d.\n\tWhy: a file should hold one idea that fits into a head; split it where the ideas part.", rel, lines, maxLines)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func generated(t *testing.T, path string, src []byte) bool {
	f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return f != nil && ast.IsGenerated(f)
}
