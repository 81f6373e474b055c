package streamtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// leftovers reports what is stored although no stream of the world needs it.
func (w *world) leftovers(ctx context.Context) error {
	needed := make(map[stream.Life]*need)
	for _, name := range slices.AppendSeq(slices.Collect(maps.Keys(w.subjects)), maps.Keys(w.kept)) {
		n, life, err := w.needs(ctx, name)
		if err != nil {
			return err
		}
		needed[life] = n
	}
	return errors.Join(leftItems(ctx, w.driver, needed), leftObjects(ctx, w.objects, needed))
}

// need is what a stream that lives, or has a fork that does, needs of what is stored for
// it.
type need struct {
	origin    *stream.Origin
	compacted uint64
	linked    map[stream.StagedID]bool
}

func (w *world) needs(ctx context.Context, name string) (*need, stream.Life, error) {
	h, err := w.driver.Head(ctx, name, stream.Strong)
	if err != nil {
		return nil, stream.Life{}, fmt.Errorf("head of %q: %w", name, err)
	}
	life := h.Life(name)
	n := &need{origin: h.Origin, compacted: h.Compacted, linked: make(map[stream.StagedID]bool)}
	for _, e := range h.Buffer {
		n.linked[e.Staged] = true
	}
	at := stream.Offset{Segment: h.Compacted}
	for {
		chunks, err := w.driver.Chunks(ctx, life, at, 1<<20)
		if err != nil || len(chunks) == 0 {
			return n, life, err
		}
		for _, c := range chunks {
			n.linked[c.Staged], at = true, c.To
		}
	}
}

func leftItems(ctx context.Context, d stream.Driver, needed map[stream.Life]*need) error {
	var problems []error
	for cursor := ""; ; {
		found, next, err := d.Inventory(ctx, cursor, 100)
		if err != nil {
			return err
		}
		for _, it := range found {
			n := needed[it.Life]
			switch {
			case n == nil:
				problems = append(problems, fmt.Errorf("a %s of the life %v is left", it.Kind, it.Life))
			case !n.isNeeded(it, needed):
				problems = append(problems, fmt.Errorf("%v is left or wrong, although nobody needs it: %+v", storedThing{it}, it.Head))
			case it.Kind == stream.KindChunk && it.Chunk.To.Segment < n.compacted:
				problems = append(problems, fmt.Errorf("the chunk to %v of %q is left, although it is in an object", it.Chunk.To, it.Life.Name))
			case it.Kind == stream.KindStaged && !n.linked[it.Staged]:
				problems = append(problems, fmt.Errorf("the staged item %v of %q is left, although nothing links it", it.Staged, it.Life.Name))
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if owed, err := d.Owed(ctx, 100); err != nil || len(owed) > 0 {
		problems = append(problems, fmt.Errorf("work is owed for %v, %w", owed, err))
	}
	return errors.Join(problems...)
}

func leftObjects(ctx context.Context, o stream.Objects, needed map[stream.Life]*need) error {
	var problems []error
	keys, err := o.ListObjects(ctx, "", "", 10_000)
	if err != nil {
		return err
	}
	for _, key := range keys {
		name, ok := stream.ParseObjectKey(key)
		n := needed[name.Life]
		switch {
		case !ok || n == nil:
			problems = append(problems, fmt.Errorf("the object %s is left, of the life %v", key, name.Life))
		case name.Staged != stream.StagedID{} && !n.linked[name.Staged]:
			problems = append(problems, fmt.Errorf("the staged object %s is left, although nothing links it", key))
		case name.Staged == stream.StagedID{} && name.Segment >= n.compacted:
			problems = append(problems, fmt.Errorf("the object %s is left, although its stream does not know it", key))
		}
	}
	return errors.Join(problems...)
}
