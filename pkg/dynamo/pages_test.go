package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// pages is a client whose queries return few items at a time, and before each of
// these pages an empty one.
type pages struct {
	dynamo.Client
	size int32
}

// afterEmpty marks the key that an empty page ends with.
const afterEmpty = "after an empty page"

func (p pages) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	start := maps.Clone(in.ExclusiveStartKey)
	if start[afterEmpty] == nil {
		if start == nil {
			start = make(map[string]types.AttributeValue)
		}
		start[afterEmpty] = &types.AttributeValueMemberBOOL{Value: true}
		return &dynamodb.QueryOutput{LastEvaluatedKey: start}, nil
	}
	delete(start, afterEmpty)
	if len(start) == 0 {
		start = nil
	}
	passed := *in
	passed.ExclusiveStartKey = start
	passed.Limit = aws.Int32(min(p.size, aws.ToInt32(in.Limit)))
	return p.Client.Query(ctx, &passed, o...)
}

// Scan returns few items at a time.
func (p pages) Scan(ctx context.Context, in *dynamodb.ScanInput, o ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error) {
	passed := *in
	passed.Limit = aws.Int32(min(p.size, aws.ToInt32(in.Limit)))
	return p.Client.Scan(ctx, &passed, o...)
}

// leftovers is a client whose batches leave every second item undone.
type leftovers struct{ dynamo.Client }

func (l leftovers) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	taken, left := maps.Clone(in.RequestItems), make(map[string][]types.WriteRequest)
	for table, all := range taken {
		n := (len(all) + 1) / 2
		taken[table] = all[:n]
		if n < len(all) {
			left[table] = all[n:]
		}
	}
	_, err := l.Client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: taken}, o...)
	return &dynamodb.BatchWriteItemOutput{UnprocessedItems: left}, err
}

// onPages opens a store for tests of what takes several queries.
func onPages(t *testing.T, size int32) *dynamo.Store {
	t.Helper()
	c := sdk(t, processes.dynoxide)
	return newStore(t, pages{c, size}, newTable(t, c))
}

func TestChunksOverPages(t *testing.T) {
	for _, size := range []int32{1, 3, 100} {
		d, life := onPages(t, size), aLife(1)
		var want []stream.Chunk
		for i := range 10 {
			c := aChunk(uint64(10*i), "0123456789")
			check(t, d.PutChunk(t.Context(), life, c))
			want = append(want, c)
		}
		// Others of the same partition are no chunks.
		check(t, d.SpillProducer(t.Context(), life, "p", stream.Producer{}))
		for _, max := range []int{1, 15, 1000} {
			var got []stream.Chunk
			for after := (stream.Offset{}); ; after = got[len(got)-1].To {
				some, err := d.Chunks(t.Context(), life, after, max)
				check(t, err)
				if len(some) == 0 {
					break
				}
				if n := len(some); 10*(n-1) >= max || n > int(size) {
					t.Errorf("%d chunks are more than %d bytes, or than a page of %d", n, max, size)
				}
				got = append(got, some...)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("pages of %d, up to %d bytes: %v, want %v", size, max, got, want)
			}
		}
		if some, err := d.Chunks(t.Context(), aLife(2), stream.Offset{}, 10); err != nil || len(some) > 0 {
			t.Errorf("of another life: %v, %v", some, err)
		}
	}
}

func TestManifestsOverPages(t *testing.T) {
	for _, size := range []int32{1, 3, 100} {
		d, life := onPages(t, size), aLife(1)
		var all []stream.Manifest
		for i := range uint64(7) {
			m := stream.Manifest{
				Segment: i, From: stream.Offset{Segment: max(i, 1) - 1, Position: min(i, 1) * 9}, To: stream.Offset{Segment: i, Position: 9},
				Count: 3, Object: fmt.Sprint("o", i), Size: 20, CRC: 1<<32 - 1,
			}
			if i > 0 {
				m.Tail = fmt.Append(nil, "tail", i)
			}
			check(t, d.PutManifest(t.Context(), life, m))
			all = append(all, m)
		}
		check(t, d.SpillProducer(t.Context(), life, "p", stream.Producer{}))
		for _, c := range []struct {
			after stream.Offset
			first int
		}{
			{stream.Offset{}, 0},
			{stream.Offset{Segment: 2, Position: 8}, 2},
			{stream.Offset{Segment: 2, Position: 9}, 3},
			{stream.Offset{Segment: 6, Position: 9}, 7},
		} {
			for _, max := range []int{1, 2, 7, 8} {
				got, err := d.Manifests(t.Context(), life, c.after, max)
				check(t, err)
				want := all[c.first:min(len(all), c.first+max)]
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("pages of %d, after %v, %d of them: %v, want %v", size, c.after, max, got, want)
				}
			}
		}
	}
}

