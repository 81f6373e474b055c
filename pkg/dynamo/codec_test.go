package dynamo_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"fmt"
	"math"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Every head that can come about is read as it was written.
func TestHeadRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := drawHead(rt, drawLimits(rt))
		if rapid.Bool().Draw(rt, "more") {
			h = drawMore(rt, h)
		}
		it := dynamo.EncodeHead("s", h)
		got, err := dynamo.DecodeHead(it)
		if err != nil {
			rt.Fatalf("%+v: %v", h, err)
		}
		if diff := differ(got, h); diff != "" {
			rt.Fatalf("%s\nhead %+v\nitem %s", diff, h, show(it))
		}
		if again := dynamo.EncodeHead("s", got); show(again) != show(it) {
			rt.Fatalf("encoded as\n%s\nand then\n%s", show(it), show(again))
		}
	})
}

// drawMore changes what batches hardly reach.
func drawMore(t *rapid.T, h *stream.Head) *stream.Head {
	h = h.Clone()
	h.Incarnation = stream.Incarnation(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "incarnation"))
	h.Version = rapid.Uint64().Draw(t, "version")
	h.Commits = rapid.Uint64().Draw(t, "commits")
	h.Seq = rapid.String().Draw(t, "seq")
	h.UsedAt = time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "used at")).UTC()
	if rapid.Bool().Draw(t, "forgot") {
		h.Forgotten = time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "forgotten")).UTC()
	}
	h.Compacted = rapid.Uint64().Draw(t, "compacted")
	h.StagedAfter = rapid.Int64Min(0).Draw(t, "staged after")
	h.Forks = rapid.IntMin(0).Draw(t, "forks")
	if rapid.Bool().Draw(t, "fork") {
		h.Origin = &stream.Origin{
			Source: stream.Life{Name: rapid.String().Draw(t, "source"), Incarnation: stream.Incarnation(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "of life"))},
			At:     stream.Offset{Segment: rapid.Uint64().Draw(t, "in"), Position: rapid.Uint64().Draw(t, "at")},
			Anchor: stream.Offset{Segment: rapid.Uint64().Draw(t, "anchor in"), Position: rapid.Uint64().Draw(t, "anchor")},
			Sub:    rapid.Uint64().Draw(t, "sub"),
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "producers") {
		if h.Producers == nil {
			h.Producers = make(map[string]stream.HeldProducer)
		}
		h.Producers[rapid.String().Draw(t, "producer")] = stream.HeldProducer{
			Producer: stream.Producer{Epoch: rapid.Uint64().Draw(t, "epoch"), Seq: rapid.Uint64().Draw(t, "seq of producer")},
			Used:     rapid.Uint64().Draw(t, "used"),
		}
	}
	if h.Closed {
		h.ClosedBy = stream.ProducerTag{ID: rapid.String().Draw(t, "closer"), Producer: stream.Producer{Epoch: rapid.Uint64().Draw(t, "epoch")}}
	}
	h.Burned = nil
	for range rapid.IntRange(0, 3).Draw(t, "burns") {
		h.Burned = append(h.Burned, stream.Burned{
			ID: stream.CommitID(rapid.Uint64Min(1).Draw(t, "burned")), At: time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "at")).UTC(),
		})
	}
	return h
}

