package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// suite is a quick part of the test suite.
type suite struct{ pkg, run string }

func (s suite) String() string { return s.pkg + " " + s.run }

// edit replaces something that is in a file exactly once.
type edit struct{ file, old, new string }

// mutant is a defect, and the suite that must notice it.
type mutant struct {
	name  string
	suite suite
	edits []edit
}

// apply returns the files that the mutant changes, changed. files has those that are
// changed already, and may be nil.
func (m mutant) apply(root string, files map[string]string) (map[string]string, error) {
	changed := make(map[string]string)
	for _, e := range m.edits {
		text, known := changed[e.file]
		if !known {
			if text, known = files[e.file]; !known {
				b, err := os.ReadFile(filepath.Join(root, e.file))
				if err != nil {
					return nil, err
				}
				text = string(b)
			}
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("%s: %s has this %d times; once is needed:\n%s", m.name, e.file, n, e.old)
		}
		changed[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return changed, nil
}

// overlay writes what `go build -overlay` needs to build the mutant, and returns its name.
func (m mutant) overlay(root, dir string) (string, error) {
	files, err := m.apply(root, nil)
	if err != nil {
		return "", err
	}
	return writeOverlay(root, dir, files)
}

func writeOverlay(root, dir string, files map[string]string) (string, error) {
	replace := make(map[string]string)
	for name, text := range files {
		to := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, name)] = to
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, b, 0o600)
}

// testTime bounds a suite: a build that hangs is noticed, too.
const testTime = 5 * time.Minute

// failedTest finds the tests that failed.
var failedTest = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// test runs the suite on a build with an overlay; none if it is empty.
func (s suite) test(ctx context.Context, root, overlay string) (verdict, error) {
	args := []string{"test", "-count=1", "-failfast", "-vet=off", "-timeout", testTime.String(), "-run", s.run}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, s.pkg)...)
	cmd.Dir = root
	begun := time.Now()
	out, err := cmd.CombinedOutput()
	v := verdict{output: string(out), took: time.Since(begun)}
	var exit *exec.ExitError
	switch {
	case err == nil && strings.Contains(v.output, "no tests to run"):
		return v, fmt.Errorf("%s has no tests", s)
	case err == nil:
		return v, nil
	case !errors.As(err, &exit) || ctx.Err() != nil:
		return v, errors.Join(err, ctx.Err())
	case strings.Contains(v.output, "[build failed]") || strings.Contains(v.output, "[setup failed]"):
		return v, fmt.Errorf("it does not compile:\n%s", v.output)
	}
	v.failed = true
	var names []string
	for _, found := range failedTest.FindAllStringSubmatch(v.output, -1) {
		names = append(names, found[1])
	}
	if names = slices.Compact(names); len(names) == 0 {
		names = []string{s.run + " did not end well"}
	}
	v.by = strings.Join(names[:min(2, len(names))], ", ")
	return v, nil
}

// moduleRoot returns the folder of the module.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("go list -m: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
