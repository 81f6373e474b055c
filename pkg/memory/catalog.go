package memory

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Streams implements [stream.Catalog].
func (s *Store) Streams(_ context.Context, prefix, after string, max int) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []string
	for name := range s.heads {
		if strings.HasPrefix(name, prefix) && name > after {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found[:min(max, len(found))], nil
}

// Segments implements [stream.Catalog].
func (s *Store) Segments(_ context.Context, prefix string, after stream.Life, n uint64, max int) ([]stream.StoredSegment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []stream.StoredSegment
	for _, life := range slices.SortedFunc(maps.Keys(s.data), compareLives) {
		order := compareLives(life, after)
		if !strings.HasPrefix(life.Name, prefix) || after.Name != "" && order < 0 {
			continue
		}
		for _, m := range s.data[life].manifests {
			if after.Name != "" && order == 0 && m.Segment <= n {
				continue
			}
			if len(found) == max {
				return found, nil
			}
			found = append(found, stream.StoredSegment{Life: life, Manifest: m})
		}
	}
	return found, nil
}

// compareLives orders lives by name and incarnation.
func compareLives(a, b stream.Life) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), bytes.Compare(a.Incarnation[:], b.Incarnation[:]))
}

// thing is something that is stored, with a key that tells it from the others of its
// life, and orders them.
type thing struct {
	stream.Stored
	key string
}

// Inventory implements [stream.Catalog]. It goes through the lives in order, and the
// cursor names the thing that was last: so it does not matter what comes and goes, even
// if it is that one. Each call looks at all lives, and at all things of those that it
// returns something of.
func (s *Store) Inventory(_ context.Context, cursor string, max int) ([]stream.Stored, string, error) {
	last, key, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lives := slices.Collect(maps.Keys(s.data))
	for name, h := range s.heads {
		lives = append(lives, h.Life(name))
	}
	for name, owed := range s.owing {
		lives = append(lives, stream.Life{Name: name, Incarnation: owed[0].Incarnation})
	}
	slices.SortFunc(lives, compareLives)
	lives = slices.Compact(lives)
	var found []stream.Stored
	for _, life := range lives {
		order := compareLives(life, last)
		if order < 0 {
			continue
		}
		for _, t := range s.things(life) {
			if order == 0 && t.key <= key {
				continue
			}
			if len(found) >= max {
				return found, formatCursor(last, key), nil
			}
			found = append(found, t.Stored)
			last, key = life, t.key
		}
	}
	return found, "", nil
}

// things returns all that is stored for a life, in the order of the keys.
func (s *Store) things(life stream.Life) (things []thing) {
	add := func(key string, what stream.Stored) {
		what.Life = life
		things = append(things, thing{what, string(what.Kind) + " " + key})
	}
	if h := s.heads[life.Name]; h != nil && h.Incarnation == life.Incarnation {
		add("", stream.Stored{Kind: stream.KindHead, Head: h})
	}
	if owed := s.owing[life.Name]; len(owed) > 0 && owed[0].Incarnation == life.Incarnation {
		add("", stream.Stored{Kind: stream.KindNotice, Notices: owed})
	}
	v := s.find(life)
	for _, c := range v.chunks {
		add(fmt.Sprintf("%020d %020d", c.To.Segment, c.To.Position), stream.Stored{Kind: stream.KindChunk, Chunk: &c})
	}
	for id := range v.staged {
		add(fmt.Sprintf("%016x %d %d", uint64(id.Commit), id.Part, id.At), stream.Stored{Kind: stream.KindStaged, Staged: id})
	}
	for id := range v.producers {
		add(id, stream.Stored{Kind: stream.KindProducer})
	}
	for _, m := range v.manifests {
		add(fmt.Sprintf("%020d", m.Segment), stream.Stored{Kind: stream.KindManifest, Manifest: &m})
	}
	if v.lineage != nil {
		add("", stream.Stored{Kind: stream.KindLineage})
	}
	for _, fork := range v.forks {
		add(fork.Incarnation.String(), stream.Stored{Kind: stream.KindFork, Fork: fork})
	}
	slices.SortFunc(things, func(a, b thing) int { return strings.Compare(a.key, b.key) })
	return things
}

// formatCursor makes a cursor of the life and the key of a thing.
func formatCursor(life stream.Life, key string) string {
	return fmt.Sprintf("%v/%x/%x", life.Incarnation, life.Name, key)
}

// parseCursor is the reverse of formatCursor. The cursor of the beginning gives what
// comes before everything.
func parseCursor(cursor string) (life stream.Life, key string, err error) {
	if cursor == "" {
		return life, "", nil
	}
	var fields [3][]byte
	parts := strings.Split(cursor, "/")
	valid := len(parts) == len(fields)
	for i := 0; valid && i < len(fields); i++ {
		fields[i], err = hex.DecodeString(parts[i])
		valid = err == nil
	}
	if !valid || len(fields[0]) != len(life.Incarnation) {
		return life, "", fmt.Errorf("%w: %q is not a cursor", stream.ErrRejected, cursor)
	}
	return stream.Life{Name: string(fields[1]), Incarnation: stream.Incarnation(fields[0])}, string(fields[2]), nil
}