// Data of entries is read as it was written, and says where the entry ends.
func TestDataRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		unit := rapid.SampledFrom([]stream.Unit{stream.Bytes, stream.Messages}).Draw(rt, "unit")
		from := stream.Offset{Segment: rapid.Uint64Range(0, 1<<40).Draw(rt, "segment"), Position: rapid.Uint64Range(0, 1<<40).Draw(rt, "position")}
		begins := rapid.Bool().Draw(rt, "begins a segment")
		e := stream.Entry{From: from}
		if rapid.Bool().Draw(rt, "staged") {
			e.Count, e.Size = rapid.IntRange(0, math.MaxInt32).Draw(rt, "count"), rapid.IntRange(0, math.MaxInt).Draw(rt, "size")
			e.Staged = stream.StagedID{Commit: stream.StagedCommit(rapid.Uint64Min(1).Draw(rt, "commit")), Part: rapid.IntRange(0, 1000).Draw(rt, "part"), At: rapid.Int64Min(0).Draw(rt, "at"), Object: rapid.Bool().Draw(rt, "object")}
		} else {
			var r stream.Records
			for range rapid.IntRange(1, 4).Draw(rt, "records") {
				r.Add(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(rt, "record"))
			}
			e.Frames, e.Count, e.Size = r.Frames, r.Count, r.Size
		}
		e.To = from
		if begins {
			e.To = stream.Offset{Segment: from.Segment + 1}
		}
		if unit == stream.Messages {
			e.To.Position += uint64(e.Count)
		} else {
			e.To.Position += uint64(e.Size)
		}
		data := dynamo.AppendData([]byte("before"), e, begins)
		rest, ok := bytes.CutPrefix(data, []byte("before"))
		if !ok {
			rt.Fatal("it does not append")
		}
		got, err := dynamo.ParseData(rest, from, unit)
		if err != nil || !reflect.DeepEqual(got, e) {
			rt.Fatalf("%+v, %v; want %+v", got, err, e)
		}
	})
}

func FuzzParseData(f *testing.F) {
	for _, e := range []stream.Entry{
		{}, {Frames: aChunk(0, "record").Frames},
		{Count: 3, Size: 70, Staged: stream.StagedID{Commit: 1, Part: 2, At: 3, Object: true}},
	} {
		f.Add(dynamo.AppendData(nil, e, false), true)
		f.Add(dynamo.AppendData(nil, e, true), false)
	}
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}, true)
	f.Fuzz(func(t *testing.T, data []byte, messages bool) {
		unit := stream.Bytes
		if messages {
			unit = stream.Messages
		}
		e, err := dynamo.ParseData(data, stream.Offset{}, unit)
		if err != nil {
			return
		}
		if e.Count < 0 || e.Size < 0 || e.Staged.Part < 0 || e.Staged.At < 0 {
			t.Fatalf("%x is %+v", data, e)
		}
		// What was understood is written so that it is understood again.
		again, err := dynamo.ParseData(dynamo.AppendData(nil, e, e.From.Segment != e.To.Segment), stream.Offset{}, unit)
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Fatalf("%x is %+v, then %+v, %v", data, e, again, err)
		}
	})
}

// damaged returns an item with some attributes replaced by whatever the bytes say.
func damaged(good item, data []byte) item {
	names := make([]string, 0, len(good))
	for name := range good {
		names = append(names, name)
	}
	sort.Strings(names)
	it := make(item, len(good))
	for _, name := range names {
		it[name] = good[name]
	}
	take := func(n int) []byte {
		n = min(n, len(data))
		part := data[:n]
		data = data[n:]
		return part
	}
	var value func(depth int) types.AttributeValue
	value = func(depth int) types.AttributeValue {
		head := append(slices.Clone(take(2)), 0, 0)
		kind, size := head[0], int(head[1])
		if depth == 0 {
			kind %= 5
		}
		switch kind % 9 {
		case 0:
			return &types.AttributeValueMemberB{Value: take(size)}
		case 1:
			return &types.AttributeValueMemberS{Value: string(take(size))}
		case 2:
			return &types.AttributeValueMemberN{Value: fmt.Sprint(binary.LittleEndian.Uint64(append(slices.Clone(take(8)), make([]byte, 8)...)))}
		case 3:
			return &types.AttributeValueMemberN{Value: string(take(size % 8))}
		case 4:
			return &types.AttributeValueMemberBOOL{Value: size%2 == 0}
		case 5, 6:
			var all []types.AttributeValue
			for range size % 6 {
				all = append(all, value(depth-1))
			}
			return &types.AttributeValueMemberL{Value: all}
		case 7:
			return &types.AttributeValueMemberBS{Value: [][]byte{take(size)}}
		default:
			all := make(item)
			for range size % 4 {
				all[string(take(3))] = value(depth - 1)
			}
			return &types.AttributeValueMemberM{Value: all}
		}
	}
	for len(data) > 0 {
		name := names[int(take(1)[0])%len(names)]
		it[name] = value(2)
	}
	return it
}

