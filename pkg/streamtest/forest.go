package streamtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"pgregory.net/rapid"
)

// RunForest grows random trees of forks, with appends, closures, deletions, expiry, and
// all that runs in the background, and compares them after every step with a model that
// copies what a fork inherits. In the end nothing of them may be left: no record, no
// object, no count. The flag -rapid.checks sets how many.
func RunForest(t *testing.T, open func(t *testing.T) (stream.Driver, stream.Objects)) {
	d, o := open(t)
	var runs atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		run := runs.Add(1)
		if isSlow(d) && run > slowRuns {
			return
		}
		f := &forest{machine: newMachine(t.Context(), rt, d, o, fmt.Sprint("forest ", run)), trees: make(map[string]*tree)}
		f.streams = nil
		for n := range forestNames {
			f.names = append(f.names, fmt.Sprintf("%s/%d", f.prefix, n))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"":        f.check,
			"create":  f.create,
			"fork":    f.fork,
			"fork2":   f.fork, // more often than the others
			"append":  f.append,
			"append2": f.append,
			"close":   f.close,
			"delete":  f.delete,
			"advance": f.advance,
			"flush":   func(rt *rapid.T) { f.must(rt, f.log(rt).Flush(f.Context, f.name(rt), stream.Appended{})) },
			"compact": func(rt *rapid.T) { _, err := f.log(rt).Compact(f.Context, f.name(rt)); f.must(rt, err) },
			"expire":  f.expire,
			"collect": f.collect,
			"sweep":   f.sweepAll,
		})
		f.fell(rt)
	})
}

// forestNames is how many names there are.
const forestNames = 6

// forest is the streams of a run and their models.
type forest struct {
	*machine
	names []string
	// trees are the streams that hold their names.
	trees   map[string]*tree
	written int
}

// tree is a stream, or what is left of one as long as forks need it.
type tree struct {
	name, contentType string
	// units are messages, or the bytes of a text.
	units  []string
	marks  []forestMark
	closed bool
	// kept says that it is gone, but its forks need it; forks counts them.
	kept    bool
	forks   int
	parent  *tree
	expires time.Time
}

// forestMark is an offset that was handed out, and how many units precede it.
type forestMark struct {
	offset stream.Offset
	units  int
}

func (s *tree) text() string { return strings.Join(s.units, "") }

func (s *tree) mark(rt *rapid.T, o stream.Offset, units int) {
	for _, m := range s.marks {
		if m.offset == o && m.units != units {
			rt.Fatalf("%s: offset %v was handed out after %d units, and after %d", s.name, o, m.units, units)
		}
	}
	s.marks = append(s.marks, forestMark{o, units})
}

func (f *forest) must(rt *rapid.T, err error) {
	if err != nil {
		rt.Fatal(err)
	}
}

func (f *forest) name(rt *rapid.T) string { return rapid.SampledFrom(f.names).Draw(rt, "name") }

func (f *forest) log(rt *rapid.T) *stream.Log { return rapid.SampledFrom(f.logs).Draw(rt, "log") }

// words are some units of a stream, and the records that bring them.
func (f *forest) words(rt *rapid.T, s *tree, most int) (units []string, r stream.Records) {
	for range rapid.IntRange(0, most).Draw(rt, "words") {
		f.written++
		word := fmt.Sprintf(`"%d%s"`, f.written, strings.Repeat("x", rapid.IntRange(0, 40).Draw(rt, "pad")))
		r.Add([]byte(word))
		if s.contentType == "application/json" {
			units = append(units, word)
		} else {
			units = append(units, strings.Split(word, "")...)
		}
	}
	return units, r
}

// want compares how an operation failed with what the model says.
func (f *forest) want(rt *rapid.T, what string, got, want error) {
	var closed *stream.ClosedError
	if want == nil && got == nil || want != nil && errors.Is(got, want) || errors.As(want, &closed) && errors.As(got, &closed) {
		return
	}
	rt.Fatalf("%s: %v, want %v", what, got, want)
}

