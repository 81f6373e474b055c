package streamtest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// contentTypes are one for each unit of offsets.
var contentTypes = []string{"text/plain", "application/json"}

// logReadEverywhere appends records of all sizes, with flushes in between or not,
// and reads from every offset each time.
func logReadEverywhere(r *rig) {
	ctx := r.Context()
	for _, contentType := range contentTypes {
		for _, flush := range []string{"when due", "never", "behind"} {
			name := contentType + " flushed " + flush
			r.create(name, contentType)
			h := &History{}
			for n := range 24 {
				w := h.Begin("w", n, 1+n%3, n*n%90)
				got, err := h.Append(ctx, r.Log, name, w, &stream.Append{ContentType: contentType})
				must(r.T, err)
				switch {
				case got.FlushDue() && flush == "when due":
					must(r.T, r.Flush(ctx, name, got))
				case flush == "behind" && n%5 == 0:
					must(r.T, r.Flush(ctx, name, stream.Appended{}))
				}
				if n%8 == 7 {
					h.Check(r.T, r.Log, r.driver, r.objects, name)
				}
			}
		}
	}
}

func logBadOffsets(r *rig) {
	r.create("s", "text/plain")
	var tail stream.Offset
	for range 10 {
		tail = r.append("s", plain("some text")).Tail
	}
	beyond := []stream.Offset{
		{Segment: tail.Segment, Position: tail.Position + 1}, {Segment: tail.Segment + 1}, {Segment: 1 << 40, Position: 5},
	}
	for _, o := range beyond {
		if p, err := r.Read(r.Context(), "s", stream.At(o)); !errors.Is(err, stream.ErrBadOffset) {
			r.Errorf("a read at %v, beyond %v: %+v, %v", o, tail, p, err)
		}
	}
	if tail.Segment > 0 {
		// Between the segments: no stream hands this out.
		o := stream.Offset{Position: 9999}
		if p, err := r.Read(r.Context(), "s", stream.At(o)); !errors.Is(err, stream.ErrBadOffset) {
			r.Errorf("a read at %v, behind the end of the segment: %+v, %v", o, p, err)
		}
	}
	// Every byte of a text stream is a position, whatever was handed out.
	text, _ := r.text("s", stream.Start())
	p, err := r.Read(r.Context(), "s", stream.At(stream.Offset{Position: 4}))
	must(r.T, err)
	if got := pageText(p); !strings.HasPrefix(text[4:], got) || got == "" {
		r.Errorf("from byte 4 the stream is %q", got)
	}
}

// logLongRecords: a record longer than a page, a part and a segment. Bytes are
// cut, though not inside a character; messages stay whole.
func logLongRecords(r *rig) {
	for _, contentType := range contentTypes {
		name := contentType
		r.create(name, contentType)
		h := &History{}
		for n, size := range []int{10, 2000, 10, 10, 5000, 3000, 10} {
			w := h.Begin("w", n, 1, size)
			got, err := h.Append(r.Context(), r.Log, name, w, &stream.Append{ContentType: contentType})
			must(r.T, err)
			if got.FlushDue() && n > 3 {
				must(r.T, r.Flush(r.Context(), name, got))
			}
			h.Check(r.T, r.Log, r.driver, r.objects, name)
		}
		p, err := r.Read(r.Context(), name, stream.Start())
		must(r.T, err)
		if p.Size > r.limits.PageSize && contentType != "application/json" {
			r.Errorf("a page of text has %d bytes, the limit is %d", p.Size, r.limits.PageSize)
		}
	}
}

