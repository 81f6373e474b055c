package stream_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// name is the stream that most tests use.
const name = "a/stream"

// A fault is what happens to one driver call instead of its success.
type fault int

const (
	fine       fault = iota
	notApplied       // no effect, and the caller is told so
	lost             // no effect, and the caller learns nothing
	applied          // it happens, and the caller learns nothing
	late             // it happens when the test calls store.arrive; the caller learns nothing
	again            // it happens, and once more when the test calls store.arrive
	rejected         // no effect, and the caller is told not to try again
)

// errTimeout is a failure that tells nothing of the outcome.
var errTimeout = errors.New("timeout")

// store is a memory driver that records its calls and can fail them, and so are the
// objects that belong to it.
type store struct {
	*memory.Store
	objects memory.Objects

	mu      sync.Mutex
	calls   []call
	delayed []func()
	// before runs before each call, without a lock held, and decides its fault;
	// after runs once the call was carried out.
	before func(op string) fault
	after  func(op string)
}

type call struct {
	op string
	at time.Time
}

func newStore() *store { return &store{Store: memory.New()} }

// do carries out one call, unless it is to fail.
func (s *store) do(op string, apply func() error) error {
	s.mu.Lock()
	s.calls = append(s.calls, call{op, time.Now()})
	before, after := s.before, s.after
	s.mu.Unlock()
	what := fine
	if before != nil {
		what = before(op)
	}
	if after != nil {
		defer after(op)
	}
	switch what {
	case notApplied:
		return fmt.Errorf("throttled: %w", stream.ErrNotApplied)
	case rejected:
		return fmt.Errorf("no such table: %w", stream.ErrRejected)
	case lost:
		return errTimeout
	case applied:
		apply()
		return errTimeout
	case late, again:
		s.mu.Lock()
		s.delayed = append(s.delayed, func() { apply() })
		s.mu.Unlock()
		if what == late {
			return errTimeout
		}
	}
	return apply()
}

// arrive carries out the calls that were late.
func (s *store) arrive() {
	s.mu.Lock()
	delayed := s.delayed
	s.delayed = nil
	s.mu.Unlock()
	for _, apply := range delayed {
		apply()
	}
}

// faults fails the next calls of one operation in this order, and no others.
func (s *store) faults(op string, faults ...fault) {
	var mu sync.Mutex
	s.hook(func(called string) fault {
		mu.Lock()
		defer mu.Unlock()
		if called != op || len(faults) == 0 {
			return fine
		}
		next := faults[0]
		faults = faults[1:]
		return next
	})
}

func (s *store) hook(before func(op string) fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

// hold blocks the next call of an operation until release is called.
func (s *store) hold(op string) (release func()) {
	gate := make(chan struct{})
	var once sync.Once
	s.hook(func(called string) fault {
		if called == op {
			once.Do(func() { <-gate })
		}
		return fine
	})
	return func() { close(gate) }
}

// took returns the operations called since it was called last.
func (s *store) took() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ops := make([]string, len(s.calls))
	for i, c := range s.calls {
		ops[i] = c.op
	}
	s.calls = nil
	return strings.Join(ops, " ")
}

// times returns when an operation was called since took was called last.
func (s *store) times(op string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var at []time.Time
	for _, c := range s.calls {
		if c.op == op {
			at = append(at, c.at)
		}
	}
	return at
}

// tight are limits small enough to reach in a test.
func tight() stream.Limits {
	l := stream.DefaultLimits()
	l.FlushCount, l.BufferCount = 64, 64
	return l
}

// open returns a log on a new store.
func open(t testing.TB, l stream.Limits) (*stream.Log, *store) {
	t.Helper()
	s := newStore()
	return join(t, s, l, stream.Poll{}), s
}

