package fsck

import (
	"context"
	"fmt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// lookInherited checks what a fork inherits, and hands it over: that its lineage leads
// from the start to where the fork parted, and that each range is in the chunks or
// objects of its life. It leaves the chain at the place where the fork's own records
// begin.
func (i *inspection) lookInherited(ctx context.Context) error {
	o := i.head.Origin
	lineage, err := i.driver.Lineage(ctx, i.life)
	switch {
	case err != nil:
		return fmt.Errorf("lineage: %w", err)
	case lineage == nil:
		i.problems.add("its lineage is missing")
	case lineage.Source != o.Source:
		i.problems.add("its lineage names the source %v, the head %v", lineage.Source, o.Source)
	default:
		for _, r := range lineage.Ranges {
			if !i.cold.end.Before(r.To) {
				i.problems.add("the range of %v to %v follows one to %v", r.Life, r.To, i.cold.end)
			} else if err := i.lookRange(ctx, r); err != nil {
				return err
			}
		}
		if i.cold.end != o.At {
			i.problems.add("its lineage ends at %v, but it parted at %v", i.cold.end, o.At)
		}
	}
	// Of the segment in which it parted the head knows one measure only.
	i.cold.jump(o.At)
	i.segments = o.At.Segment + 1
	return nil
}

// lookRange goes through a range, one object or chunk after the other. What moves from
// chunks into an object meanwhile is looked for again.
func (i *inspection) lookRange(ctx context.Context, r stream.Inherited) error {
	source := newInspection(i.driver, i.objects, r.Life.Name, Sink{})
	source.life, source.cold.unit, source.object = r.Life, i.cold.unit, i.object
	for missed := 0; i.cold.end.Before(r.To); {
		before := i.cold.end
		err := i.step(ctx, source, r.To)
		if err != nil {
			return err
		}
		if i.cold.end != before {
			missed = 0
			continue
		}
		if missed++; missed == attempts {
			if source.problems.count+source.coldProblems.count == 0 {
				i.problems.add("records of %v from %v on, which it inherits to %v, are lost", r.Life, before, r.To)
			}
			i.problems.join(&source.coldProblems, &source.problems)
			i.cold.jump(r.To)
			return nil
		}
	}
	return nil
}

// step goes on by an object or a chunk, if there is one that continues the chain.
func (i *inspection) step(ctx context.Context, source *inspection, to stream.Offset) error {
	source.coldProblems, source.problems = problems{}, problems{}
	at := i.cold.end
	manifests, err := i.driver.Manifests(ctx, source.life, at, 1)
	if err != nil {
		return err
	}
	if len(manifests) == 1 && !at.Before(manifests[0].From) {
		return i.stepObject(ctx, source, manifests[0], to)
	}
	chunks, err := i.driver.Chunks(ctx, source.life, at, 1)
	if err != nil || len(chunks) == 0 || at.Before(chunks[0].From) {
		return err
	}
	c := chunks[0]
	r := &run{what: fmt.Sprintf("the chunk to %v of %v", c.To, source.life), from: c.From, to: c.To}
	if r.frames, err = source.fetch(ctx, stream.Entry(c)); err != nil {
		return wrong(&source.problems, err, "%s", r.what)
	}
	if err := r.check(stream.Entry(c), i.cold.unit); err != nil {
		source.problems.add("%w", err)
		return nil
	}
	i.inherit(r, to)
	return nil
}

// stepObject goes on by a segment.
func (i *inspection) stepObject(ctx context.Context, source *inspection, m stream.Manifest, to stream.Offset) error {
	o, err := source.checkSegment(ctx, m, &source.coldProblems)
	if err != nil || o == nil {
		return err
	}
	for i.cold.end.Before(m.To) && i.cold.end.Before(to) {
		at := uint64(0)
		if i.cold.end.Segment == m.Segment {
			at = i.cold.end.Position
		}
		part, err := o.from(ctx, i.objects, at, objectPart)
		if err != nil {
			return fmt.Errorf("object %s: %w", m.Object, err)
		}
		r := part.as("object " + m.Object)
		if at == 0 {
			r.from = m.From
		}
		i.inherit(r, to)
	}
	return nil
}

// inherit extends the chain by what a sound run has behind its end and before an offset.
func (i *inspection) inherit(r *run, to stream.Offset) {
	from, base := r.first(), r.first().Position
	if i.cold.end.Segment == r.to.Segment {
		from = i.cold.end
	}
	end := r.to
	if to.Before(end) {
		end = to
	}
	var count, size int64
	piece(r.frames, i.cold.unit, from.Position-base, end.Position-base, func(record []byte) {
		count++
		size += int64(len(record))
		if i.sink.Record != nil {
			i.sink.Record(record)
		}
	})
	i.cold.extend(end, count, size)
}

// checkForks compares how many forks a head counts with those that are noted.
func (i *inspection) checkForks(ctx context.Context) error {
	const page = 1000
	n, last := 0, stream.Life{}
	for {
		forks, err := i.driver.Forks(ctx, i.life, last, page)
		if err != nil {
			return fmt.Errorf("forks: %w", err)
		}
		if n += len(forks); len(forks) < page {
			break
		}
		last = forks[page-1]
	}
	if n != i.head.Forks {
		i.problems.add("the head counts %d forks, but %d are noted", i.head.Forks, n)
	}
	return nil
}
