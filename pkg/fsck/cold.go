package fsck

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// manifestsPart is how many manifests are read at a time.
const manifestsPart = 64

// lookCold checks the segments that the head says are in objects, from the first on
// that was not looked at.
func (i *inspection) lookCold(ctx context.Context) error {
	for i.segments < i.head.Compacted {
		manifests, err := i.driver.Manifests(ctx, i.life, stream.Offset{Segment: i.segments}, manifestsPart)
		if err != nil {
			return fmt.Errorf("manifests from segment %d on: %w", i.segments, err)
		}
		if len(manifests) == 0 || manifests[0].Segment >= i.head.Compacted {
			i.missing(i.head.Compacted)
			return nil
		}
		for _, m := range manifests {
			if m.Segment >= i.head.Compacted {
				break
			}
			if m.Segment < i.segments {
				i.coldProblems.add("the manifest of segment %d is listed behind that of segment %d", m.Segment, i.segments-1)
				return nil
			}
			if m.Segment > i.segments {
				i.missing(m.Segment)
			}
			if err := i.lookSegment(ctx, m); err != nil {
				return err
			}
			i.segments = m.Segment + 1
		}
	}
	return nil
}

// missing notes that the manifests of the segments up to a number are not there.
func (i *inspection) missing(to uint64) {
	if to == i.segments+1 {
		i.coldProblems.add("the manifest of segment %d is missing", i.segments)
	} else {
		i.coldProblems.add("the manifests of segments %d to %d are missing", i.segments, to-1)
	}
	i.segments = to
	i.cold.jump(stream.Offset{Segment: to - 1})
	i.cold.open = true
}

// lookSegment checks a segment that is in an object, and that it continues the one
// before.
func (i *inspection) lookSegment(ctx context.Context, m stream.Manifest) error {
	if m.From != i.cold.end && !i.cold.open {
		i.coldProblems.add("the manifest of segment %d continues %v, but the segment before ends at %v", m.Segment, m.From, i.cold.end)
	}
	if i.cold.end != m.From {
		i.cold.jump(m.From)
	}
	found, err := i.checkSegment(ctx, m, &i.coldProblems)
	if err != nil {
		return err
	}
	if found == nil {
		i.cold.jump(m.To)
		return nil
	}
	i.cold.extend(m.To, int64(found.Frames), found.bytes)
	i.report.Segments++
	i.report.ObjectBytes += m.Size
	if i.sink.Record != nil {
		return found.each(ctx, i.objects, i.sink.Record)
	}
	return nil
}

// object is a segment's object that was found to be sound.
type object struct {
	manifest stream.Manifest
	index    *segment.Index
	segment.Summary
	// bytes counts those of the records.
	bytes int64
}

// checkSegment checks a manifest and the object that it names. It returns nil if the
// object cannot be relied on; an error is of the store.
func (i *inspection) checkSegment(ctx context.Context, m stream.Manifest, to *problems) (*object, error) {
	what := fmt.Sprintf("segment %d", m.Segment)
	if m.To.Segment != m.Segment || m.To.Position == 0 || !m.From.Before(m.To) || m.From.Segment+1 < m.To.Segment {
		to.add("the manifest of %s says that it goes from %v to %v", what, m.From, m.To)
		return nil, nil
	}
	if name, ok := stream.ParseObjectKey(m.Object); !ok || name.Life != i.life || name.Segment != m.Segment || name.Staged != (stream.StagedID{}) {
		to.add("the manifest of %s names the object %q, which is not its own", what, m.Object)
		return nil, nil
	}
	if i.objects == nil {
		return nil, errNoObjects
	}
	sum, err := verify(ctx, i.objects, m)
	if err != nil {
		return nil, wrong(to, asNamed(err, m), "%s, object %s", what, m.Object)
	}
	i.object(m.Size)
	kind := segment.Bytes
	if i.cold.unit == stream.Messages {
		kind = segment.Messages
	}
	switch {
	case sum.Segment != m.Segment || sum.End != m.To.Position || sum.Kind != kind:
		to.add("%s, object %s: it is segment %d of kind %d to position %d, not of kind %d to %d", what, m.Object, sum.Segment, sum.Kind, sum.End, kind, m.To.Position)
		return nil, nil
	case sum.CRC != m.CRC:
		to.add("%s, object %s: its CRC is %08x, but the manifest says %08x", what, m.Object, sum.CRC, m.CRC)
		return nil, nil
	case sum.Frames != uint64(m.Count):
		to.add("%s, object %s: it has %d records, but the manifest says %d", what, m.Object, sum.Frames, m.Count)
		return nil, nil
	}
	index, err := stream.ReadIndex(ctx, i.objects, m)
	if err != nil {
		return nil, wrong(to, asNamed(err, m), "the manifest of %s: its tail", what)
	}
	return &object{manifest: m, index: index, Summary: sum, bytes: payload(index)}, nil
}