// gone is how requests for a stream fail.
func (f *forest) gone(name string) error {
	switch s := f.trees[name]; {
	case s == nil:
		return stream.ErrNotFound
	case s.kept:
		return stream.ErrGone
	default:
		return nil
	}
}

func (f *forest) create(rt *rapid.T) {
	name := f.name(rt)
	if f.trees[name] != nil && !f.trees[name].kept {
		return
	}
	s := &tree{name: name, contentType: rapid.SampledFrom([]string{"text/plain", "application/json"}).Draw(rt, "type")}
	var r stream.Records
	s.units, r = f.words(rt, s, 3)
	s.expires = f.lifetime(rt)
	h, _, err := f.log(rt).Create(f.Context, name, &stream.Create{Config: stream.Config{ContentType: s.contentType, ExpiresAt: s.expires}, Records: r})
	if f.trees[name] != nil {
		f.want(rt, "create over one that is kept", err, stream.ErrGone)
		return
	}
	f.must(rt, err)
	f.trees[name] = s
	s.mark(rt, h.Tail, len(s.units))
}

// lifetime draws when a stream expires: never in the minute in which somebody looks.
func (f *forest) lifetime(rt *rapid.T) (at time.Time) {
	if steps := rapid.IntRange(0, 8).Draw(rt, "lifetime"); steps >= 6 {
		at = f.clock.Now().Add(time.Duration(steps-5)*forestStep - forestStep/2)
	}
	return at
}

// forestStep is by how much time passes.
const forestStep = 10 * time.Minute

func (f *forest) fork(rt *rapid.T) {
	name, from := f.name(rt), f.name(rt)
	source := f.trees[from]
	if name == from || f.trees[name] != nil && !f.trees[name].kept {
		return
	}
	request := &stream.Fork{Source: from}
	s := &tree{name: name, contentType: "text/plain", parent: source}
	if source != nil {
		s.contentType, s.expires = source.contentType, source.expires
		if len(source.marks) > 0 && rapid.Bool().Draw(rt, "at an offset") {
			m := rapid.SampledFrom(source.marks).Draw(rt, "at")
			request.At, request.HasAt = m.offset, true
			request.Sub = uint64(rapid.IntRange(0, 3).Draw(rt, "sub"))
			s.units = slices.Clone(source.units[:min(len(source.units), m.units+int(request.Sub))])
		} else {
			s.units = slices.Clone(source.units)
		}
	}
	if own := f.lifetime(rt); !own.IsZero() {
		s.expires = own
	}
	inherited := len(s.units)
	units, r := f.words(rt, s, 2)
	config := stream.Config{}
	if source != nil && !s.expires.Equal(source.expires) {
		config.ExpiresAt = s.expires
	}
	h, created, err := f.log(rt).Create(f.Context, name, &stream.Create{Config: config, Fork: request, Records: r})
	switch {
	case source == nil:
		f.want(rt, "fork of nothing", err, stream.ErrNoSource)
		return
	case source.kept:
		f.want(rt, "fork of one that is kept", err, stream.ErrSourceGone)
		return
	case request.Sub > 0 && errors.Is(err, stream.ErrBadOffset):
		return // the segment ends before, which the model does not know
	case f.trees[name] != nil:
		f.want(rt, "fork onto one that is kept", err, stream.ErrGone)
		return
	}
	f.must(rt, err)
	if !created || h.Origin == nil || h.Origin.Source.Name != from {
		rt.Fatalf("fork: new: %v, of %+v", created, h.Origin)
	}
	for _, m := range source.marks {
		if m.units <= inherited {
			s.marks = append(s.marks, m)
		}
	}
	s.units = append(s.units, units...)
	s.mark(rt, h.Tail, len(s.units))
	source.forks++
	f.trees[name] = s
}
