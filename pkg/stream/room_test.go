package stream_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// neverTrims says that it trimmed, and did not: as a store that lost its mind.
type neverTrims struct{ stream.Driver }

func (d neverTrims) Trim(ctx context.Context, name string, _ *stream.Head, _ stream.Offset, _ stream.Limits) (*stream.Head, error) {
	return d.Head(ctx, name, stream.Strong)
}

// An append that makes room in vain gives up in time; it does not hold its lane
// for ever.
func TestRoomIsNotMadeForEver(t *testing.T) {
	l := stream.DefaultLimits()
	l.BufferCount, l.FlushCount = 1, 1
	l.WriteTimeout = 20 * time.Millisecond
	log, s := open(t, l)
	create(t, log)
	put(t, log, text("a"))
	broken, err := stream.New(neverTrims{s}, stream.Options{Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := broken.Append(t.Context(), name, text("b")); !errors.Is(err, stream.ErrUnavailable) {
		t.Errorf("%+v, %v", r, err)
	}
	put(t, log, text("b"))
	if got := content(t, log); got != "ab" {
		t.Errorf("content %q", got)
	}
}
