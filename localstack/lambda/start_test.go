//go:build unix

package main

import (
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// TestAnnouncedCommandsWork runs what the host prints, as a user would.
func TestAnnouncedCommandsWork(t *testing.T) {
	t.Parallel()
	h := startHost(t)
	commands := regexp.MustCompile(`(?m)^  (curl .*)$`).FindAllStringSubmatch(h.announced, -1)
	if len(commands) != 2 {
		t.Fatalf("there should be two curl lines in\n%s", h.announced)
	}
	var out []byte
	for _, c := range commands {
		var err error
		if out, err = exec.Command("bash", "-c", c[1]+" -sS --fail").Output(); err != nil {
			t.Fatalf("%s: %v", c[1], err)
		}
	}
	if string(out) != "hello, world" {
		t.Errorf("the second command printed %q", out)
	}
	for _, want := range []string{"Function api", "table durable-streams", "bucket durable-streams", "Data is kept in "} {
		if !strings.Contains(h.announced, want) {
			t.Errorf("%q is not in\n%s", want, h.announced)
		}
	}
	if strings.Contains(h.announced, "WARNING") {
		t.Errorf("it warns of loopback:\n%s", h.announced)
	}
}

func TestOpenAddressIsWarnedOf(t *testing.T) {
	t.Parallel()
	if h := startHost(t, "HOST=127.0.0.2"); strings.Contains(h.announced, "WARNING") {
		t.Error("127.0.0.2 is loopback")
	}
	for mode, warned := range map[string]bool{"off": true, "token": false, "jwt": false} {
		var out strings.Builder
		announce(&out, withEnv(t, nil), config.Streams{Auth: config.Auth{Mode: mode}}, &stores{}, &net.TCPAddr{IP: net.IPv4zero, Port: 1})
		if strings.Contains(out.String(), "WARNING") != warned {
			t.Errorf("AUTH_MODE=%s, 0.0.0.0:\n%s", mode, out.String())
		}
	}
}

// TestMistakesNameTheVariable: a host that cannot work ends at once, and says which
// variable to look at.
func TestMistakesNameTheVariable(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { busy.Close() }) // the parallel tests below outlive this function
	_, port, _ := net.SplitHostPort(busy.Addr().String())
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, env := range []string{
		"PORT=many", "PORT=70000", "PORT=" + port, "HOST=192.0.2.1",
		"DATA_DIR=" + filepath.Join(file, "sub"),
		"DYNAMODB_ENDPOINT=nonsense", "DYNAMODB_ENDPOINT=http://127.0.0.1:1", "TABLE_NAME=a/b",
		"S3_ENDPOINT=nonsense", "S3_ENDPOINT=http://127.0.0.1:1", "BUCKET_NAME=X_",
		"LAMBDA_FUNCTION=other", "LAMBDA_BIN=/nowhere", "LAMBDA_TEMPLATE=/nowhere", "LAMBDA_TEMPLATE=../../events/functionurl/read.json", "LAMBDA_CONCURRENCY=0", "LAMBDA_SPREAD=101", "LAMBDA_TIMEOUT=0s",
		"LAMBDA_FUNCTION=compact", "LAMBDA_STREAM_FUNCTION=nowhere", "LAMBDA_STREAM_RETRIES=-2", "LAMBDA_SWEEP_EVERY=soon",
		"LAMBDA_MAX_REQUESTS=-1", "LAMBDA_MAX_IDLE=x", "LAMBDA_MEMORY_MB=0", "LOG_LEVEL=loud",
		// What only the function reads must not be left to its first request.
		"PAGE_BYTES=0", "LINK_BYTES=100000", "POLL_IDLE=1ms", "S3_ACCESS_KEY_ID=half", "MAX_BODY_BYTES=10MB", "SSE_LIFETIME=55",
		"SWEEP_ITEMS=0", "RETIRE_AFTER=1s", "ADMIN_TOKEN=short",
	} {
		t.Run(env, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, err := runHost(t, nil, env)
			name, _, _ := strings.Cut(env, "=")
			if err == nil || !strings.Contains(stderr, name) || stdout != "" {
				t.Errorf("%v, %q, %q", err, stdout, stderr)
			}
		})
	}
}

func TestUnknownArgumentsGetTheUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"help"}, {"invoke"}, {"invoke", "a", "b"}, {"-h"}} {
		_, stderr, err := runHost(t, args)
		if err == nil || !strings.Contains(stderr, "invoke FILE") {
			t.Errorf("%q: %v, %s", args, err, stderr)
		}
	}
}

func TestSecondHostOnTheSameDataIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startHost(t, "DATA_DIR="+dir)
	// Also if only one of the stores would be kept there.
	s3 := regexp.MustCompile(`S3: (\S+),`).FindStringSubmatch(first.announced)
	for _, env := range []string{"LOG_LEVEL=info", "S3_ENDPOINT=" + s3[1]} {
		_, stderr, err := runHost(t, nil, "DATA_DIR="+dir, env)
		for _, want := range []string{"DATA_DIR", dir, "in use by another process"} {
			if err == nil || !strings.Contains(stderr, want) {
				t.Errorf("%s: %v; %q is not in: %s", env, err, want, stderr)
			}
		}
	}
	// The first one is none the worse for it.
	must(t, 201, put, first.url+"a", "x", contentType, text)
}

func TestDataSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := random(100 << 10)
	h := startHost(t, "DATA_DIR="+dir)
	must(t, 201, put, h.url+"small", "kept", contentType, text)
	must(t, 201, put, h.url+"large", large, contentType, binary)
	if state := h.end(t, syscall.SIGTERM); !state.Success() {
		t.Fatalf("the host ended with %s: %s", state, h.log)
	}
	h = startHost(t, "DATA_DIR="+dir)
	if a := must(t, 200, get, h.url+"small", ""); a.body != "kept" {
		t.Errorf("after the restart: %q", a.body)
	}
	if a := must(t, 200, get, h.url+"large", ""); a.body != large {
		t.Errorf("after the restart: %d bytes that differ", len(a.body))
	}
	must(t, 204, post, h.url+"small", " on", contentType, text)
}

// hostOf is the address of a URL.
func hostOf(t *testing.T, endpoint string) string {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		t.Fatalf("%q: %v", endpoint, err)
	}
	return u.Host
}
