package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Streams that gather while the registrar writes are told of in one write, and one that
// fails does not end it.
func TestRegistrarGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		m := new(metrics.Registry)
		r := newRegistrar(m, slog.New(slog.NewJSONHandler(&log, nil)))
		var mu sync.Mutex
		var batches [][]string
		free := make(chan error)
		r.register = func(_ context.Context, names []string) (stream.Registered, error) {
			mu.Lock()
			batches = append(batches, names)
			mu.Unlock()
			return stream.Registered{Records: len(names)}, <-free
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan bool)
		go func() { r.run(ctx); close(ended) }()
		r.owing("a")
		synctest.Wait()
		for range maxOwing {
			r.owing("b")
		}
		r.owing("too many")
		free <- stream.ErrUnavailable
		time.Sleep(gather)
		synctest.Wait()
		r.owing("c")
		free <- nil
		synctest.Wait()
		mu.Lock()
		if len(batches) != 2 {
			t.Errorf("%d batches, and no rest", len(batches))
		}
		mu.Unlock()
		free <- nil
		synctest.Wait()
		cancel()
		<-ended
		if len(batches) != 3 || len(batches[1]) != maxOwing || slices.Contains(batches[1], "too many") || !slices.Equal(batches[2], []string{"c"}) {
			t.Errorf("%d batches", len(batches))
		}
		if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "unavailable") {
			t.Errorf("log: %s", log.String())
		}
	})
}

// told returns what the registry of a server says: for each stream its operations.
func told(t *testing.T, p *process) map[string]string {
	t.Helper()
	r := request(t, "GET", p.url+"__registry__?offset=-1", "", "")
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode == http.StatusNotFound {
		return nil
	}
	var events []struct {
		Key     string
		Headers struct{ Operation string }
	}
	if err := json.Unmarshal(body, &events); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	said := make(map[string]string)
	for _, e := range events {
		said[e.Key] += e.Headers.Operation[:1]
	}
	return said
}

// TestRegistryAfterACrash: what was acknowledged before a server was killed is told by the
// next one, and nothing is told twice. While it was switched off, nothing is told.
func TestRegistryAfterACrash(t *testing.T) {
	bin, dir := serverBinary(), t.TempDir()
	do := func(p *process, method, name string, want int) {
		t.Helper()
		if r := request(t, method, p.url+name, "text/plain", ""); r.StatusCode != want {
			t.Fatalf("%s %s: %s", method, name, r.Status)
		}
	}
	p := mustStart(t, bin, "DATA_DIR="+dir)
	for range 3 {
		do(p, "PUT", "a", 201)
		do(p, "DELETE", "a", 204)
	}
	do(p, "PUT", "b", 201)
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()

	p = mustStart(t, bin, "DATA_DIR="+dir, "REGISTRY=off")
	do(p, "PUT", "unseen", 201)
	do(p, "DELETE", "b", 204)
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	p = mustStart(t, bin, "DATA_DIR="+dir)
	do(p, "PUT", "c", 201)
	do(p, "DELETE", "unseen", 204)
	want := map[string]string{"a": "ididid", "b": "id", "c": "i"}
	eventually(t, "all is told", func() bool {
		said := told(t, p)
		return said["a"] == want["a"] && said["b"] == want["b"] && said["c"] == want["c"]
	})
	if said := told(t, p); len(said) != len(want) {
		t.Errorf("told: %v", said)
	}
	do(p, "DELETE", "__registry__", 405)
}
