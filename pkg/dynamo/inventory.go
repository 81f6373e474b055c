package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Inventory implements [stream.Catalog]. Its cursor is the key of the item that was
// read last. Cost: one Scan, which reads at most max items and 1 MB, with what they
// hold: half an RU for each 4 KB.
func (s *Store) Inventory(ctx context.Context, cursor string, max int) (found []stream.Stored, next string, err error) {
	start, err := parseCursor(cursor)
	if err != nil {
		return nil, cursor, rejected(err)
	}
	out, err := s.client.Scan(ctx, &dynamodb.ScanInput{
		TableName:         &s.Table,
		Limit:             aws.Int32(int32(max)),
		ExclusiveStartKey: start,
	})
	if err != nil {
		return nil, cursor, classify(err)
	}
	if next, err = formatCursor(out.LastEvaluatedKey); err != nil {
		return nil, cursor, rejected(err)
	}
	var bad []error
	for _, it := range out.Items {
		stored, err := describe(it)
		if err != nil {
			bad = append(bad, rejected(err))
		}
		found = append(found, stored...)
	}
	return found, next, errors.Join(bad...)
}

// formatCursor returns the cursor that stands behind the item with a key; "" for none.
func formatCursor(key item) (string, error) {
	if key == nil {
		return "", nil
	}
	f := &fields{item: key}
	cursor, err := json.Marshal([]string{f.text(partitionKey), f.text(sortKey)})
	return string(cursor), errors.Join(f.err, err)
}

func parseCursor(cursor string) (item, error) {
	if cursor == "" {
		return nil, nil
	}
	var key []string
	if err := json.Unmarshal([]byte(cursor), &key); err != nil || len(key) != 2 {
		return nil, fmt.Errorf("dynamo: %q is not a cursor of this table", cursor)
	}
	return item{partitionKey: text(key[0]), sortKey: text(key[1])}, nil
}

// describe says what is in an item; nothing if it does not belong to a life.
func describe(it item) ([]stream.Stored, error) {
	f := &fields{item: it}
	pk, sk := f.text(partitionKey), f.text(sortKey)
	var stored []stream.Stored
	var err error
	switch {
	case strings.HasPrefix(pk, headPrefix):
		stored, err = f.storedHead()
	case strings.HasPrefix(pk, dataPrefix):
		stored = make([]stream.Stored, 1)
		stored[0], err = f.storedData()
	case !strings.HasPrefix(pk, cursorPrefix):
		err = corrupt("it is of no kind that this program knows")
	}
	if err = errors.Join(err, f.err); err != nil {
		return nil, fmt.Errorf("item %q, %q: %w", pk, sk, err)
	}
	return stored, nil
}

// storedHead describes a head, and what its name owes to the registry; a tombstone is
// nothing by itself.
func (f *fields) storedHead() (stored []stream.Stored, err error) {
	name := f.name()
	h, err := decodeHead(f.item)
	switch {
	case h != nil:
		stored = append(stored, stream.Stored{Kind: stream.KindHead, Life: h.Life(name), Head: h})
	case err == nil && !f.has(tombstone):
		err = corrupt("neither a head nor a tombstone")
	}
	if owed := f.notices(); len(owed) > 0 {
		life := stream.Life{Name: name, Incarnation: owed[0].Incarnation}
		stored = append(stored, stream.Stored{Kind: stream.KindNotice, Life: life, Notices: owed})
	}
	return stored, err
}

// storedData describes an item of a life's data. Of a staged item and of a producer only the
// key and the version are looked at.
func (f *fields) storedData() (stream.Stored, error) {
	stored, sk := stream.Stored{Life: f.life(), Retired: f.has(removeAt)}, f.text(sortKey)
	if v := f.uint("f"); v != dataVersion {
		return stored, corrupt("version %d, this program knows %d", v, dataVersion)
	}
	var err error
	switch {
	case strings.HasPrefix(sk, chunkPrefix):
		stored.Kind, stored.Chunk = stream.KindChunk, new(stream.Chunk)
		*stored.Chunk, err = decodeChunk(f.item)
	case strings.HasPrefix(sk, stagedPrefix):
		stored.Kind, stored.Staged = stream.KindStaged, f.stagedID()
	case strings.HasPrefix(sk, producerPrefix):
		stored.Kind = stream.KindProducer
	case strings.HasPrefix(sk, segmentPrefix):
		stored.Kind, stored.Manifest = stream.KindManifest, new(stream.Manifest)
		*stored.Manifest, err = decodeManifest(f.item)
	case sk == lineageSort:
		stored.Kind = stream.KindLineage
		_, err = decodeLineage(f.item)
	case strings.HasPrefix(sk, forkPrefix):
		stored.Kind, stored.Fork = stream.KindFork, f.fork()
	default:
		err = corrupt("it is of no kind that this program knows")
	}
	return stored, err
}