// join returns one more log on a store, as another process has it.
func join(t testing.TB, s *store, l stream.Limits, p stream.Poll) *stream.Log {
	t.Helper()
	log, err := stream.New(s, stream.Options{Limits: l, Poll: p})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// text returns an append of one record to a text stream, and of none for "".
func text(record string, with ...func(*stream.Append)) *stream.Append {
	return request("text/plain", []string{record}, with...)
}

// messages returns an append to a JSON stream.
func messages(all ...string) *stream.Append { return request("application/json", all) }

func request(contentType string, all []string, with ...func(*stream.Append)) *stream.Append {
	a := &stream.Append{ContentType: contentType, Records: records(all...)}
	for _, w := range with {
		w(a)
	}
	return a
}

func records(all ...string) stream.Records {
	var r stream.Records
	for _, record := range all {
		if record != "" {
			r.Add([]byte(record))
		}
	}
	return r
}

// by makes an append one of an idempotent producer.
func by(id string, epoch, seq uint64) func(*stream.Append) {
	return func(a *stream.Append) {
		a.Producer = &stream.ProducerTag{ID: id, Producer: stream.Producer{Epoch: epoch, Seq: seq}}
	}
}

// closing makes an append close the stream.
func closing(a *stream.Append) { a.Close = true }

// seq gives an append a Stream-Seq.
func seq(s string) func(*stream.Append) { return func(a *stream.Append) { a.Seq = s } }

// create creates the stream, of text unless a config is given.
func create(t testing.TB, l *stream.Log, c ...stream.Create) *stream.Head {
	t.Helper()
	req := stream.Create{Config: stream.Config{ContentType: "text/plain"}}
	if len(c) > 0 {
		req = c[0]
		if req.ContentType == "" {
			req.ContentType = "text/plain"
		}
	}
	h, created, err := l.Create(t.Context(), name, &req)
	if err != nil || !created {
		t.Fatalf("Create: created %v, %v", created, err)
	}
	return h
}

// put appends and expects success.
func put(t testing.TB, l *stream.Log, a *stream.Append) stream.Appended {
	t.Helper()
	r, err := l.Append(t.Context(), name, a)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	return r
}

// content reads the whole stream.
func content(t testing.TB, l *stream.Log) string {
	t.Helper()
	s, _ := readFrom(t, l, stream.Start())
	return strings.Join(s, "")
}

// readFrom reads page by page to the tail, and returns the records and the end.
func readFrom(t testing.TB, l *stream.Log, from stream.Position) (all []string, end stream.Offset) {
	t.Helper()
	for {
		p, err := l.Read(t.Context(), name, from)
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		n := len(all)
		all = append(all, pageRecords(t, p)...)
		if p.UpToDate() {
			return all, p.Next
		}
		if len(all) == n {
			t.Fatalf("empty page at %v before the tail %v", p.From, p.Head.Tail)
		}
		from = stream.At(p.Next)
	}
}

// pageRecords returns a page's records after checking its measures.
func pageRecords(t testing.TB, p *stream.Page) []string {
	t.Helper()
	var all []string
	size := 0
	for r := range p.Records() {
		all = append(all, string(r))
		size += len(r)
	}
	if len(all) != p.Count || size != p.Size {
		t.Fatalf("page says %d records of %d bytes, has %d of %d", p.Count, p.Size, len(all), size)
	}
	return all
}

// stored returns the stored head after checking its invariants.
func stored(t testing.TB, s *store, l stream.Limits) *stream.Head {
	t.Helper()
	h, err := s.Store.Head(t.Context(), name, stream.Strong)
	if err != nil {
		t.Fatal(err)
	}
	if err := invariants(h, l); err != nil {
		t.Fatal(err)
	}
	return h
}

// invariants checks what head.go promises of every head.
func invariants(h *stream.Head, l stream.Limits) error {
	at, size := h.BufferFrom(), 0
	for i, e := range h.Buffer {
		first := e.From
		if e.To.Segment != e.From.Segment {
			first = stream.Offset{Segment: e.From.Segment + 1}
		}
		advance := uint64(e.Size)
		if h.Unit() == stream.Messages {
			advance = uint64(e.Count)
		}
		count, bytes := 0, 0
		for r, err := range e.Frames.Records() {
			if err != nil {
				return err
			}
			count++
			bytes += len(r)
		}
		switch {
		case e.From != at:
			return fmt.Errorf("entry %d begins at %v, the one before it ends at %v", i, e.From, at)
		case e.To != stream.Offset{Segment: first.Segment, Position: first.Position + advance}:
			return fmt.Errorf("entry %d of %d units: %v to %v", i, advance, e.From, e.To)
		case e.Staged == stream.StagedID{} && (count != e.Count || bytes != e.Size):
			return fmt.Errorf("entry %d says %d records of %d bytes, has %d of %d", i, e.Count, e.Size, count, bytes)
		case e.Staged != stream.StagedID{} && len(e.Frames) > 0:
			return fmt.Errorf("entry %d is staged and has frames", i)
		}
		at = e.To
		size += len(e.Frames)
	}
	last := len(h.Recent) - 1
	switch {
	case at != h.Tail:
		return fmt.Errorf("buffer ends at %v, tail is %v", at, h.Tail)
	case size != h.BufferSize:
		return fmt.Errorf("BufferSize is %d, frames have %d", h.BufferSize, size)
	case len(h.Buffer) == 0 && (last < 0 || h.Recent[last].Tail != h.Tail), len(h.Buffer) > 0 && h.Buffer[len(h.Buffer)-1].Commit == 0:
		return fmt.Errorf("what is remembered, %v and of %d entries, does not end at the tail %v", h.Recent, len(h.Buffer), h.Tail)
	case len(h.Recent) > l.Remember+1 || uint64(h.Remembered()) > h.Commits:
		return fmt.Errorf("%d marks of %d commits, %d allowed", len(h.Recent), h.Commits, l.Remember)
	case h.Forgotten.IsZero() != (uint64(h.Remembered()) == h.Commits):
		return fmt.Errorf("%d of %d commits are remembered, but those made up to %v forgotten", h.Remembered(), h.Commits, h.Forgotten)
	case h.Version < h.Commits:
		return fmt.Errorf("version %d after %d commits", h.Version, h.Commits)
	case h.Unit() == stream.Bytes && h.Tail.Position != uint64(h.SegmentSize):
		return fmt.Errorf("segment of %d bytes ends at %v", h.SegmentSize, h.Tail)
	case h.Unit() == stream.Messages && h.Tail.Position != uint64(h.SegmentCount):
		return fmt.Errorf("segment of %d messages ends at %v", h.SegmentCount, h.Tail)
	case slices.ContainsFunc(h.Recent, func(m stream.CommitMark) bool { return m.ID == 0 }):
		return errors.New("a commit has no id")
	}
	return nil
}

// splitRecords cuts "<a><b>" into its records.
func splitRecords(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == '<' || r == '>' })
}

// dump writes out a head, to be compared with another state of it.
func dump(h *stream.Head) string { return fmt.Sprintf("%+v", *h) }
