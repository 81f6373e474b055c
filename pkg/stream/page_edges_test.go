package stream_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A page that ends inside a record may stay below its size, so as not to cut a
// character. It is full nevertheless: it must not go on with what follows.
func TestPageCutBelowItsSize(t *testing.T) {
	l := stream.DefaultLimits()
	l.PageSize = 8
	log, _ := open(t, l)
	create(t, log)
	for _, record := range []string{"ab", "ü✓ü✓ü✓ü✓", "cd", "✓✓✓", "e"} {
		put(t, log, text(record))
	}
	if got, want := content(t, log), "abü✓ü✓ü✓ü✓cd✓✓✓e"; got != want {
		t.Errorf("content %q, want %q", got, want)
	}
}

// A page that is full where a segment ends goes on at that end: its token, and not
// that of the next segment's start, is the one of the place.
func TestPageEndsWithItsSegment(t *testing.T) {
	l := stream.DefaultLimits()
	l.SegmentCount, l.PageSize = 1, 4
	log, _ := open(t, l)
	create(t, log)
	put(t, log, text("one"))
	put(t, log, text("two"))
	p, err := log.Read(t.Context(), name, stream.Start())
	if err != nil || p.Next != at(0, 3) {
		t.Errorf("the page leads to %v, %v", p.Next, err)
	}
}

// discarding has lost the first chunks of a deleted stream already.
type discarding struct {
	stream.Driver
	old *stream.Head
}

func (d discarding) Head(context.Context, string, stream.Consistency) (*stream.Head, error) {
	return d.old, nil
}

func (d discarding) Chunks(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Chunk, error) {
	if after.Before(d.old.Tail) {
		after = d.old.Tail
	}
	return d.Driver.Chunks(ctx, life, after, max)
}

// A reader that still has an old head, while the stream is deleted and discarded,
// may find only chunks beyond the tail it knows. It must not look for ever.
func TestPageOfADiscardedStream(t *testing.T) {
	l := stream.DefaultLimits()
	l.FlushCount = 1
	log, s := open(t, l)
	create(t, log)
	var old *stream.Head
	for _, record := range []string{"a", "b", "c"} {
		put(t, log, text(record))
		if err := log.Flush(t.Context(), name, stream.Appended{}); err != nil {
			t.Fatal(err)
		}
		if record == "b" {
			old = stored(t, s, l)
		}
	}
	reader, err := stream.New(discarding{s, old}, stream.Options{Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := reader.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrUnavailable) || !strings.Contains(err.Error(), "gap") {
		t.Errorf("%+v, %v", p, err)
	}
}
