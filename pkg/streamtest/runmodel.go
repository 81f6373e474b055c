package streamtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"pgregory.net/rapid"
)

// RunModel does random sequences of operations on two logs over one driver, with
// random limits, and compares every outcome and the data after every step with the
// model. The flag -rapid.checks sets how many.
func RunModel(t *testing.T, open func(t *testing.T) (stream.Driver, stream.Objects)) {
	d, o := open(t)
	var runs atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		run := runs.Add(1)
		if isSlow(d) && run > slowRuns {
			return
		}
		m := newMachine(t.Context(), rt, d, o, fmt.Sprint("model ", run))
		rt.Repeat(map[string]func(*rapid.T){
			"":         m.check,
			"create":   m.create,
			"append":   m.append,
			"append2":  m.append, // more often than the others
			"producer": m.producer,
			"repeat":   m.repeat,
			"close":    m.close,
			"delete":   m.delete,
			"advance":  m.advance,
			"flush":    m.flush,
			"compact":  m.compact,
			"expire":   m.expire,
			"sweep":    m.sweep,
			"collect":  m.collect,
			"read":     m.read,
			"readAt":   m.readAt,
			"beyond":   m.readBeyond,
		})
		m.end(rt)
	})
}

// machine runs operations on the logs and on the models.
type machine struct {
	context.Context
	driver  *Lazy
	objects stream.Objects
	logs    []*stream.Log
	clock   *Clock
	prefix  string
	streams []*modelled
	written int
}

// modelled is a name with its model and the offsets it has handed out.
type modelled struct {
	name string
	model
	places  map[stream.Offset]int
	offsets []stream.Offset
	// last is the last request of a producer.
	last modelRequest
}

func newMachine(ctx context.Context, rt *rapid.T, d stream.Driver, o stream.Objects, prefix string) *machine {
	between := func(low, high int, name string) int { return rapid.IntRange(low, high).Draw(rt, name) }
	l := Tiny()
	l.SegmentCount, l.SegmentSize = between(1, 6, "SegmentCount"), between(1, 400, "SegmentSize")
	l.BufferSize, l.BufferCount = between(1, 400, "BufferSize"), between(1, 8, "BufferCount")
	l.FlushSize, l.FlushCount = between(1, l.BufferSize, "FlushSize"), between(1, l.BufferCount, "FlushCount")
	l.StageSize, l.PartSize = between(1, l.BufferSize, "StageSize"), between(4, 100, "PartSize")
	l.ObjectSize = between(0, 60, "ObjectSize")
	// A page of less than four bytes could not but cut characters.
	l.PageSize, l.Producers, l.Remember = between(4, 100, "PageSize"), between(1, 4, "Producers"), between(1, 8, "Remember")
	m := &machine{Context: ctx, driver: NewLazy(d), objects: o, clock: NewClock(), prefix: prefix}
	for range 2 {
		log, err := stream.New(m.driver, stream.Options{Objects: o, Limits: l, Now: m.clock.Now})
		if err != nil {
			rt.Fatal(err)
		}
		m.logs = append(m.logs, log)
	}
	for _, name := range []string{prefix + "/a", prefix + "/a/b"} {
		m.streams = append(m.streams, &modelled{name: name, places: make(map[stream.Offset]int)})
	}
	return m
}

// pick draws a stream and a log. Whether a stream is over that may, but need not
// be, the log decides.
func (m *machine) pick(rt *rapid.T) (*modelled, *stream.Log) {
	s := m.streams[rapid.IntRange(0, len(m.streams)-1).Draw(rt, "stream")]
	log := m.logs[rapid.IntRange(0, len(m.logs)-1).Draw(rt, "log")]
	m.observe(rt, s)
	return s, log
}

func (m *machine) observe(rt *rapid.T, s *modelled) (alive bool) {
	alive, known := s.life(m.clock.Now())
	_, err := m.logs[0].Head(m.Context, s.name)
	if err != nil && !errors.Is(err, stream.ErrNotFound) {
		rt.Fatal(err)
	}
	if known && alive != (err == nil) {
		rt.Fatalf("stream %s is alive: %v; the log says %v", s.name, alive, err)
	}
	switch {
	case err != nil:
		s.forget()
	case !known:
		// It lives now; of the next millisecond nothing is known.
		s.used = m.clock.Now().Add(time.Millisecond - s.ttl)
	}
	return err == nil
}

// forget drops a stream that is over.
func (s *modelled) forget() {
	*s = modelled{name: s.name, places: make(map[stream.Offset]int)}
}

// mark notes an offset that was handed out.
func (s *modelled) mark(rt *rapid.T, o stream.Offset, place int) {
	if known, ok := s.places[o]; ok && known != place {
		rt.Fatalf("offset %v was handed out for %d and for %d", o, known, place)
	} else if !ok {
		s.offsets = append(s.offsets, o)
	}
	s.places[o] = place
}

// words draws the records of an append; each has a number of its own.
func (m *machine) words(rt *rapid.T, low, high int) (words []string) {
	for range rapid.IntRange(low, high).Draw(rt, "records") {
		m.written++
		pad := rapid.IntRange(0, 120).Draw(rt, "padding")
		words = append(words, fmt.Sprintf(`"%d%s"`, m.written, strings.Repeat("é", pad/2)))
	}
	return words
}

// compare fails unless the log did what the model says.
func compare(rt *rapid.T, what string, got, want string) {
	if got != want {
		rt.Fatalf("%s: the log says %q, the model %q", what, got, want)
	}
}

// check compares the stored data with the models, without using the streams.
func (m *machine) check(rt *rapid.T) {
	for _, s := range m.streams {
		if !m.observe(rt, s) {
			continue
		}
		report, err := inspect(m.Context, m.driver, m.objects, s.name)
		if err != nil {
			rt.Fatal(err)
		}
		compare(rt, "content of "+s.name, report.Text(), s.from(0))
		compare(rt, "closed", fmt.Sprint(report.Head.Closed), fmt.Sprint(s.closed))
		s.mark(rt, report.Head.Tail, s.length())
	}
}

func (m *machine) advance(rt *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 10 * time.Second, 59 * time.Second, time.Minute, 63 * time.Second, time.Hour}).Draw(rt, "by")
	m.clock.Advance(d)
}