// logProducers follows the rules of PROTOCOL.md section 5.2.1 for one producer.
func logProducers(r *rig) {
	ctx := r.Context()
	r.create("s", "text/plain")
	accept := func(epoch, seq uint64, text string) {
		r.Helper()
		got := r.append("s", produced("p", epoch, seq, text))
		if got.Duplicate || got.Producer != (stream.Producer{Epoch: epoch, Seq: seq}) {
			r.Fatalf("(%d, %d): %+v", epoch, seq, got)
		}
	}
	duplicate := func(epoch, seq, highest uint64) {
		r.Helper()
		got := r.append("s", produced("p", epoch, seq, "duplicate"))
		if !got.Duplicate || got.Producer != (stream.Producer{Epoch: epoch, Seq: highest}) {
			r.Fatalf("(%d, %d) again: %+v", epoch, seq, got)
		}
	}
	gap := func(epoch, seq, expected uint64) {
		r.Helper()
		_, err := r.Append(ctx, "s", produced("p", epoch, seq, "gap"))
		var gap *stream.GapError
		if !errors.As(err, &gap) || gap.Expected != expected || gap.Received != seq {
			r.Fatalf("(%d, %d): %+v, want a gap after %d", epoch, seq, err, expected)
		}
	}
	fenced := func(epoch, seq, current uint64) {
		r.Helper()
		_, err := r.Append(ctx, "s", produced("p", epoch, seq, "fenced"))
		var fenced *stream.FencedError
		if !errors.As(err, &fenced) || fenced.Epoch != current {
			r.Fatalf("(%d, %d): %+v, want fenced by %d", epoch, seq, err, current)
		}
	}
	gap(0, 1, 0)
	accept(0, 0, "a")
	duplicate(0, 0, 0)
	gap(0, 2, 1)
	accept(0, 1, "b")
	accept(0, 2, "c")
	duplicate(0, 0, 2)
	r.fails("s", produced("p", 1, 1, "x"), stream.ErrEpochStart)
	accept(1, 0, "d")
	fenced(0, 3, 1)
	fenced(0, 0, 1)
	gap(1, 2, 1)
	accept(7, 0, "e")
	accept(7, 1, "f")
	fenced(1, 1, 7)
	// A producer that is new may start in any epoch.
	if got := r.append("s", produced("q", 9, 0, "g")); got.Duplicate {
		r.Errorf("a new producer in epoch 9: %+v", got)
	}
	if text, _ := r.text("s", stream.Start()); text != "abcdefg" {
		r.Errorf("the stream is %q", text)
	}
}

// logManyProducers has more producers than the head holds, so that they are
// spilled and come back again and again, and none is forgotten.
func logManyProducers(r *rig) {
	ctx := r.Context()
	const producers, rounds = 9, 6
	r.create("s", "text/plain")
	h := &History{}
	for round := range uint64(rounds) {
		for i := range producers {
			id := fmt.Sprint("p", (i*4+int(round))%producers)
			if round > 0 {
				if got := r.append("s", produced(id, 0, round-1, "again")); !got.Duplicate || got.Producer.Seq != round-1 {
					r.Fatalf("%s repeats request %d: %+v", id, round-1, got)
				}
			}
			_, err := r.Append(ctx, "s", produced(id, 0, round+1, "gap"))
			var gap *stream.GapError
			if !errors.As(err, &gap) || gap.Expected != round {
				r.Fatalf("%s skips request %d: %v", id, round, err)
			}
			w := h.Begin(id, int(round), 1, i*5)
			got, err := h.Append(ctx, r.Log, "s", w, produced(id, 0, round))
			must(r.T, err)
			if got.Duplicate {
				r.Fatalf("%s, request %d: %+v", id, round, got)
			}
			if i%3 == 0 {
				must(r.T, r.Flush(ctx, "s", stream.Appended{}))
			}
		}
	}
	// New epochs of producers that may be spilled.
	for i := range producers {
		id := fmt.Sprint("p", i)
		r.fails("s", produced(id, 3, 1, "x"), stream.ErrEpochStart)
		_, err := h.Append(ctx, r.Log, "s", h.Begin(id, 100, 2, 1), produced(id, 3, 0))
		must(r.T, err)
		var fenced *stream.FencedError
		if _, err := r.Append(ctx, "s", produced(id, 0, rounds, "x")); !errors.As(err, &fenced) || fenced.Epoch != 3 {
			r.Fatalf("the old epoch of %s: %v", id, err)
		}
	}
	// Each of them is counted once, so a log that bounds them takes no other one.
	head, err := r.Log.Head(ctx, "s")
	must(r.T, err)
	if n := len(head.Producers) + head.SpilledCount; n != producers {
		r.Errorf("the head knows of %d producers, want %d", n, producers)
	}
	few := *r
	few.limits.Producers, few.limits.KnownProducers = min(r.limits.Producers, producers), producers
	bounded := few.another()
	bounded.fails("s", produced("one more", 0, 0, "x"), stream.ErrManyProducers)
	for i := range producers {
		_, err := h.Append(ctx, bounded.Log, "s", h.Begin(fmt.Sprint("p", i), 101, 1, 1), produced(fmt.Sprint("p", i), 3, 1))
		must(r.T, err)
	}
	bounded.fails("s", produced("one more", 0, 0, "x"), stream.ErrManyProducers)
	h.Check(r.T, r.Log, r.driver, r.objects, "s")
}