// asNamed returns an error of an object. One that is of another version of the format than
// its key says is corrupt; of one that a newer program wrote, nothing can be said.
func asNamed(err error, m stream.Manifest) error {
	var unknown *segment.VersionError
	if errors.As(err, &unknown) && !strings.HasSuffix(m.Object, fmt.Sprintf(".%d", unknown.Version)) {
		return fmt.Errorf("%w: %w", segment.ErrCorrupt, err)
	}
	return err
}

// wrong notes an error that says that something is damaged, and returns any other one.
func wrong(to *problems, err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if isDamage(err) || errors.Is(err, segment.ErrCorrupt) {
		to.add("%s: %w", what, err)
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// reference is the object of a segment, with which chunks are compared.
type reference struct {
	segment uint64
	// known says that it was looked for, object is nil if there is none that is sound.
	known  bool
	object *object
}

// referenceOf returns the object of a segment that the head says is in one.
func (i *inspection) referenceOf(ctx context.Context, n uint64) (*object, error) {
	if i.reference.known && i.reference.segment == n {
		return i.reference.object, nil
	}
	manifests, err := i.driver.Manifests(ctx, i.life, stream.Offset{Segment: n}, 1)
	if err != nil {
		return nil, err
	}
	found := reference{segment: n, known: true}
	if len(manifests) == 1 && manifests[0].Segment == n && i.objects != nil {
		m := manifests[0]
		if index, err := stream.ReadIndex(ctx, i.objects, m); err == nil {
			found.object = &object{manifest: m, index: index, Summary: index.Summary()}
		} else if !isDamage(err) && !errors.Is(err, segment.ErrCorrupt) {
			return nil, err
		}
	}
	i.reference = found
	return found.object, nil
}

// lookLeftover compares a chunk of a segment that is in an object with the object. The
// chunk is about to be removed, and what it links may be gone already.
func (i *inspection) lookLeftover(ctx context.Context, what string, c stream.Chunk) error {
	o, err := i.referenceOf(ctx, c.To.Segment)
	if err != nil || o == nil {
		return err // what is wrong with it has been said
	}
	frames, err := i.fetch(ctx, stream.Entry(c))
	switch {
	case errors.Is(err, stream.ErrNoItem):
		return nil
	case err != nil:
		return wrong(&i.problems, err, "%s", what)
	}
	r := &run{what: what, from: c.From, to: c.To, frames: frames}
	if err := r.check(stream.Entry(c), i.cold.unit); err != nil {
		i.problems.add("%w", err)
		return nil
	}
	return i.compareObject(ctx, r, o)
}

// compareObject compares a run with the same records in the object of its segment.
func (i *inspection) compareObject(ctx context.Context, r *run, o *object) error {
	what := "object " + o.manifest.Object
	if r.first().Position == 0 && r.from != o.manifest.From {
		i.problems.add("%s continues %v, but %s %v", r.what, r.from, what, o.manifest.From)
	}
	if o.manifest.To.Before(r.to) {
		i.problems.add("%s is beyond the end of its segment, %v", r.what, o.manifest.To)
		return nil
	}
	for at := r.first(); at.Before(r.to); {
		part, err := o.from(ctx, i.objects, at.Position, int(r.to.Position-at.Position))
		if err != nil {
			if o.said(err) {
				return nil
			}
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := compare(r, part.as(what), i.cold.unit); err != nil {
			i.problems.add("%w", err)
			return nil
		}
		at = part.to
	}
	return nil
}
