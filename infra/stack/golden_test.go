package stack_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/*.template.json instead of comparing with them")

// assetHash is the hash of a program, which changes with the program.
var assetHash = regexp.MustCompile(`[0-9a-f]{64}`)

// everything switches all options on.
var everything = []string{"AUTH_MODE", "off", "CLOUDFRONT", "true", "ORIGIN_SECRET_ROUND", "2", "FARGATE", "true", "HTTP_API", "true", "TRACING", "true", "ALARM_EMAIL", "ops@example.com", "TAGS", "team=streams,stage=test", "LONG_POLL_WAIT", "15s"}

// TestTemplate shows what a change of this package changes in what is deployed. If it is
// meant: go test ./infra/stack -update.
func TestTemplate(t *testing.T) {
	for file, set := range map[string][]string{"default": nil, "everything": everything} {
		got := assetHash.ReplaceAll(synth(t, set...).text, []byte("<asset>"))
		path := filepath.Join("testdata", file+".template.json")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		actual := filepath.Join(t.TempDir(), "template.json")
		if err := os.WriteFile(actual, got, 0o644); err != nil {
			t.Fatal(err)
		}
		if diff, err := exec.Command("diff", "-u", path, actual).CombinedOutput(); err != nil {
			t.Errorf("the template differs from %s; if that is meant: go test ./infra/stack -update\n%s", path, diff)
		}
	}
}
