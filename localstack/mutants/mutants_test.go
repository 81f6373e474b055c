package main

import (
	"os/exec"
	"testing"
)

// Each mutant applies to the source as it is.
func TestMutantsApply(t *testing.T) {
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, m := range mutants {
		if _, err := m.apply(root, nil); err != nil {
			t.Error(err)
		}
		if names[m.name] {
			t.Errorf("there are two mutants %q", m.name)
		}
		names[m.name] = true
	}
}

// They compile: as many of them at a time as do not meet.
func TestMutantsCompile(t *testing.T) {
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for left := mutants; len(left) > 0; {
		files := make(map[string]string)
		var next []mutant
		for _, m := range left {
			changed, err := m.apply(root, files)
			if err != nil {
				next = append(next, m)
				continue
			}
			for name, text := range changed {
				files[name] = text
			}
		}
		if len(next) == len(left) {
			t.Fatalf("%d mutants do not apply, the first is %q", len(next), next[0].name)
		}
		overlay, err := writeOverlay(root, t.TempDir(), files)
		if err != nil {
			t.Fatal(err)
		}
		build := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "./pkg/stream", "./pkg/memory")
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		left = next
	}
}

// One that must be noticed is, and what is sound is not.
func TestMutantIsCaught(t *testing.T) {
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rule := suite{"./pkg/stream", "^TestJudge"}
	for _, broken := range []bool{false, true} {
		m := mutant{"a closed stream takes appends", rule, nil}
		if broken {
			m.edits = []edit{{judgeFile, "	if h.Closed {\n", "	if h.Closed && a.Close {\n"}}
		}
		overlay, err := m.overlay(root, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		v, err := m.suite.test(t.Context(), root, overlay)
		if err != nil || v.failed != broken {
			t.Errorf("broken %v: failed %v by %s, %v", broken, v.failed, v.by, err)
		}
	}
}
