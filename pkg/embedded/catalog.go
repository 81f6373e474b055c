package embedded

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Streams implements [stream.Catalog]. It reads keys only.
func (s *Store) Streams(ctx context.Context, prefix, last string, max int) ([]string, error) {
	var names []string
	from, to := headKey(prefix), end(headKey(prefix))
	if next := after(headKey(last)); last != "" && bytes.Compare(next, from) > 0 {
		from = next
	}
	if bytes.Compare(from, to) >= 0 {
		return nil, nil
	}
	err := walk(ctx, s.db, from, to, func(it *pebble.Iterator) (bool, error) {
		names = append(names, string(it.Key()[1:]))
		return len(names) < max, nil
	})
	return names, err
}

// Segments implements [stream.Catalog]. The index gives the order, and each
// manifest is one get.
func (s *Store) Segments(ctx context.Context, prefix string, last stream.Life, n uint64, max int) ([]stream.StoredSegment, error) {
	from := indexArea(prefix)
	to := end(from)
	if next := after(segmentKey(last, n)); last.Name != "" && bytes.Compare(next, from) > 0 {
		from = next
	}
	if bytes.Compare(from, to) >= 0 {
		return nil, nil
	}
	// What is discarded meanwhile must not be missed between index and manifest.
	snapshot := s.db.NewSnapshot()
	var found []stream.StoredSegment
	err := walk(ctx, snapshot, from, to, func(it *pebble.Iterator) (bool, error) {
		life, segment, err := parseSegment(it.Key())
		if err != nil {
			return false, err
		}
		value, there, err := get(snapshot, manifestKey(life, segment))
		if err == nil && !there {
			err = fmt.Errorf("%w: there is no manifest of segment %d of %v", errCorrupt, segment, life)
		}
		if err != nil {
			return false, err
		}
		m, err := decodeManifest(value)
		if err != nil {
			return false, err
		}
		found = append(found, stream.StoredSegment{Life: life, Manifest: m})
		return len(found) < max, nil
	})
	return found, errors.Join(err, snapshot.Close())
}

// passedOver bounds how many keys a call of Inventory passes over.
const passedOver = 1000

// Inventory implements [stream.Catalog]: first all heads, with their buffers, then what is
// owed to registries, then the data of all lives. Neither frames of chunks nor staged items are copied, and
// heads do not displace others from the cache. The cursor is the key to go on with,
// in hexadecimal. It is one state of the store that a call sees.
func (s *Store) Inventory(ctx context.Context, cursor string, max int) ([]stream.Stored, string, error) {
	from, err := parseCursor(cursor)
	if err != nil {
		return nil, cursor, err
	}
	snapshot := s.db.NewSnapshot()
	defer snapshot.Close()
	var found []stream.Stored
	var unread []error
	next := cursor
	for passed := 0; ; {
		to := []byte{from[0] + 1}
		full := false
		err := walk(ctx, snapshot, from, to, func(it *pebble.Iterator) (bool, error) {
			item, err := inspect(ctx, snapshot, it)
			switch {
			case err != nil:
				unread = append(unread, fmt.Errorf("inventory: key %x: %w", it.Key(), err))
				passed++
			case item.Kind == "":
				passed++
			default:
				found = append(found, item)
			}
			next = hex.EncodeToString(after(it.Key()))
			full = len(found) >= max || passed >= passedOver
			return !full, nil
		})
		switch {
		case err != nil || full:
			return found, next, errors.Join(append(unread, err)...)
		case from[0] == areaData:
			return found, "", errors.Join(unread...)
		}
		from = []byte{areaAfter(from[0])}
	}
}

// areaAfter says which area Inventory goes on with after another one.
func areaAfter(area byte) byte {
	if area == areaHeads {
		return areaNotices
	}
	return areaData
}

func parseCursor(cursor string) (from []byte, err error) {
	if cursor == "" {
		return []byte{areaHeads}, nil
	}
	from, err = hex.DecodeString(cursor)
	if err != nil || from[0] != areaHeads && from[0] != areaNotices && from[0] != areaData {
		return nil, fmt.Errorf("%w: %q is not a cursor of an inventory", stream.ErrRejected, cursor)
	}
	return from, nil
}

// inspect says what an iterator stands at; without a kind, if it is counted with
// something else.
func inspect(ctx context.Context, r pebble.Reader, it *pebble.Iterator) (item stream.Stored, err error) {
	key := it.Key()
	if key[0] == areaHeads {
		name := string(key[1:])
		h, err := readHead(ctx, r, name)
		if err != nil {
			return item, err
		}
		return stream.Stored{Kind: stream.KindHead, Life: h.Life(name), Head: h}, nil
	}
	if key[0] == areaNotices {
		return inspectNotices(it)
	}
	life, kind, rest, err := parseData(key)
	if err != nil {
		return item, err
	}
	item.Life = life
	switch kind {
	case kindBuffer:
		// It is in the head.
	case kindProducer:
		item.Kind = stream.KindProducer
	case kindStaged:
		item.Kind = stream.KindStaged
		item.Staged, err = parseStaged(rest)
	case kindChunk:
		item.Kind = stream.KindChunk
		item.Chunk, err = inspectChunk(it)
	case kindLineage:
		item.Kind = stream.KindLineage
	case kindFork:
		item.Kind = stream.KindFork
		item.Fork, err = inspectFork(it, rest)
	case kindManifest:
		item.Kind = stream.KindManifest
		item.Manifest, err = inspectManifest(it)
	default:
		err = fmt.Errorf("%w: of unknown kind", errCorrupt)
	}
	return item, err
}

func inspectChunk(it *pebble.Iterator) (*stream.Chunk, error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return nil, err
	}
	e, _, err := decodeRunHead(value)
	c := stream.Chunk(e)
	return &c, err
}

func inspectManifest(it *pebble.Iterator) (*stream.Manifest, error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return nil, err
	}
	m, err := decodeManifest(value)
	return &m, err
}

func inspectFork(it *pebble.Iterator, rest []byte) (fork stream.Life, err error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return fork, err
	}
	return decodeFork(rest, value)
}

func inspectNotices(it *pebble.Iterator) (item stream.Stored, err error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return item, err
	}
	owed, err := decodeNotices(value)
	if err != nil || len(owed) == 0 {
		return item, errors.Join(err, errCorrupt)
	}
	life := stream.Life{Name: string(it.Key()[1:]), Incarnation: owed[0].Incarnation}
	return stream.Stored{Kind: stream.KindNotice, Life: life, Notices: owed}, nil
}
