package streamtest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A new field of a head must get a value in fullHead, or no driver is tested with
// one.
func TestFullHeadIsFull(t *testing.T) {
	for _, path := range unset(reflect.ValueOf(*fullHead()), "Head") {
		t.Errorf("%s is zero in fullHead", path)
	}
	if _, err := inspect(t.Context(), memory.New(), new(memory.Objects), "none"); err == nil {
		t.Error("fsck found a stream in an empty store")
	}
}

// unset lists the fields that are zero in all elements of a value.
func unset(v reflect.Value, path string) (paths []string) {
	switch {
	case v.Type().String() == "time.Time" || v.Kind() != reflect.Struct && v.Kind() != reflect.Slice && v.Kind() != reflect.Map:
		if v.IsZero() {
			return []string{path}
		}
		return nil
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			paths = append(paths, unset(v.Field(i), path+"."+v.Type().Field(i).Name)...)
		}
		return paths
	case v.Len() == 0:
		return []string{path}
	}
	// A path is unset if it is in every element.
	var elements []reflect.Value
	if v.Kind() == reflect.Map {
		for _, key := range v.MapKeys() {
			elements = append(elements, v.MapIndex(key))
		}
	} else {
		for i := range v.Len() {
			elements = append(elements, v.Index(i))
		}
	}
	paths = unset(elements[0], path+"[]")
	for _, e := range elements[1:] {
		paths = slices.DeleteFunc(paths, func(p string) bool { return !slices.Contains(unset(e, path+"[]"), p) })
	}
	return paths
}

// broken are drivers with one defect each. The tools must find every one: a check
// that finds nothing proves nothing.
var broken = map[string]func(d stream.Driver) stream.Driver{
	"loses chunks":                   func(d stream.Driver) stream.Driver { return losesChunks{d} },
	"loses a chunk that was retried": func(d stream.Driver) stream.Driver { return overwritesChunks{d} },
	"loses staged items":             func(d stream.Driver) stream.Driver { return losesStaged{d} },
	"commits twice":                  func(d stream.Driver) stream.Driver { return commitsTwice{d} },
	"acknowledges nothing":           func(d stream.Driver) stream.Driver { return commitsNothing{d} },
	"forgets burned ids":             func(d stream.Driver) stream.Driver { return forgetsBurned{d} },
	"updates any version":            func(d stream.Driver) stream.Driver { return updatesAnything{d} },
	"forgets producers":              func(d stream.Driver) stream.Driver { return forgetsProducers{d} },
	"moves producers back":           func(d stream.Driver) stream.Driver { return movesProducersBack{d} },
	"deletes any life":               func(d stream.Driver) stream.Driver { return deletesAnything{d} },
	"discards everything":            func(d stream.Driver) stream.Driver { return discardsHeads{d} },
	"commits to any life":            func(d stream.Driver) stream.Driver { return commitsToAnyLife{d} },
	"loses manifests":                func(d stream.Driver) stream.Driver { return losesManifests{d} },
	"retires too much":               func(d stream.Driver) stream.Driver { return retiresTooMuch{d} },
	"compacts too much":              func(d stream.Driver) stream.Driver { return compactsTooMuch{d} },
}

func TestFaultsFindDefects(t *testing.T) {
	for name, breaks := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := 0
			for seed := range uint64(6) {
				if _, err := randomRound(t.Context(), breaks(memory.New()), new(memory.Objects), seed); err != nil {
					found++
				}
			}
			for _, m := range []Method{Commit, Update, Delete, SpillProducer} {
				for n := range 12 {
					for i, one := range trialsOf(m, n+1, n%2 == 0) {
						one.name = fmt.Sprint(one.name, i)
						if _, err := one.run(t.Context(), breaks(memory.New()), new(memory.Objects)); err != nil {
							if found == 0 {
								t.Logf("%s: %.300v", one.name, err)
							}
							found++
						}
					}
					if found > 0 {
						return
					}
				}
			}
			t.Error("not found")
		})
	}
}

type losesChunks struct{ stream.Driver }

func (d losesChunks) PutChunk(ctx context.Context, life stream.Life, c stream.Chunk) error {
	if c.To.Position%7 == 0 {
		return nil
	}
	return d.Driver.PutChunk(ctx, life, c)
}

type overwritesChunks struct{ stream.Driver }

func (d overwritesChunks) Chunks(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Chunk, error) {
	chunks, err := d.Driver.Chunks(ctx, life, after, max)
	for i, c := range chunks {
		if c.Count > 2 && len(c.Frames) > 0 {
			chunks[i].Frames = slices.Clone(c.Frames)
			chunks[i].Frames[len(c.Frames)-2] ^= 1
		}
	}
	return chunks, err
}

type losesStaged struct{ stream.Driver }

func (d losesStaged) PutStaged(ctx context.Context, life stream.Life, id stream.StagedID, f stream.Frames) error {
	if id.Part == 1 {
		return nil
	}
	return d.Driver.PutStaged(ctx, life, id, f)
}

type losesManifests struct{ stream.Driver }

func (d losesManifests) PutManifest(ctx context.Context, life stream.Life, m stream.Manifest) error {
	if m.Segment == 1 {
		return nil
	}
	return d.Driver.PutManifest(ctx, life, m)
}

// retiresTooMuch also lets go of what follows.
type retiresTooMuch struct{ stream.Driver }

