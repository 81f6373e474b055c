package stack_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/commoncurriculum/durable-streams-aws/infra/stack"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// synthesised keeps templates for all tests: each costs a second.
type synthesised struct {
	mu  sync.Mutex
	by  map[string]template
	dir string
}

var templates = synthesised{by: make(map[string]template)}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "stack")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	templates.dir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// sources are programs that do nothing: what is in them is not what is tested here.
func sources(dir string) (stack.Sources, error) {
	files := map[string]string{"functions/container/Dockerfile": "FROM scratch\n", "go.mod": "module x\n"}
	for _, f := range []string{"api", "apibuffered", "compact", "sweep"} {
		files["bin/"+f+"/bootstrap"] = f
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return stack.Sources{}, err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return stack.Sources{}, err
		}
	}
	return stack.Sources{Bootstraps: filepath.Join(dir, "bin"), Repository: dir}, nil
}

// newApp returns an app with the stack that variables describe, in pairs.
func newApp(t *testing.T, dir string, set ...string) (awscdk.App, awscdk.Stack) {
	t.Helper()
	environ := make(map[string]string)
	for i := 0; i < len(set); i += 2 {
		environ[set[i]] = set[i+1]
	}
	settings, err := config.ReadStack(environ)
	if err != nil {
		t.Fatal(err)
	}
	from, err := sources(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: &out, Context: cdkContext(t)})
	return app, stack.New(app, settings, from)
}

// cdkContext is what cdk.json says.
func cdkContext(t *testing.T) *map[string]any {
	t.Helper()
	text, err := os.ReadFile("../../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return &file.Context
}

// template is a CloudFormation template.
type template struct {
	Description string              `json:"Description"`
	Resources   map[string]resource `json:"Resources"`
	Outputs     map[string]struct{ Value any }
	Conditions  map[string]any
	text        []byte
}

type resource struct {
	Type                string         `json:"Type"`
	Properties          map[string]any `json:"Properties"`
	DeletionPolicy      string         `json:"DeletionPolicy"`
	UpdateReplacePolicy string         `json:"UpdateReplacePolicy"`
	DependsOn           []string       `json:"DependsOn"`
	Condition           string         `json:"Condition"`
}

// synth returns the template of the stack that variables describe, in pairs.
func synth(t *testing.T, set ...string) template {
	t.Helper()
	templates.mu.Lock()
	defer templates.mu.Unlock()
	key := strings.Join(set, "\n")
	if made, ok := templates.by[key]; ok {
		return made
	}
	dir := filepath.Join(templates.dir, fmt.Sprint(len(templates.by)))
	app, s := newApp(t, dir, set...)
	app.Synth(nil)
	text, err := os.ReadFile(filepath.Join(dir, "out", *s.StackName()+".template.json"))
	if err != nil {
		t.Fatal(err)
	}
	made := template{text: text}
	if err := json.Unmarshal(text, &made); err != nil {
		t.Fatal(err)
	}
	templates.by[key] = made
	return made
}

// get returns what is at a path of names and, for lists, numbers; nil if there is nothing.
func (r resource) get(path string) any {
	var v any = r.Properties
	for name := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return nil
		}
	}
	return v
}

// of returns the ids of all resources of a type, in order.
func (t template) of(kind string) []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		if t.Resources[id].Type == kind {
			ids = append(ids, id)
		}
	}
	return ids
}

// text is a value as JSON.
func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// want compares properties of a resource, by their paths, with JSON.
func (t template) want(tb testing.TB, id string, properties map[string]string) {
	tb.Helper()
	r, ok := t.Resources[id]
	if !ok {
		tb.Errorf("there is no %s", id)
		return
	}
	for path, want := range properties {
		if got := text(r.get(path)); got != want {
			tb.Errorf("%s: %s is %s, want %s", id, path, got, want)
		}
	}
}
