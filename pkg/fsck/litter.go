package fsck

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Litter is something that is stored and that nobody needs: a crash or a late write left
// it, and the sweep clears it away. It does no harm but to take room.
type Litter string

// What can be litter.
const (
	// UnretiredChunk is a chunk whose records are in an object, and that is not marked to
	// be removed.
	UnretiredChunk Litter = "chunks of segments that are in objects"
	// UnlinkedItem and UnlinkedObject were staged more than an hour ago, and no chunk and
	// no buffer links them.
	UnlinkedItem   Litter = "staged items that nothing links"
	UnlinkedObject Litter = "staged objects that nothing links"
	// UnnamedObject is a segment's object that no manifest names.
	UnnamedObject Litter = "objects of segments that no manifest names"
	// ForeignObject is under the server's prefix, and has a name that it does not give.
	ForeignObject Litter = "objects that are none of this server's"
	// The others are the data of lives that are over, and that nothing owes to be
	// discarded.
	OrphanChunk    Litter = "chunks of streams that are gone"
	OrphanStaged   Litter = "staged items of streams that are gone"
	OrphanProducer Litter = "producers of streams that are gone"
	OrphanManifest Litter = "manifests of streams that are gone"
	OrphanObject   Litter = "objects of streams that are gone"
	OrphanLineage  Litter = "lineages of forks that are gone"
	// OrphanFork is noted of a stream, living or not, although its life is over.
	OrphanFork Litter = "notes of forks that are gone"
)

// Found is how much litter of one sort there is.
type Found struct {
	// Count is all of it, Old what is known to be older than a day. Only what was staged
	// tells its age.
	Count, Old int
	// Names are those of the first few.
	Names []string
}

const (
	// maxNames bounds the names of litter of one sort.
	maxNames = 5
	// litterAfter is the age from which on staged records that nothing links are litter,
	// and unbornAfter that of those of a life that may be about to begin. The sweep goes
	// by the same.
	litterAfter = time.Hour
	unbornAfter = 7 * 24 * time.Hour
	// oldAfter is the age of litter that a sweep should have found.
	oldAfter = 24 * time.Hour
	// maxOwed bounds how many lives are known to be owed.
	maxOwed = 1 << 20
)

// scrap is something that is litter as far as one look at it can tell.
type scrap struct {
	kind Litter
	name string
	old  bool
}

// sight is one look at parts of a store: what it knows of lives. What it does not know of
// the heads is read after the things that it is asked about.
type sight struct {
	*search
	owed map[stream.Life]bool
	// at is the time of the look.
	at time.Time
	// heads are those of names that were read for the part that is looked at, nil where
	// there is none.
	heads map[string]*stream.Head
	// linked is what the life links that was asked for last.
	linkedBy stream.Life
	linked   map[stream.StagedID]bool
	// manifests are some of the life that was asked for last.
	manifestsOf stream.Life
	manifests   []stream.Manifest
	// scraps are the litter of the part, unchecked the names of streams in it.
	scraps    []scrap
	unchecked []string
	// failed has the names of streams of which something could not be read.
	failed map[string]bool
	// again says that this is the second look.
	again bool
}

// look prepares for a look at the store.
func (s *search) look(ctx context.Context) (*sight, error) {
	lives, err := s.driver.Owed(ctx, maxOwed)
	if err != nil {
		return nil, fmt.Errorf("lives that are over: %w", err)
	}
	v := &sight{search: s, owed: make(map[stream.Life]bool, len(lives)), at: s.Now()}
	for _, life := range lives {
		v.owed[life] = true
	}
	return v, nil
}

// begin forgets what must not be older than the part of the store that is looked at.
func (v *sight) begin() {
	v.heads, v.scraps, v.unchecked = make(map[string]*stream.Head), nil, nil
	v.linkedBy, v.manifestsOf = stream.Life{}, stream.Life{}
	v.failed = make(map[string]bool)
}

// passOver notes that something of a stream could not be read. What is damaged has been
// found by the check of the stream.
func (v *sight) passOver(ctx context.Context, name string, err error) {
	if !v.again && !v.failed[name] && !errors.Is(err, stream.ErrDamaged) {
		v.trouble(ctx, fmt.Errorf("litter of stream %q: %w", name, err))
	}
	v.failed[name] = true
}

// living returns the head of a life, or nil if it is over or has not begun.
func (v *sight) living(ctx context.Context, life stream.Life) (*stream.Head, error) {
	h, known := v.heads[life.Name]
	if !known {
		var err error
		h, err = v.driver.Head(ctx, life.Name, stream.Strong)
		if err != nil && !errors.Is(err, stream.ErrNoHead) {
			return nil, err
		}
		v.heads[life.Name] = h
	}
	if h == nil || h.Incarnation != life.Incarnation {
		return nil, nil
	}
	return h, nil
}

// found notes litter whose age is not known.
func (v *sight) found(kind Litter, format string, args ...any) {
	v.scraps = append(v.scraps, scrap{kind: kind, name: fmt.Sprintf(format, args...)})
}

// foundStaged notes litter that was staged.
func (v *sight) foundStaged(kind Litter, id stream.StagedID, name string) {
	v.scraps = append(v.scraps, scrap{kind: kind, name: name, old: v.olderThan(id, oldAfter)})
}

func (v *sight) olderThan(id stream.StagedID, age time.Duration) bool {
	return id.At <= v.at.Add(-age).Unix()
}

// unlinked reports whether staged records of a living stream are linked by nothing, and
// are too old for that.
func (v *sight) unlinked(ctx context.Context, life stream.Life, h *stream.Head, id stream.StagedID) (bool, error) {
	if !v.olderThan(id, litterAfter) {
		return false, nil
	}
	if v.linkedBy != life {
		links, err := v.links(ctx, life, h)
		if err != nil {
			return false, err
		}
		v.linkedBy, v.linked = life, links
	}
	return !v.linked[id], nil
}

// links returns what the buffer of a head and the chunks behind the objects link.
func (v *sight) links(ctx context.Context, life stream.Life, h *stream.Head) (map[stream.StagedID]bool, error) {
	all := make(map[stream.StagedID]bool)
	for _, e := range h.Buffer {
		all[e.Staged] = true
	}
	at := stream.Offset{Segment: h.Compacted}
	for {
		chunks, err := v.driver.Chunks(ctx, life, at, chunkBytes)
		if err != nil || len(chunks) == 0 {
			return all, err
		}
		for _, c := range chunks {
			all[c.Staged], at = true, c.To
		}
	}
}

// named reports whether a manifest of a living stream names an object of a segment, or
// may do so soon.
func (v *sight) named(ctx context.Context, life stream.Life, h *stream.Head, n uint64, key string) (bool, error) {
	if v.manifestsOf != life || len(v.manifests) == 0 || n < v.manifests[0].Segment || n > v.manifests[len(v.manifests)-1].Segment {
		manifests, err := v.driver.Manifests(ctx, life, stream.Offset{Segment: n}, manifestsPart)
		if err != nil {
			return false, err
		}
		v.manifestsOf, v.manifests = life, manifests
	}
	for _, m := range v.manifests {
		if m.Segment == n {
			return m.Object == key, nil
		}
	}
	// It is being compacted, or will be, with the same object.
	return n >= h.Compacted && n < ended(h), nil
}
