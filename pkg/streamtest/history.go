package streamtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// History is what clients did to one stream and what they were told. Its check
// compares that with what the stream holds, at any length. (That each answer is right in the order
// of all of them, localstack/linear checks, of short histories.) It is safe for concurrent use.
type History struct {
	mu     sync.Mutex
	clock  int64
	writes []*Write
}

// Write is one append, perhaps attempted several times.
type Write struct {
	// ID is unique in the history: who wrote it, and which of his it is.
	ID    string
	words []string
	// start is when the first attempt began, and end when the write was
	// acknowledged, by the history's clock.
	start, end int64
	outcome    outcome
	// from and tail are where the records are; only known says so.
	known      bool
	from, tail stream.Offset
}

type outcome int

const (
	// inDoubt: the write may have happened, once.
	inDoubt outcome = iota
	// applied: the client was told that it happened.
	applied
	// failed: the client was told that it did not happen.
	failed
)

// Begin starts a write of some records. Each record is unique, and is a JSON
// string, so that records can be told apart in a byte stream too. Pad is the
// length of the filling of each record.
func (h *History) Begin(writer string, number, count, pad int) *Write {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	w := &Write{ID: fmt.Sprintf("%s.%d", writer, number), start: h.clock}
	for i := range count {
		w.words = append(w.words, fmt.Sprintf(`"%s.%d%s"`, w.ID, i, strings.Repeat("ü", pad/2)))
	}
	h.writes = append(h.writes, w)
	return w
}

// Records are what the write appends.
func (w *Write) Records() stream.Records { return records(w.words...) }

// Acknowledge notes that a client was told of success. For a duplicate it was not
// told where the records are.
func (h *History) Acknowledge(w *Write, r stream.Appended, u stream.Unit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	w.end, w.outcome = h.clock, applied
	if r.Duplicate {
		return
	}
	w.known, w.tail, w.from = true, r.Tail, r.Tail
	if u == stream.Messages {
		w.from.Position -= uint64(len(w.words))
	} else {
		w.from.Position -= uint64(len(strings.Join(w.words, "")))
	}
}

// Fail notes an error. Only an unsettled write may have happened, and a write
// that was in doubt once stays so: a later attempt says nothing about it.
func (h *History) Fail(w *Write, err error, doubted bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if doubted || errors.Is(err, stream.ErrUnsettled) {
		w.outcome = inDoubt
	} else {
		w.outcome = failed
	}
}

// Append appends a write once and notes the outcome.
func (h *History) Append(ctx context.Context, l *stream.Log, name string, w *Write, a *stream.Append) (stream.Appended, error) {
	a.Records = w.Records()
	r, err := l.Append(ctx, name, a)
	if err != nil {
		h.Fail(w, err, false)
	} else {
		h.Acknowledge(w, r, stream.Config{ContentType: a.ContentType}.Unit())
	}
	return r, err
}

// until returns the history of a fork that parts at an offset, which must be where some
// write ends. A write that is in doubt may have come before it or after it.
func (h *History) until(at stream.Offset) *History {
	h.mu.Lock()
	defer h.mu.Unlock()
	fork := &History{clock: h.clock}
	for _, w := range h.writes {
		copied := *w
		if w.outcome == applied && !w.known {
			copied.outcome = inDoubt
		}
		if w.outcome != applied || !w.known || !at.Before(w.tail) {
			fork.writes = append(fork.writes, &copied)
		}
	}
	return fork
}

// middle returns an offset at which about half of the writes end that were acknowledged.
func (h *History) middle() stream.Offset {
	h.mu.Lock()
	defer h.mu.Unlock()
	var tails []stream.Offset
	for _, w := range h.writes {
		if w.outcome == applied && w.known {
			tails = append(tails, w.tail)
		}
	}
	if len(tails) == 0 {
		return stream.Offset{}
	}
	slices.SortFunc(tails, stream.Offset.Compare)
	return tails[len(tails)/2]
}

// Check fails the test unless the stream holds what the history demands.
func (h *History) Check(t *testing.T, l *stream.Log, d stream.Driver, o stream.Objects, name string) {
	t.Helper()
	if err := h.Verify(t.Context(), l, d, o, name); err != nil {
		t.Errorf("stream %q: %v", name, err)
	}
}

// Verify checks the data below the log ([fsck.Stream]), reads the stream through
// the log from its start and from every offset that was handed out, and compares
// it with the history: each acknowledged write is there exactly once, as a whole
// and where the client was told; each failed one is not there; one in doubt is
// there at most once; and a write that was acknowledged before another one began
// precedes it.
func (h *History) Verify(ctx context.Context, l *stream.Log, d stream.Driver, o stream.Objects, name string) error {
	report, err := inspect(ctx, d, o, name)
	if err != nil {
		return err
	}
	s, err := scan(ctx, l, name)
	if err != nil {
		return err
	}
	if s.text != report.Text() {
		return fmt.Errorf("reading gives %d bytes, the store holds %d: %s", len(s.text), len(report.Text()), firstDifference(s.text, report.Text()))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.compare(s); err != nil {
		return err
	}
	return s.probe(ctx, l, name)
}

// compare compares the history with the text of the stream, and tells the scan
// which offsets the clients were told.
func (h *History) compare(s *scanned) error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	at := make(map[*Write]int)
	known := 0
	for _, w := range h.writes {
		whole := strings.Join(w.words, "")
		found := strings.Count(s.text, w.words[0])
		switch {
		case found > 1:
			bad("%s is there %d times", w.ID, found)
		case found == 1 && w.outcome == failed:
			bad("%s is there, although the client was told that it failed", w.ID)
		case found == 0 && w.outcome == applied:
			bad("%s was acknowledged, but is not there", w.ID)
		}
		if found == 0 {
			continue
		}
		at[w] = strings.Index(s.text, whole)
		if at[w] < 0 {
			bad("%s is there in parts only", w.ID)
			continue
		}
		known += len(whole)
		if w.known {
			s.expect(w.tail, at[w]+len(whole))
			s.expect(w.from, at[w])
		}
	}
	if known != len(s.text) && len(problems) == 0 {
		bad("the stream has %d bytes, of which only %d are known", len(s.text), known)
	}
	for a, i := range at {
		for b, j := range at {
			if a.outcome == applied && a.end < b.start && i > j {
				bad("%s follows %s, but was acknowledged before that began", a.ID, b.ID)
			}
		}
	}
	return errors.Join(problems...)
}

// firstDifference shows where two texts part.
func firstDifference(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	near := func(s string) string { return s[max(0, i-20):min(len(s), i+40)] }
	return fmt.Sprintf("at byte %d: %q and %q", i, near(a), near(b))
}
