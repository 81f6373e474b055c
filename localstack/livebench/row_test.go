package main

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// serve serves in this process.
func serve(t *testing.T) *server {
	log, err := stream.New(memory.New(), stream.Options{Limits: stream.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := protocol.New(log, protocol.Config{})
	if err != nil {
		t.Fatal(err)
	}
	http := httptest.NewServer(handler)
	t.Cleanup(http.Close)
	t.Cleanup(handler.Shutdown)
	return &server{addr: http.Listener.Addr().String(), url: http.URL + path}
}

// Every reader gets every message, or the row fails.
func TestRow(t *testing.T) {
	for _, mode := range []string{"sse", "long-poll"} {
		b := &board{began: time.Now(), readers: 20}
		s := serve(t)
		offset, err := create(t.Context(), s.url)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for i := range b.readers {
			go func() {
				if err := follow(ctx, b, s.addr, mode, offset, i); err != nil && ctx.Err() == nil {
					t.Errorf("%s: %v", mode, err)
				}
			}()
		}
		if err := b.append(ctx, s.url, "warm"); err != nil {
			t.Fatal(err)
		}
		if err := b.arrive(ctx, 0); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := b.append(ctx, s.url, "1"); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.arrive(ctx, 3); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

func TestTable(t *testing.T) {
	var out strings.Builder
	tb := &table{w: &out}
	tb.row(result{
		mode: "sse", readers: 2, delays: []time.Duration{time.Millisecond, 3 * time.Millisecond, 2 * time.Millisecond},
		appends: []time.Duration{time.Millisecond}, before: footprint{rss: 1024}, with: footprint{rss: 5120}, seconds: 1, cpu: 8 * time.Microsecond,
	})
	if want := "| 2 | sse | 1.0 | 2.00 | 3.00 | 3.00 | 1.00 | 2.0 | n/a | n/a | n/a | 4.0 | n/a | n/a | 0 |\n"; out.String() != want {
		t.Errorf("got  %swant %s", out.String(), want)
	}
}
