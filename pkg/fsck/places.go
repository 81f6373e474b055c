package fsck

import (
	"context"
	"fmt"
	"hash/maphash"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

const (
	// thingsPart is how many items or objects are looked at at a time.
	thingsPart = 1000
	// objectRoot is what the keys of all objects of streams begin with
	// ([stream.ObjectPrefix]).
	objectRoot = "stream/"
)

// part looks at a part of a long list of things, from a cursor on ("" for the beginning),
// and adds to the scraps of the sight. It returns how many things it looked at, and the
// cursor to go on with: "" after the last.
type part func(v *sight, ctx context.Context, cursor string) (next string, n int, err error)

// place is a part of a list in which there was litter.
type place struct {
	part   part
	cursor string
	// scraps has the hashes of the litter.
	scraps map[uint64]struct{}
}

// litter looks for litter, everywhere, and then once more where there was any.
func (s *search) litter(ctx context.Context) error {
	v, err := s.look(ctx)
	if err != nil {
		return err
	}
	s.summary.Owed = len(v.owed)
	places, err := s.walk(ctx, v, (*sight).items, &s.summary.Items)
	if err != nil {
		return err
	}
	if s.objects != nil {
		more, err := s.walk(ctx, v, (*sight).objectsAfter, &s.summary.Objects)
		if err != nil {
			return err
		}
		places = append(places, more...)
	}
	return s.again(ctx, places)
}

// walk looks at a whole list, and returns the places of litter.
func (s *search) walk(ctx context.Context, v *sight, look part, looked *int) ([]place, error) {
	var places []place
	cursor := ""
	for {
		v.begin()
		next, n, err := look(v, ctx, cursor)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		*looked += n
		s.check(ctx, v.unchecked)
		if len(v.scraps) > 0 {
			p := place{part: look, cursor: cursor, scraps: make(map[uint64]struct{}, len(v.scraps))}
			for _, it := range v.scraps {
				p.scraps[s.hash(it)] = struct{}{}
			}
			places = append(places, p)
		}
		s.Progress(s.summary)
		if cursor = next; cursor == "" {
			return places, nil
		}
	}
}

// again looks at places where there was litter, and counts what is still there.
func (s *search) again(ctx context.Context, places []place) error {
	v, err := s.look(ctx)
	if err != nil {
		return err
	}
	v.again = true
	for _, p := range places {
		v.begin()
		if _, _, err := p.part(v, ctx, p.cursor); err != nil {
			return err
		}
		for _, it := range v.scraps {
			if _, was := p.scraps[s.hash(it)]; was {
				s.summary.add(it)
			}
		}
		s.Progress(s.summary)
	}
	return ctx.Err()
}

func (s *search) hash(p scrap) uint64 { return maphash.String(s.seed, string(p.kind)+p.name) }

func (s *Summary) add(p scrap) {
	f := s.Litter[p.kind]
	if f == nil {
		f = &Found{}
		s.Litter[p.kind] = f
	}
	f.Count++
	if p.old {
		f.Old++
	}
	if len(f.Names) < maxNames {
		f.Names = append(f.Names, p.name)
	}
}

// items looks at a part of the inventory.
func (v *sight) items(ctx context.Context, cursor string) (next string, n int, err error) {
	found, next, err := v.driver.Inventory(ctx, cursor, thingsPart)
	if err != nil {
		if !v.again {
			// Whatever could be read is looked at.
			v.trouble(ctx, err)
		}
		if next == cursor {
			next = ""
		}
	}
	for _, it := range found {
		if err := v.item(ctx, it); err != nil {
			v.passOver(ctx, it.Life.Name, err)
		}
	}
	return next, len(found), nil
}

func (v *sight) item(ctx context.Context, it stream.Stored) error {
	if it.Kind == stream.KindHead {
		// It may be missing in the list of streams.
		v.unchecked = append(v.unchecked, it.Life.Name)
		return nil
	}
	if it.Kind == stream.KindNotice {
		if err := checkNotices(it.Notices); err != nil && !v.again {
			v.trouble(ctx, fmt.Errorf("stream %q: %w", it.Life.Name, err))
		}
		return nil
	}
	if it.Retired && !v.again {
		v.summary.Retired++
	}
	if it.Retired || v.owed[it.Life] || v.failed[it.Life.Name] {
		return nil
	}
	h, err := v.living(ctx, it.Life)
	if err != nil {
		return err
	}
	if h == nil {
		v.orphan(it)
		return nil
	}
	switch it.Kind {
	case stream.KindChunk:
		if it.Chunk.To.Segment < h.Compacted {
			v.found(UnretiredChunk, "%q, life %v, chunk to %v", it.Life.Name, it.Life.Incarnation, it.Chunk.To)
		}
	case stream.KindFork:
		fork, err := v.living(ctx, it.Fork)
		if err == nil && fork == nil && !v.owed[it.Fork] {
			v.found(OrphanFork, "%q, life %v, fork %q", it.Life.Name, it.Life.Incarnation, it.Fork.Name)
		}
		return err
	case stream.KindStaged:
		unlinked, err := v.unlinked(ctx, it.Life, h, it.Staged)
		if unlinked && err == nil {
			v.foundStaged(UnlinkedItem, it.Staged, stagedName(it))
		}
		return err
	}
	return nil
}

// orphan notes an item of a life that is over.
func (v *sight) orphan(it stream.Stored) {
	switch name, inc := it.Life.Name, it.Life.Incarnation; it.Kind {
	case stream.KindChunk:
		v.found(OrphanChunk, "%q, life %v, chunk to %v", name, inc, it.Chunk.To)
	case stream.KindProducer:
		v.found(OrphanProducer, "%q, life %v", name, inc)
	case stream.KindManifest:
		v.found(OrphanManifest, "%q, life %v, segment %d", name, inc, it.Manifest.Segment)
	case stream.KindLineage:
		v.found(OrphanLineage, "%q, life %v", name, inc)
	case stream.KindFork:
		v.found(OrphanFork, "%q, life %v, fork %q", name, inc, it.Fork.Name)
	case stream.KindStaged:
		if v.olderThan(it.Staged, unbornAfter) {
			v.foundStaged(OrphanStaged, it.Staged, stagedName(it))
		}
	}
}

func stagedName(it stream.Stored) string { return stream.StagedKey(it.Life, it.Staged) }

// objectsAfter looks at the objects whose keys come after a key.
func (v *sight) objectsAfter(ctx context.Context, after string) (next string, n int, err error) {
	keys, err := v.objects.ListObjects(ctx, objectRoot, after, thingsPart)
	if err != nil {
		return "", 0, err
	}
	for _, key := range keys {
		o, ok := stream.ParseObjectKey(key)
		if !ok {
			v.found(ForeignObject, "%s", key)
		} else if err := v.object(ctx, key, o); err != nil {
			v.passOver(ctx, o.Life.Name, err)
		}
	}
	if len(keys) == thingsPart {
		next = keys[len(keys)-1]
	}
	return next, len(keys), nil
}

func (v *sight) object(ctx context.Context, key string, o stream.ObjectName) error {
	if v.owed[o.Life] || v.failed[o.Life.Name] {
		return nil
	}
	h, err := v.living(ctx, o.Life)
	if err != nil {
		return err
	}
	staged := o.Staged != (stream.StagedID{})
	switch {
	case h == nil && !staged:
		v.found(OrphanObject, "%s", key)
	case h == nil && v.olderThan(o.Staged, unbornAfter):
		v.foundStaged(OrphanObject, o.Staged, key)
	case h == nil:
	case staged:
		unlinked, err := v.unlinked(ctx, o.Life, h, o.Staged)
		if unlinked && err == nil {
			v.foundStaged(UnlinkedObject, o.Staged, key)
		}
		return err
	default:
		named, err := v.named(ctx, o.Life, h, o.Segment, key)
		if !named && err == nil {
			v.found(UnnamedObject, "%s", key)
		}
		return err
	}
	return nil
}