func (d retiresTooMuch) Retire(ctx context.Context, life stream.Life, chunks []stream.Offset, staged []stream.StagedID) error {
	if len(chunks) > 0 {
		after, err := d.Driver.Chunks(ctx, life, chunks[len(chunks)-1], 1)
		if err != nil {
			return err
		}
		for _, c := range after {
			chunks = append(slices.Clone(chunks), c.To)
		}
	}
	return d.Driver.Retire(ctx, life, chunks, staged)
}

// compactsTooMuch says of one more segment than was asked that it is in an object.
type compactsTooMuch struct{ stream.Driver }

func (d compactsTooMuch) Compact(ctx context.Context, life stream.Life, segments uint64) (*stream.Head, error) {
	return d.Driver.Compact(ctx, life, segments+1)
}

type commitsToAnyLife struct{ stream.Driver }

func (d commitsToAnyLife) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (*stream.Head, error) {
	if h, err := d.Driver.Head(ctx, name, stream.Strong); err == nil && b.Incarnation.IsZero() {
		aimed := *b
		aimed.Incarnation = h.Incarnation
		b = &aimed
	}
	return d.Driver.Commit(ctx, name, b, l)
}

type commitsTwice struct{ stream.Driver }

func (d commitsTwice) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (*stream.Head, error) {
	h, err := d.Driver.Commit(ctx, name, b, l)
	if err == nil && b.ID%8 == 0 {
		again := *b
		again.ID++
		if twice, err := d.Driver.Commit(ctx, name, &again, l); err == nil {
			return twice, nil
		}
	}
	return h, err
}

type commitsNothing struct{ stream.Driver }

func (d commitsNothing) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (*stream.Head, error) {
	if b.ID%8 == 0 {
		h, err := d.Driver.Head(ctx, name, stream.Strong)
		if next, ok := stream.Admit(h, b, l); err == nil && ok {
			return next, nil
		}
	}
	return d.Driver.Commit(ctx, name, b, l)
}

type forgetsBurned struct{ stream.Driver }

func (d forgetsBurned) Update(ctx context.Context, name string, next *stream.Head) error {
	forgetful := next.Clone()
	forgetful.Burned = nil
	return d.Driver.Update(ctx, name, forgetful)
}

type updatesAnything struct{ stream.Driver }

func (d updatesAnything) Update(ctx context.Context, name string, next *stream.Head) error {
	h, err := d.Driver.Head(ctx, name, stream.Strong)
	if err != nil || h.Incarnation != next.Incarnation {
		return d.Driver.Update(ctx, name, next)
	}
	any := next.Clone()
	any.Version = h.Version + 1
	return d.Driver.Update(ctx, name, any)
}

type forgetsProducers struct{ stream.Driver }

func (d forgetsProducers) SpilledProducer(context.Context, stream.Life, string) (stream.Producer, bool, error) {
	return stream.Producer{}, false, nil
}

type movesProducersBack struct{ stream.Driver }

func (d movesProducersBack) SpilledProducer(ctx context.Context, life stream.Life, id string) (stream.Producer, bool, error) {
	p, found, err := d.Driver.SpilledProducer(ctx, life, id)
	if p.Seq > 0 {
		p.Seq--
	}
	return p, found, err
}

type deletesAnything struct{ stream.Driver }

func (d deletesAnything) Delete(ctx context.Context, name string, inc stream.Incarnation) error {
	if h, err := d.Driver.Head(ctx, name, stream.Strong); err == nil {
		inc = h.Incarnation
	}
	return d.Driver.Delete(ctx, name, inc)
}

type discardsHeads struct{ stream.Driver }

func (d discardsHeads) Owed(ctx context.Context, max int) ([]stream.Life, error) {
	works, err := d.Driver.Owed(ctx, max)
	for i, w := range works {
		if h, err := d.Driver.Head(ctx, w.Name, stream.Strong); err == nil {
			works[i].Incarnation = h.Incarnation
		}
	}
	return works, err
}

// The checker itself, with a sound stream and histories that are not its own.
func TestVerifyFindsDefects(t *testing.T) {
	ctx := t.Context()
	d, o := memory.New(), new(memory.Objects)
	r := newRig(t, d, o, Tiny())
	r.create("s", "text/plain")
	h := &History{}
	must(t, r.write(ctx, h, "s", "text/plain", "w", 6, false))
	must(t, h.Verify(ctx, r.Log, d, o, "s"))
	for want, change := range map[string]func(w []*Write){
		"was told that it failed":      func(w []*Write) { w[2].outcome = failed },
		"acknowledged, but is not":     func(w []*Write) { w[2].words = []string{`"other"`} },
		"there in parts only":          func(w []*Write) { w[1].words[1] = `"other"` },
		"are known":                    func(w []*Write) { w[5].words, w[5].outcome = []string{`"other"`}, inDoubt },
		"but was acknowledged before":  func(w []*Write) { w[4].end, w[3].start = 1, 2 },
		"was handed out for both byte": func(w []*Write) { w[3].tail = w[2].tail },
		"is there 9 times":             func(w []*Write) { w[0].words = []string{`"w.`} },
	} {
		tampered := &History{}
		for _, w := range h.writes {
			copied := *w
			copied.words = slices.Clone(w.words)
			tampered.writes = append(tampered.writes, &copied)
		}
		change(tampered.writes)
		if err := tampered.Verify(ctx, r.Log, d, o, "s"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got: %v", want, err)
		}
	}
}
