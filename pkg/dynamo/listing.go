package dynamo

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// listIndex lists, in order, the names that have a head, and the manifests of all
// lives. It is sparse: other items are not in it. Nor is any attribute of a head that an
// append changes, so that appending costs nothing more; what a head pays is one write
// of the index when it is created, and one when it is deleted. Of a manifest it has all
// but the tail: it is written once, and a list that had to look each of them up would
// cost more than the few bytes that are stored twice.
//
//	lk  S  partition: streams#<digit> or segments#<digit>, by a hash of the name
//	ln  S  of a head: the name
//	       of a manifest: name NUL incarnation NUL number, in which a NUL in the name
//	       is escaped so that the order is that of name, incarnation, number
const (
	listIndex    = "listing"
	listKey      = "lk"
	listSort     = "ln"
	streamList   = "streams#"
	segmentList  = "segments#"
	maxIndexSort = 1024
)

// listHead puts a head into the index.
func listHead(it item, name string) {
	it[listKey] = text(listShard(streamList, name))
	it[listSort] = text(name)
}

// listSegment puts a manifest into the index.
func listSegment(it item, life stream.Life, n uint64) {
	it[listKey] = text(listShard(segmentList, life.Name))
	it[listSort] = text(listedSegment(life, n))
}

// listShard spreads the index over partitions, for the reason that [workShard] has.
func listShard(list, name string) string {
	h := fnv.New32a()
	h.Write([]byte(name))
	return fmt.Sprintf("%s%x", list, h.Sum32()&0xf)
}

func listedSegment(life stream.Life, n uint64) string {
	return fmt.Sprintf("%s\x00%v\x00%016d", escaped(life.Name), life.Incarnation, n)
}

// escaped returns a name without NUL, so that one can follow it. The order and the
// beginnings of names stay as they are.
func escaped(name string) string {
	return strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02").Replace(name)
}

// Streams implements [stream.Catalog]. Cost: one Query of each of the 16 shards of the
// index, at the same time; each may read as many names as are asked for (about 0.2 KB
// each, eventually consistent).
func (s *Store) Streams(ctx context.Context, prefix, after string, max int) ([]string, error) {
	items, err := s.list(ctx, streamList, prefix, after, max)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(items))
	for _, it := range items {
		f := &fields{item: it}
		names = append(names, f.name())
		if f.err != nil {
			return nil, rejected(f.err)
		}
	}
	return names, nil
}

// Segments implements [stream.Catalog]. The manifests have no Tail. Cost: as that of
// [Store.Streams]; about 0.5 KB each.
func (s *Store) Segments(ctx context.Context, prefix string, after stream.Life, n uint64, max int) ([]stream.StoredSegment, error) {
	from := ""
	if after.Name != "" {
		from = listedSegment(after, n)
	}
	items, err := s.list(ctx, segmentList, escaped(prefix), from, max)
	if err != nil {
		return nil, err
	}
	segments := make([]stream.StoredSegment, 0, len(items))
	for _, it := range items {
		f := &fields{item: it}
		life := f.life()
		m, err := decodeManifest(it)
		if err = cmp.Or(f.err, err); err != nil {
			return nil, rejected(err)
		}
		segments = append(segments, stream.StoredSegment{Life: life, Manifest: m})
	}
	return segments, nil
}

// list returns the first n items of a list whose sort keys begin with prefix and come
// after another key, in order.
func (s *Store) list(ctx context.Context, list, prefix, after string, n int) ([]item, error) {
	// Both ends belong to the range: nothing is between a string and the same one with
	// a NUL, and no key with the prefix is greater than it is when filled up like this.
	from := max(prefix, after+"\x00")
	to := prefix + strings.Repeat("\U0010ffff", max(0, maxIndexSort-len(prefix))/4)
	if from > to {
		return nil, nil
	}
	all := shards(list)
	found := make([][]item, len(all))
	err := atOnce(len(all), func(i int) (err error) {
		found[i], err = s.listShard(ctx, all[i], from, to, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	items := slices.Concat(found...)
	slices.SortFunc(items, func(a, b item) int {
		return cmp.Compare((&fields{item: a}).text(listSort), (&fields{item: b}).text(listSort))
	})
	return items[:min(n, len(items))], nil
}

// listShard returns the first n items of a shard whose sort keys are in a range.
func (s *Store) listShard(ctx context.Context, shard, from, to string, n int) ([]item, error) {
	e := &expression{}
	e.where(listKey+" = %s", text(shard))
	e.where(listSort+" BETWEEN %s AND %s", text(from), text(to))
	in := &dynamodb.QueryInput{
		TableName:                 &s.Table,
		IndexName:                 aws.String(listIndex),
		KeyConditionExpression:    e.condition(),
		ExpressionAttributeValues: e.values,
	}
	var items []item
	for {
		in.Limit = aws.Int32(int32(n - len(items)))
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return nil, classify(err)
		}
		items = append(items, out.Items...)
		if out.LastEvaluatedKey == nil || len(items) >= n {
			return items, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}