func TestOwedOverPages(t *testing.T) {
	for _, size := range []int32{1, 3, 100} {
		d := onPages(t, size)
		want := make(map[stream.Life]bool)
		for i := range byte(12) {
			// Names and lives of one shard of the index, and of several.
			w := stream.Life{Name: fmt.Sprint("s", i/2), Incarnation: stream.Incarnation{i / 6 << 4, i}}
			h := aHead(0)
			h.Incarnation = w.Incarnation
			check(t, d.Create(t.Context(), w.Name, h, nil))
			check(t, d.Delete(t.Context(), w.Name, w.Incarnation))
			want[w] = true
		}
		for _, max := range []int{1, 5, 12, 13} {
			got, err := d.Owed(t.Context(), max)
			check(t, err)
			seen := make(map[stream.Life]bool)
			for _, w := range got {
				if !want[w] {
					t.Errorf("%v is not owed", w)
				}
				seen[w] = true
			}
			if len(got) != min(max, len(want)) || len(seen) != len(got) {
				t.Errorf("pages of %d: Owed(%d) returns %d works, %d different ones", size, max, len(got), len(seen))
			}
		}
	}
}

// fill stores items of all kinds for a life, and returns how many.
func fill(t *testing.T, d stream.Driver, life stream.Life) int {
	t.Helper()
	for i := range uint64(20) {
		c := aChunk(10*i, "0123456789")
		check(t, d.PutChunk(t.Context(), life, c))
		check(t, d.PutStaged(t.Context(), life, stream.StagedID{Commit: stream.StagedCommit(i + 1)}, c.Frames))
		check(t, d.SpillProducer(t.Context(), life, fmt.Sprint(i), stream.Producer{}))
		check(t, d.PutManifest(t.Context(), life, stream.Manifest{Segment: i, Object: "o"}))
	}
	return 80
}

func TestDiscardOverPages(t *testing.T) {
	for _, size := range []int32{7, 60} {
		d, life := onPages(t, size), aLife(1)
		items := fill(t, d, life)
		check(t, d.PutChunk(t.Context(), aLife(2), aChunk(0, "other")))
		calls := 0
		for ended := false; !ended; calls++ {
			if calls > items {
				t.Fatal("it does not end")
			}
			var err error
			ended, err = d.Discard(t.Context(), life, 30)
			check(t, err)
		}
		if n := items / min(30, int(size)); calls < n {
			t.Errorf("%d items are gone after %d calls", items, calls)
		}
		if left, err := d.Chunks(t.Context(), life, stream.Offset{}, 10); err != nil || len(left) > 0 {
			t.Errorf("left are %v, %v", left, err)
		}
		if others, err := d.Chunks(t.Context(), aLife(2), stream.Offset{}, 10); err != nil || len(others) != 1 {
			t.Errorf("of the other life %v are left, %v", others, err)
		}
	}
}

// What a batch leaves undone is no success, and does not keep the collector from
// finishing.
func TestDiscardOfLeftovers(t *testing.T) {
	c := sdk(t, processes.dynoxide)
	table := newTable(t, c)
	whole := newStore(t, c, table)
	h := aHead(1)
	check(t, whole.Create(t.Context(), "s", h, nil))
	check(t, whole.Delete(t.Context(), "s", h.Incarnation))
	fill(t, whole, h.Life("s"))
	d := newStore(t, leftovers{c}, table)
	if done, err := d.Discard(t.Context(), h.Life("s"), 100); done || !errors.Is(err, stream.ErrNotApplied) {
		t.Errorf("a batch left items undone: %v, %v", done, err)
	}
	log, err := stream.New(d, stream.Options{Limits: limits})
	check(t, err)
	for end := time.Now().Add(patience); ; {
		got, err := log.Collect(t.Context(), 10)
		check(t, err)
		if got.Settled == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the collector does not finish: %+v", got)
		}
	}
	if done, err := whole.Discard(t.Context(), h.Life("s"), 100); !done || err != nil {
		t.Errorf("settled, although something is left: %v, %v", done, err)
	}
	if works, err := whole.Owed(t.Context(), 10); err != nil || len(works) > 0 {
		t.Errorf("still owed: %v, %v", works, err)
	}
}
