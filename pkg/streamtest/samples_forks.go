package streamtest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// mustSource stores a stream with a record, from which others can be forked.
func mustSource(t *testing.T, d stream.Driver, name string) *stream.Head {
	t.Helper()
	mustCreate(t, d, name, openHead())
	h, ok := commit(t, d, name, batch(plain("inherited")), roomy())
	if !ok {
		t.Fatal("a plain append was refused")
	}
	return h
}

// forkHead is the head of a new fork that parts from a life at some place, as a log makes
// it.
func forkHead(source stream.Life, at stream.Offset) *stream.Head {
	h := openHead()
	h.Origin = &stream.Origin{Source: source, At: at, Anchor: at}
	h.Tail, h.Sealed, h.Compacted, h.SegmentSize = at, true, at.Segment+1, int(at.Position)
	h.Recent[0].Tail = at
	return h
}

// lineageOf is what a fork inherits of a stream that is no fork.
func lineageOf(h *stream.Head) *stream.Lineage {
	return &stream.Lineage{Source: h.Origin.Source, Ranges: []stream.Inherited{{Life: h.Origin.Source, To: h.Origin.At}}}
}

// mustFork forks a stream at its tail, checks what is stored of the two, and returns the
// heads of the source and of the fork after it.
func mustFork(t *testing.T, d stream.Driver, source string, from *stream.Head, name string) (after, fork *stream.Head) {
	t.Helper()
	fork = forkHead(from.Life(source), from.Tail)
	must(t, d.Fork(t.Context(), name, fork, nil, lineageOf(fork), sampleTime))
	after, ok := stream.Forked(from, from.Life(source), sampleTime)
	if !ok {
		t.Fatal("a stream was forked although the rule refuses it")
	}
	wantStored(t, d, source, after)
	wantStored(t, d, name, fork)
	wantLineage(t, d, fork.Life(name), lineageOf(fork))
	return after, fork
}

// wantLineage fails unless a lineage is as wanted; nil means that there is none.
func wantLineage(t *testing.T, d stream.Driver, life stream.Life, want *stream.Lineage) {
	t.Helper()
	got, err := d.Lineage(t.Context(), life)
	must(t, err)
	switch {
	case got == nil || want == nil:
		if got != want {
			t.Fatalf("the lineage of %v is %+v, want %+v", life, got, want)
		}
	case got.Source != want.Source || !slices.Equal(got.Ranges, want.Ranges):
		for i := range min(len(got.Ranges), len(want.Ranges)) {
			if got.Ranges[i] != want.Ranges[i] {
				t.Fatalf("range %d of the lineage of %v is %+v, want %+v", i, life, got.Ranges[i], want.Ranges[i])
			}
		}
		t.Fatalf("the lineage of %v is of %+v, with %d ranges; want %+v, with %d", life, got.Source, len(got.Ranges), want.Source, len(want.Ranges))
	}
}

// wantForks fails unless exactly these forks are noted of a life.
func wantForks(t *testing.T, d stream.Driver, source stream.Life, want ...stream.Life) {
	t.Helper()
	sortForks(want)
	if got := allForks(t, d, source, stream.Life{}, 1000); !slices.Equal(got, want) {
		t.Fatalf("of %v the forks %v are noted, want %v", source, got, want)
	}
}

func sortForks(forks []stream.Life) {
	slices.SortFunc(forks, func(a, b stream.Life) int { return bytes.Compare(a.Incarnation[:], b.Incarnation[:]) })
}

// allForks lists forks in steps of max.
func allForks(t *testing.T, d stream.Driver, source, after stream.Life, max int) (all []stream.Life) {
	t.Helper()
	for {
		got, err := d.Forks(t.Context(), source, after, max)
		must(t, err)
		if len(got) > max {
			t.Fatalf("Forks returned %d, at most %d were asked for", len(got), max)
		}
		for _, fork := range got {
			if bytes.Compare(fork.Incarnation[:], after.Incarnation[:]) <= 0 {
				t.Fatalf("Forks returned %v after %v", fork, after)
			}
			after = fork
		}
		all = append(all, got...)
		if len(got) < max {
			return all
		}
	}
}

// wantSourceGone fails unless err says that a source may not be forked, and shows the
// head that is stored of it; and unless nothing is left of the fork.
func wantSourceGone(t *testing.T, d stream.Driver, err error, name string, fork, stored *stream.Head) {
	t.Helper()
	var gone *stream.SourceError
	if !errors.As(err, &gone) {
		t.Fatalf("got %v, want that the source is gone", err)
	}
	if refused, _ := refusal(err); refused != nil || errors.Is(err, stream.ErrNotApplied) {
		t.Fatalf("%v says two things", err)
	}
	if diff := diffHeads(gone.Head, stored); diff != "" {
		t.Fatalf("the source's head in the error:\n%s", diff)
	}
	wantNoFork(t, d, name, fork)
	wantStored(t, d, fork.Origin.Source.Name, stored)
}

// wantNoFork fails if anything of a fork is stored.
func wantNoFork(t *testing.T, d stream.Driver, name string, fork *stream.Head) {
	t.Helper()
	life := fork.Life(name)
	if h, err := d.Head(t.Context(), name, stream.Strong); err == nil && h.Incarnation == fork.Incarnation {
		t.Fatalf("the head of a fork is stored that had no effect: %+v", h)
	}
	wantLineage(t, d, life, nil)
	if noted := allForks(t, d, fork.Origin.Source, stream.Life{}, 1000); slices.Contains(noted, life) {
		t.Fatal("a fork is noted that had no effect")
	}
}

// wantCounted fails unless a stored head counts the forks that are noted of it, and
// returns them.
func wantCounted(t *testing.T, d stream.Driver, name string) (*stream.Head, []stream.Life) {
	t.Helper()
	h, err := d.Head(t.Context(), name, stream.Strong)
	must(t, err)
	noted := allForks(t, d, h.Life(name), stream.Life{}, 1000)
	if h.Forks != len(noted) {
		t.Fatalf("the head of %q counts %d forks, and %d are noted", name, h.Forks, len(noted))
	}
	return h, noted
}

// deepLineage is the largest lineage that there can be.
func deepLineage(source stream.Life) *stream.Lineage {
	const deepest = 100
	l := &stream.Lineage{Source: source}
	for n := range deepest {
		name := fmt.Sprintf("%03d/ü\x00%s", n, bytes.Repeat([]byte{'a' + byte(n%26)}, stream.MaxName))
		l.Ranges = append(l.Ranges, stream.Inherited{
			Life: stream.Life{Name: name[:stream.MaxName], Incarnation: newIncarnation()},
			To:   stream.Offset{Segment: 1<<40 + uint64(n), Position: 1<<42 - uint64(n)},
		})
	}
	return l
}
