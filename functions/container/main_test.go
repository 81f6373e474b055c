package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
)

// TestEndsWithItsRequests: a reader that waits gets its answer from a container that was
// told to end, which takes nobody else.
func TestEndsWithItsRequests(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	arrived, appended := make(chan struct{}), make(chan struct{})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, l, boot.WithHealth(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/stream//odd/../name" {
				t.Errorf("the path became %q", r.URL.Path)
			}
			close(arrived)
			<-appended
			_, _ = io.WriteString(w, "data")
		})), time.Minute)
	}()
	if r, err := http.Get(url + boot.HealthPath); err != nil || r.StatusCode != http.StatusNoContent {
		t.Fatalf("health is %v, %v", r, err)
	}
	answer := make(chan string, 1)
	go func() {
		r, err := http.Get(url + "/v1/stream//odd/../name")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		answer <- string(body)
	}()
	<-arrived
	end()
	for { // until it takes nobody else
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			break
		}
		_ = c.Close()
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended before its reader: %v", err)
	default:
	}
	close(appended)
	if got := <-answer; got != "data" {
		t.Errorf("the reader got %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestPatienceEnds: a request that does not end does not keep the container.
func TestPatienceEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	arrived, never := make(chan struct{}), make(chan struct{})
	defer close(never)
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(arrived); <-never }), time.Millisecond)
	}()
	go func() {
		if r, err := http.Get("http://" + l.Addr().String()); err == nil {
			r.Body.Close()
		}
	}()
	<-arrived
	end()
	if err := <-ended; err == nil {
		t.Error("it ended as if all requests had")
	}
}
