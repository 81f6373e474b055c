package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// top is the top of the repository, from here: the context of the image.
const top = "../.."

// build is how the Dockerfile builds the program.
type build struct {
	flags            []string
	output, packages string
}

// readBuild finds it in the Dockerfile.
func readBuild() (build, error) {
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		return build{}, err
	}
	m := regexp.MustCompile(`CGO_ENABLED=0 GOOS=\$TARGETOS GOARCH=\$TARGETARCH go build (.*) -o (/\S+) (\./\S+)\n`).FindStringSubmatch(string(text))
	if m == nil {
		return build{}, fmt.Errorf("the Dockerfile has no line that builds the program without cgo, for a platform:\n%s", text)
	}
	b := build{output: m[2], packages: m[3]}
	// The shell takes the quotes of one flag away: -ldflags='-s -w'.
	for _, f := range regexp.MustCompile(`\S+'[^']*'|\S+`).FindAllString(m[1], -1) {
		b.flags = append(b.flags, strings.ReplaceAll(f, "'", ""))
	}
	return b, nil
}

// run builds the program into a file, from the context.
func (b build) run(file string) error {
	cmd := exec.Command("go", append(append([]string{"build"}, b.flags...), "-o", file, b.packages)...)
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// TestDockerfile: what the Dockerfile names exists, and is in the context.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	b, err := readBuild()
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := os.ReadFile(filepath.Join(top, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	instructions := make(map[string][]string)
	for _, m := range regexp.MustCompile(`(?m)^([A-Z]+) (.*)$`).FindAllStringSubmatch(string(text), -1) {
		instructions[m[1]] = append(instructions[m[1]], m[2])
	}

	var copied []string
	for _, c := range instructions["COPY"] {
		if from, ok := strings.CutPrefix(c, "--from=build "); ok {
			copied = append(copied, from)
			continue
		}
		files := strings.Fields(c)
		for _, file := range files[:len(files)-1] {
			if _, err := os.Stat(filepath.Join(top, file)); err != nil {
				t.Errorf("COPY %s: %v", c, err)
			}
			if !strings.Contains(string(ignored), "\n!"+file+"\n") {
				t.Errorf("COPY %s: .dockerignore keeps %s out of the context", c, file)
			}
		}
	}
	if want := b.output + " " + b.output; len(copied) != 2 || copied[1] != want || !strings.HasPrefix(copied[0], "/etc/ssl/certs/ca-certificates.crt ") {
		t.Errorf("the image has %q, and should have certificates and the program, %q", copied, want)
	}
	for name, want := range map[string]string{
		"ENTRYPOINT": `["` + b.output + `"]`,
		"USER":       "65532:65532",
		"EXPOSE":     strconv.Itoa(boot.ContainerPort),
	} {
		if got := instructions[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %s", name, got, want)
		}
	}
	if got := instructions["HEALTHCHECK"]; len(got) != 1 || !strings.HasSuffix(got[0], `CMD ["`+b.output+`", "health"]`) {
		t.Errorf("HEALTHCHECK is %q", got)
	}
	// The version that the tests ran with; go.mod says which ones would do.
	if from := instructions["FROM"]; len(from) != 2 || from[1] != "scratch" ||
		!regexp.MustCompile(`golang:1\.26(\.\d+)?@sha256:[0-9a-f]{64} AS build$`).MatchString(from[0]) ||
		!strings.HasPrefix(runtime.Version(), "go1.26") {
		t.Errorf("it is made FROM %q, and tested with %s", from, runtime.Version())
	}
}

// TestPort: the port of the image, and of the stack, is the one that the program listens on
// unless it is told another.
func TestPort(t *testing.T) {
	if _, port, err := config.ReadAddress(nil); err != nil || port != boot.ContainerPort {
		t.Errorf("it listens on %d, and %d is expected; %v", port, boot.ContainerPort, err)
	}
}
