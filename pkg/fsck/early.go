package fsck

import (
	"context"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// earlyManifest is the manifest of a segment that the head does not say is in an object:
// a compaction stopped there, or is about to tell the head. Its records are still in
// chunks. nil means that there is none.
type earlyManifest struct {
	object *object
	// end is where the chunks of the segment end that were seen.
	end stream.Offset
}

// ended is the number below which all segments of a head have ended.
func ended(h *stream.Head) uint64 {
	if h.Closed || h.Sealed {
		return h.Tail.Segment + 1
	}
	return h.Tail.Segment
}

// earlyManifest looks for one, and checks it and its object. Only the first segment that
// is not in an object can have one.
func (i *inspection) earlyManifest(ctx context.Context) (*earlyManifest, error) {
	n := i.head.Compacted
	manifests, err := i.driver.Manifests(ctx, i.life, stream.Offset{Segment: n}, 2)
	if err != nil || len(manifests) == 0 {
		return nil, err
	}
	if m := manifests[len(manifests)-1]; m.Segment != n || m.Segment >= ended(i.head) {
		i.problems.add("there is a manifest of segment %d, but %d segments are in objects, and %d have ended", m.Segment, n, ended(i.head))
		return nil, nil
	}
	o, err := i.checkSegment(ctx, manifests[0], &i.problems)
	if err != nil || o == nil {
		return nil, err
	}
	return &earlyManifest{object: o}, nil
}

// saw compares a sound chunk that was placed with the object.
func (e *earlyManifest) saw(ctx context.Context, i *inspection, r *run) error {
	if e == nil || r.to.Segment != e.object.manifest.Segment {
		return nil
	}
	e.end = r.to
	return i.compareObject(ctx, r, e.object)
}

// check notes if the chunks end before the object does.
func (e *earlyManifest) check(to *problems) {
	if e != nil && e.end != e.object.manifest.To {
		to.add("the manifest of segment %d says that it ends at %v, but its chunks end at %v", e.object.manifest.Segment, e.object.manifest.To, e.end)
	}
}