// richHead has every attribute that a head can have.
func richHead(t testing.TB) *stream.Head {
	h := aHead(1)
	h.ContentType = `text/PLAIN; charset="x"`
	h.HasTTL, h.TTL, h.ExpiresAt = true, time.Hour, clock.Add(time.Hour)
	h.UsedAt, h.Deadline = clock, clock.Add(h.Window())
	h.Burned = []stream.Burned{{ID: 5, At: clock}}
	a := produced("p", 3, 0, 10)
	a.ContentType, a.Seq, a.Close = h.ContentType, "7", true
	for i := range 3 {
		plain := body(10)
		plain.ContentType = h.ContentType
		next, ok := stream.Admit(h, aBatch(stream.CommitID(10+i), plain), limits)
		if !ok {
			t.Fatal("a plain append is not admitted")
		}
		h = next
	}
	next, ok := stream.Admit(h, aBatch(20, a), limits)
	if !ok {
		t.Fatal("a closing append is not admitted")
	}
	next.Spilled, next.SpilledCount, next.Sealed, next.Unregistered = true, 3, true, true
	next.Compacted, next.StagedAfter, next.Forgotten = 2, 5, clock
	next.Forks, next.Deleted = 3, true
	next.Origin = &stream.Origin{Source: aLife(7), At: stream.Offset{Segment: 1, Position: 300}, Anchor: stream.Offset{Position: 200}, Sub: 100}
	return next
}

func TestRichHead(t *testing.T) {
	it := dynamo.EncodeHead("s", richHead(t))
	for _, attribute := range dynamo.HeadAttributes {
		if it[attribute] == nil {
			t.Errorf("no %s", attribute)
		}
		delete(it, attribute)
	}
	// Whatever encodeHead sets and this list lacks would outlive an update.
	if len(it) > 0 {
		t.Errorf("not in the list of a head's attributes: %s", show(it))
	}
}

func FuzzDecodeHead(f *testing.F) {
	good := dynamo.EncodeHead("s", richHead(f))
	f.Add([]byte{})
	for i := range byte(40) {
		f.Add([]byte{i, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8})
		f.Add([]byte{i, 2, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		f.Add([]byte{i, 5, 4, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 1, 'x', 0, 3, 1, 2})
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		it := damaged(good, data)
		h, err := dynamo.DecodeHead(it)
		if err != nil || h == nil {
			return
		}
		if len(h.Buffer) > 0 && h.Buffer[len(h.Buffer)-1].To != h.Tail || h.SegmentCount < 0 || h.SegmentSize < 0 || h.BufferSize < 0 {
			t.Fatalf("read as a head that cannot be: %+v", h)
		}
		// What was understood is written so that it is understood again.
		again, err := dynamo.DecodeHead(dynamo.EncodeHead("s", h))
		if err != nil {
			t.Fatalf("%+v: %v", h, err)
		}
		if again.Tail != h.Tail || !reflect.DeepEqual(again.Buffer, h.Buffer) || again.ContentType != h.ContentType || !reflect.DeepEqual(again.Origin, h.Origin) {
			t.Fatalf("%+v\nthen %+v", h, again)
		}
	})
}

// keeper is a client that keeps the items that are put.
type keeper struct {
	dynamo.Client
	items []item
}

func (k *keeper) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	k.items = append(k.items, in.Item)
	return &dynamodb.PutItemOutput{}, nil
}

