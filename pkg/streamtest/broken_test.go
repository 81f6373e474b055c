package streamtest

import (
	"context"
	"slices"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

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
	"counts no forks":                func(d stream.Driver) stream.Driver { return countsNoForks{d} },
	"loses a lineage":                func(d stream.Driver) stream.Driver { return losesLineage{d} },
	"inherits from others":           func(d stream.Driver) stream.Driver { return inheritsFromOthers{d} },
	"releases nothing":               func(d stream.Driver) stream.Driver { return releasesNothing{d} },
	"releases all":                   func(d stream.Driver) stream.Driver { return releasesAll{d} },
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

func (d forgetsBurned) Update(ctx context.Context, name string, next *stream.Head, owed ...stream.Notice) error {
	forgetful := next.Clone()
	forgetful.Burned = nil
	return d.Driver.Update(ctx, name, forgetful, owed...)
}

type updatesAnything struct{ stream.Driver }

func (d updatesAnything) Update(ctx context.Context, name string, next *stream.Head, owed ...stream.Notice) error {
	h, err := d.Driver.Head(ctx, name, stream.Strong)
	if err != nil || h.Incarnation != next.Incarnation {
		return d.Driver.Update(ctx, name, next, owed...)
	}
	any := next.Clone()
	any.Version = h.Version + 1
	return d.Driver.Update(ctx, name, any, owed...)
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

func (d deletesAnything) Delete(ctx context.Context, name string, inc stream.Incarnation, owed ...stream.Notice) error {
	if h, err := d.Driver.Head(ctx, name, stream.Strong); err == nil {
		inc = h.Incarnation
	}
	return d.Driver.Delete(ctx, name, inc, owed...)
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

// countsNoForks forks without telling the source.
type countsNoForks struct{ stream.Driver }

func (d countsNoForks) Fork(ctx context.Context, name string, head, replaced *stream.Head, lineage *stream.Lineage, now time.Time, owed ...stream.Notice) error {
	err := d.Driver.Fork(ctx, name, head, replaced, lineage, now, owed...)
	if err == nil {
		_, err = d.Driver.Release(ctx, head.Origin.Source, head.Life(name))
	}
	return err
}

type losesLineage struct{ stream.Driver }

func (d losesLineage) Lineage(context.Context, stream.Life) (*stream.Lineage, error) { return nil, nil }

// inheritsFromOthers says of what is inherited that it is the data of another life.
type inheritsFromOthers struct{ stream.Driver }

func (d inheritsFromOthers) Lineage(ctx context.Context, life stream.Life) (*stream.Lineage, error) {
	l, err := d.Driver.Lineage(ctx, life)
	if l == nil {
		return l, err
	}
	other := &stream.Lineage{Source: l.Source}
	for _, r := range l.Ranges {
		r.Life.Incarnation[0] ^= 1
		other.Ranges = append(other.Ranges, r)
	}
	return other, err
}

type releasesNothing struct{ stream.Driver }

func (d releasesNothing) Release(ctx context.Context, source, fork stream.Life) (*stream.Head, error) {
	h, err := d.Driver.Head(ctx, source.Name, stream.Strong)
	if err != nil || h.Incarnation != source.Incarnation {
		return nil, nil
	}
	return h, nil
}

// releasesAll releases each fork once it is read.
type releasesAll struct{ stream.Driver }

func (d releasesAll) Lineage(ctx context.Context, life stream.Life) (*stream.Lineage, error) {
	l, err := d.Driver.Lineage(ctx, life)
	if l != nil {
		_, err = d.Driver.Release(ctx, l.Source, life)
	}
	return l, err
}
