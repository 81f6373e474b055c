//go:build unix

package main

import (
	"strings"
	"testing"
	"time"
)

// A function gets the table's changes, in order, those that it failed on again, and
// only those that the filter lets through.
func TestChangesAreDelivered(t *testing.T) {
	t.Parallel()
	h := startHost(t, "LAMBDA_STREAM_FUNCTION=changes", `LAMBDA_STREAM_FILTER={"eventName":["INSERT"]}`)
	for _, name := range []string{"one", "twice", "three"} {
		must(t, 201, "PUT", h.url+name, "hello", "Content-Type", "text/plain")
		must(t, 204, "POST", h.url+name, "more", "Content-Type", "text/plain")
	}
	const want = "stream#one stream#twice stream#three"
	deadline := time.After(patience)
	for {
		text, grown := h.log.state()
		var got []string
		for line := range strings.Lines(text) {
			if _, change, ok := strings.Cut(line, "change "); ok && strings.HasPrefix(line, "changes[") {
				kind, name, _ := strings.Cut(strings.TrimSpace(change), " ")
				if kind != "INSERT" {
					t.Fatalf("the filter let through: %s", line)
				}
				got = append(got, name)
			}
		}
		if all := strings.Join(got, " "); strings.HasSuffix(all, want) {
			break
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("got %v, want %s", got, want)
		}
	}
}