func (k *keeper) TransactWriteItems(_ context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	for _, w := range in.TransactItems {
		if w.Put != nil {
			k.items = append(k.items, w.Put.Item)
		}
	}
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

func FuzzDecodeData(f *testing.F) {
	chunk, manifest := aChunk(5, "record"), stream.Manifest{Segment: 3, To: stream.Offset{Segment: 3}, Object: "o", Tail: []byte{1}}
	var kept keeper
	d, err := dynamo.New(&kept, dynamo.Options{Table: "t"})
	if err != nil {
		f.Fatal(err)
	}
	lineage := &stream.Lineage{Source: aLife(1), Ranges: []stream.Inherited{{Life: aLife(1), To: chunk.To}}}
	if err := errors.Join(d.PutChunk(f.Context(), aLife(1), chunk), d.PutManifest(f.Context(), aLife(1), manifest), d.Fork(f.Context(), "fork", aFork(2, aLife(1)), nil, lineage, clock)); err != nil {
		f.Fatal(err)
	}
	c, m, l := kept.items[0], kept.items[1], kept.items[4]
	for i := range byte(12) {
		f.Add([]byte{i, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8})
		f.Add([]byte{i, 2, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := dynamo.DecodeChunk(damaged(c, data)); err == nil && (got.Count < 0 || got.Size < 0) {
			t.Fatalf("read as a chunk that cannot be: %+v", got)
		}
		if got, err := dynamo.DecodeManifest(damaged(m, data)); err == nil && (got.Count < 0 || got.Size < 0) {
			t.Fatalf("read as a manifest that cannot be: %+v", got)
		}
		if got, err := dynamo.DecodeLineage(damaged(l, data)); err == nil && got == nil {
			t.Fatal("read as the lineage of no fork")
		}
	})
}

// What ItemSize says is what is billed: the official stand-in bills by Amazon's rules,
// and around a border of 1 KB a byte more or less shows.
func TestItemSizeIsBilled(t *testing.T) {
	c := sdk(t, processes.official)
	table := newTable(t, c)
	shapes := map[string]item{
		"nothing":     {},
		"string":      {"a": str("ümläut")},
		"binary":      {"abc": bin(1, 2, 3)},
		"empty":       {"a": str(""), "b": bin()},
		"bool":        {"a": &types.AttributeValueMemberBOOL{Value: true}},
		"list":        {"a": list(bin(1), str("xy"), bin())},
		"empty list":  {"a": list()},
		"nested list": {"a": list(list(bin(1)))},
		"map":         {"a": mapping("key", str("value"))},
		"empty map":   {"a": &types.AttributeValueMemberM{Value: item{}}},
		"binary set":  {"a": &types.AttributeValueMemberBS{Value: [][]byte{{1, 2}, {3}}}},
		"head":        dynamo.EncodeHead("s", richHead(t)),
		"other head":  dynamo.EncodeHead("s", aHead(1)),
	}
	for _, number := range []string{"0", "1", "9", "10", "12", "99", "100", "101", "120", "123", "1000", "1024", "12345", "100000", "1767323045678", "1767323045600", "18446744073709551615"} {
		shapes["number "+number] = item{"a": num(number)}
	}
	for name, shape := range shapes {
		// What is written to an index is billed on top of it.
		delete(shape, "lk")
		it := item{"pk": str("p"), "sk": str(name), "pad": bin()}
		for attribute, v := range shape {
			it[attribute] = v
		}
		fixed := dynamo.ItemSize(it)
		for _, total := range []int{1024, 1025, 2048, 2049} {
			it["pad"] = bin(make([]byte, total-fixed)...)
			if got := dynamo.ItemSize(it); got != total {
				t.Fatalf("%s: padded to %d bytes, want %d", name, got, total)
			}
			out, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: it, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
			check(t, err)
			if got, want := *out.ConsumedCapacity.CapacityUnits, float64((total+1023)/1024); got != want {
				t.Errorf("%s of %d bytes: billed are %v write units, want %v", name, total, got, want)
			}
		}
		// The next size is measured alone: the larger one of before and after counts.
		remove(t, c, table, it)
	}
}

// The size of a head is what its item has, and never less: whoever decides by it
// when to flush must not be surprised by another write unit.
func TestHeadSizeIsBilled(t *testing.T) {
	c := sdk(t, processes.dynoxide)
	table := newTable(t, c)
	d := newStore(t, c, table)
	for i, h := range []*stream.Head{aHead(1), richHead(t)} {
		name := strings.Repeat("name", i+1)
		check(t, d.Create(t.Context(), name, h, nil))
		size := func() int { return dynamo.ItemSize(stored(t, c, table, "stream#"+name, "head")) }
		got, want := d.HeadSize(name, h), size()
		if h.Closed {
			if got != want {
				t.Errorf("HeadSize is %d, the item has %d", got, want)
			}
			continue
		}
		// The first commit adds a deadline, which means nothing without a TTL.
		h, err := d.Commit(t.Context(), name, aBatch(1, body(10)), limits)
		check(t, err)
		if got, want := d.HeadSize(name, h), size(); got != want {
			t.Errorf("HeadSize is %d, the item has %d", got, want)
		}
	}
}
