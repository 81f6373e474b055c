package streamtest

import (
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"pgregory.net/rapid"
)

func (f *forest) append(rt *rapid.T) {
	name := f.name(rt)
	s := f.trees[name]
	if s == nil {
		s = &tree{contentType: "text/plain"}
	}
	units, r := f.words(rt, s, 4)
	if r.Count == 0 {
		return
	}
	got, err := f.log(rt).Append(f.Context, name, &stream.Append{ContentType: s.contentType, Records: r})
	want := f.gone(name)
	if want == nil && s.closed {
		want = &stream.ClosedError{}
	}
	f.want(rt, "append", err, want)
	if err != nil {
		return
	}
	s.units = append(s.units, units...)
	s.mark(rt, got.Tail, len(s.units))
	if got.FlushDue() {
		f.must(rt, f.log(rt).Flush(f.Context, name, got))
	}
}

func (f *forest) close(rt *rapid.T) {
	name := f.name(rt)
	_, err := f.log(rt).Append(f.Context, name, &stream.Append{Close: true})
	f.want(rt, "close", err, f.gone(name))
	if err == nil {
		f.trees[name].closed = true
	}
}

func (f *forest) delete(rt *rapid.T) {
	name := f.name(rt)
	err := f.log(rt).Delete(f.Context, name)
	f.want(rt, "delete", err, f.gone(name))
	if err == nil {
		f.end(f.trees[name])
	}
}

// end ends a stream: at once, or as far as clients can tell.
func (f *forest) end(s *tree) {
	s.kept = true
	for s != nil && s.kept && s.forks == 0 {
		delete(f.trees, s.name)
		if s = s.parent; s != nil {
			s.forks--
		}
	}
}

// advance lets time pass, and everything be swept that is over then.
func (f *forest) advance(rt *rapid.T) {
	f.clock.Advance(time.Duration(rapid.IntRange(1, 3).Draw(rt, "steps")) * forestStep)
	for _, name := range f.names {
		if s := f.trees[name]; s != nil && !s.kept && !s.expires.IsZero() && s.expires.Before(f.clock.Now()) {
			f.end(s)
		}
	}
	f.sweepAll(rt)
}

// sweepAll sweeps everything, as often as forks are deep: each sweep may find what the one
// before it left without forks.
func (f *forest) sweepAll(rt *rapid.T) {
	for range forestNames + 1 {
		done, err := f.logs[0].Sweep(f.Context, stream.SweepOptions{IdleAfter: forestStep, Items: 1 << 20, Objects: 1 << 20, Lives: 1 << 20})
		if err != nil || done.Recounted > 0 {
			rt.Fatalf("sweep: %+v, %v", done, err)
		}
	}
}

// check compares all streams with their models, from the start and from an offset that
// was handed out.
func (f *forest) check(rt *rapid.T) {
	for _, name := range f.names {
		h, err := f.logs[0].Head(f.Context, name)
		f.want(rt, "head of "+name, err, f.gone(name))
		if err != nil {
			continue
		}
		s := f.trees[name]
		if h.Closed != s.closed || h.Forks != s.forks {
			rt.Fatalf("%s: closed %v with %d forks, the model says %v with %d", name, h.Closed, h.Forks, s.closed, s.forks)
		}
		f.read(rt, s, stream.Start(), 0)
		m := rapid.SampledFrom(s.marks).Draw(rt, "mark")
		f.read(rt, s, stream.At(m.offset), m.units)
		report, err := inspect(f.Context, f.driver, f.objects, name)
		f.must(rt, err)
		if report.Text() != s.text() {
			rt.Fatalf("%s: the store holds something else: %s", name, firstDifference(report.Text(), s.text()))
		}
	}
}

// read reads a stream from a place to its end.
func (f *forest) read(rt *rapid.T, s *tree, from stream.Position, units int) {
	want := strings.Join(s.units[units:], "")
	got := ""
	for {
		p, err := f.log(rt).Read(f.Context, s.name, from)
		f.must(rt, err)
		f.must(rt, checkPage(p))
		got += pageText(p)
		if !strings.HasPrefix(want, got) {
			rt.Fatalf("%s after %d units: %s", s.name, units, firstDifference(got, want))
		}
		if p.UpToDate() {
			break
		}
		from = stream.At(p.Next)
	}
	if got != want {
		rt.Fatalf("%s after %d units ends early: %s", s.name, units, firstDifference(got, want))
	}
}

// fell ends all streams, and checks that nothing is left of any.
func (f *forest) fell(rt *rapid.T) {
	for _, name := range f.names {
		if s := f.trees[name]; s != nil && !s.kept {
			f.must(rt, f.logs[0].Delete(f.Context, name))
			f.end(s)
		}
	}
	if len(f.trees) > 0 {
		rt.Fatalf("the model keeps %d streams for no forks", len(f.trees))
	}
	f.check(rt)
	f.machine.end(rt)
}
