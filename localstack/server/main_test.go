package main

import (
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

func TestStopsCleanlyAndKeepsData(t *testing.T) {
	bin, dir := serverBinary(), t.TempDir()
	p := mustStart(t, bin, "DATA_DIR="+dir)
	if r := request(t, "PUT", p.url+"a", "text/plain", "kept"); r.StatusCode != http.StatusCreated {
		t.Fatalf("create: %s", r.Status)
	}
	// A live reader must not hold up the stop.
	live := request(t, "GET", p.url+"a?offset=-1&live=sse", "", "")
	first := make([]byte, 16)
	if _, err := io.ReadFull(live.Body, first); err != nil {
		t.Fatal(err)
	}
	if err := p.stop(t); err != nil {
		t.Fatalf("stop: %v\n%s", err, p.stderr)
	}
	if _, err := io.Copy(io.Discard, live.Body); err != nil {
		t.Errorf("the live reader was cut off instead of ended: %v", err)
	}

	p = mustStart(t, bin, "DATA_DIR="+dir)
	body, err := io.ReadAll(request(t, "GET", p.url+"a", "", "").Body)
	if err != nil || string(body) != "kept" {
		t.Errorf("after the restart: %q, %v", body, err)
	}
	if err := p.stop(t); err != nil {
		t.Error(err)
	}
}

func TestMemoryStoreKeepsNothing(t *testing.T) {
	bin := serverBinary()
	p := mustStart(t, bin, "STORE=memory")
	request(t, "PUT", p.url+"a", "text/plain", "x")
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	p = mustStart(t, bin, "STORE=memory")
	if r := request(t, "HEAD", p.url+"a", "", ""); r.StatusCode != http.StatusNotFound {
		t.Errorf("after the restart: %s", r.Status)
	}
}

func TestSecondProcessOnTheSameDataIsRefused(t *testing.T) {
	bin, dir := serverBinary(), t.TempDir()
	first := mustStart(t, bin, "DATA_DIR="+dir)
	_, err := start(bin, "DATA_DIR="+dir)
	if err == nil {
		t.Fatal("a second process opened the same data directory")
	}
	for _, want := range []string{"in use by another process", dir, "DATA_DIR"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the message does not say %q: %v", want, err)
		}
	}
	// The first one is none the worse for it.
	if r := request(t, "PUT", first.url+"a", "text/plain", "x"); r.StatusCode != http.StatusCreated {
		t.Errorf("create on the first: %s", r.Status)
	}
}

func TestConfigurationMistakesNameTheVariable(t *testing.T) {
	bin := serverBinary()
	for _, env := range []string{"PORT=many", "STORE=tape", "LONG_POLL_WAIT=0s", "PPROF_ADDR=0.0.0.0:0", "ADMIN_TOKEN=short", "SWEEP_EVERY=0s", "S3_ENDPOINT=http://127.0.0.1:1"} {
		cmd := exec.Command(bin)
		cmd.Env = append(cmd.Environ(), "STORE=memory", "PORT=0", env)
		out, err := cmd.CombinedOutput()
		name, _, _ := strings.Cut(env, "=")
		if err == nil || !strings.Contains(string(out), name) {
			t.Errorf("%s: %v, %s", env, err, out)
		}
	}
}

func TestPortInUse(t *testing.T) {
	bin := serverBinary()
	p := mustStart(t, bin, "STORE=memory")
	port := strings.TrimSuffix(strings.TrimPrefix(p.url, "http://127.0.0.1:"), "/v1/stream/")
	_, err := start(bin, "STORE=memory", "PORT="+port)
	if err == nil || !strings.Contains(err.Error(), "PORT") {
		t.Errorf("second server on port %s: %v", port, err)
	}
}
