package dynamo_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/meter"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/registry"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// patience bounds waits that are expected to end at once.
const patience = 30 * time.Second

// shop is a table behind a meter. Each process of it is a log of its own that has
// seen nothing.
type shop struct {
	*testing.T
	meter  *meter.Client
	driver stream.Driver
	limits stream.Limits
	// registry is off unless it is set.
	registry stream.Registry
}

func newShop(t *testing.T) *shop {
	c := sdk(t, processes.dynoxide)
	m := &meter.Client{Client: c, Sizes: true}
	d, err := dynamo.New(m, dynamo.Options{Table: newTable(t, c)})
	if err != nil {
		t.Fatal(err)
	}
	return &shop{T: t, meter: m, driver: d, limits: dynamo.Limits(stream.DefaultLimits())}
}

func (s *shop) process() *stream.Log {
	s.Helper()
	log, err := stream.New(s.driver, stream.Options{Limits: s.limits, Registry: s.registry, Record: registry.Record})
	if err != nil {
		s.Fatal(err)
	}
	return log
}

// costs expects what the calls since the last look at the meter used.
func (s *shop) costs(what string, reads, writes, refused int) {
	s.Helper()
	if u := s.meter.Take(); u.Reads != reads || u.Writes != writes || u.Refused != refused {
		s.Errorf("%s: %v; want %d reads and %d writes, %d of them refused", what, u, reads, writes, refused)
	}
}

func (s *shop) create(name string) {
	s.Helper()
	_, created, err := s.process().Create(s.Context(), name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}})
	if err != nil || !created {
		s.Fatalf("create: %v, %v", created, err)
	}
}

func body(size int) *stream.Append {
	a := &stream.Append{ContentType: "text/plain"}
	a.Records.Add([]byte(strings.Repeat("x", size)))
	return a
}

func produced(id string, epoch, seq uint64, size int) *stream.Append {
	a := body(size)
	a.Producer = &stream.ProducerTag{ID: id, Producer: stream.Producer{Epoch: epoch, Seq: seq}}
	return a
}

// What each operation costs in requests, in processes that have never seen the
// stream.
func TestRequests(t *testing.T) {
	s := newShop(t)
	s.create("s")
	s.costs("create", 0, 1, 0)
	add := func(what string, a *stream.Append, ok bool) {
		t.Helper()
		if _, err := s.process().Append(t.Context(), "s", a); (err == nil) != ok {
			t.Fatalf("%s: %v", what, err)
		}
	}
	s.limits.EarlyWait = 0
	add("append", body(100), true)
	s.costs("append", 0, 1, 0)
	add("first of a producer", produced("p", 0, 0, 100), true)
	s.costs("first append of a producer", 0, 1, 0)
	add("append of a producer", produced("p", 0, 1, 100), true)
	s.costs("append of a producer", 0, 1, 0)
	withSeq := body(10)
	withSeq.Seq = "1"
	add("append with Stream-Seq", withSeq, true)
	s.costs("append with Stream-Seq", 0, 1, 0)
	add("duplicate", produced("p", 0, 1, 100), true)
	s.costs("duplicate", 0, 1, 1)
	add("gap", produced("p", 0, 7, 100), false)
	s.costs("gap", 0, 1, 1)
	add("new epoch", produced("p", 1, 0, 100), true)
	s.costs("new epoch", 0, 2, 1)
	add("fenced", produced("p", 0, 2, 100), false)
	s.costs("fenced", 0, 1, 1)
	other := body(10)
	other.ContentType = "text/html"
	add("other content type", other, false)
	s.costs("other content type", 0, 1, 1)
	if _, err := s.process().Head(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	s.costs("HEAD", 1, 0, 0)
	reader := s.process()
	page, err := reader.Read(t.Context(), "s", stream.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.costs("read at the tail", 1, 0, 0)

	// A flush is two writes, whoever does it, and its reads are those of a reader
	// behind it.
	writer := s.process()
	for {
		done, err := writer.Append(t.Context(), "s", body(100))
		if err != nil {
			t.Fatal(err)
		}
		s.costs("append", 0, 1, 0)
		if done.FlushDue() {
			if err := writer.Flush(t.Context(), "s", done); err != nil {
				t.Fatal(err)
			}
			s.costs("flush", 0, 2, 0)
			break
		}
	}
	for range 2 {
		if _, err := s.process().Read(t.Context(), "s", stream.Start()); err != nil {
			t.Fatal(err)
		}
		s.costs("catch-up by a process that does not know the stream", 2, 0, 0)
	}
	if _, err := reader.Read(t.Context(), "s", stream.At(page.Next)); err != nil {
		t.Fatal(err)
	}
	s.costs("read behind the tail", 2, 0, 0)

	// A linked record is put ahead of its commit, for a life that is looked up unless
	// it is known.
	add("linked append", body(4000), true)
	s.costs("linked append by a process that does not know the stream", 1, 2, 0)
	if _, err := writer.Append(t.Context(), "s", body(4000)); err != nil {
		t.Fatal(err)
	}
	s.costs("linked append by a process that knows the stream", 0, 2, 0)

	// The first append of a segment is refused once.
	usual := s.limits
	s.limits.SegmentSize = 1000
	add("append to a full segment", body(100), true)
	s.costs("append to a full segment", 0, 2, 1)
	s.limits = usual

	closing := body(10)
	closing.Close = true
	add("append and close", closing, true)
	s.costs("append and close", 0, 1, 0)
	add("append to a closed stream", body(10), false)
	s.costs("append to a closed stream", 0, 1, 1)
	s.create("t")
	s.costs("create", 0, 1, 0)
	if _, err := s.process().Append(t.Context(), "t", &stream.Append{Close: true}); err != nil {
		t.Fatal(err)
	}
	s.costs("close", 0, 1, 0)
	if err := s.process().Delete(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	s.costs("delete", 1, 1, 0)
	s.create("t")
	s.costs("create again", 0, 2, 1)
	if _, err := s.process().Append(t.Context(), "nothing", body(10)); err == nil {
		t.Fatal("appended to nothing")
	}
	s.costs("append to nothing", 0, 1, 1)
}

// What the driver's calls cost that no request of a client waits for.
func TestBackgroundRequests(t *testing.T) {
	s := newShop(t)
	d, ctx := s.driver, t.Context()
	s.create("s")
	h, err := d.Head(ctx, "s", stream.Strong)
	check(t, err)
	life := h.Life("s")
	var chunks []stream.Offset
	var items []stream.StagedID
	for i := range 20 {
		c := aChunk(uint64(10*i), "0123456789")
		check(t, d.PutChunk(ctx, life, c))
		chunks = append(chunks, c.To)
	}
	for i := range 3 {
		items = append(items, stream.StagedID{Commit: 1, Part: i, At: 1})
		check(t, d.PutStaged(ctx, life, items[i], aChunk(0, "records").Frames))
	}
	s.meter.Take()
	check(t, d.PutManifest(ctx, life, stream.Manifest{To: chunks[19], Count: 20, Object: "o"}))
	s.costs("manifest", 0, 1, 0)
	_, err = d.Compact(ctx, life, 1)
	check(t, err)
	s.costs("compact", 0, 1, 0)
	check(t, d.Retire(ctx, life, chunks, items))
	s.costs("retire 20 chunks and 3 staged items", 0, 23, 0)
	check(t, d.Retire(ctx, life, chunks[:5], nil))
	s.costs("retire 5 chunks again", 0, 5, 5)
	_, err = d.Streams(ctx, "", "", 10)
	check(t, err)
	s.costs("list streams", 16, 0, 0)
	_, err = d.Segments(ctx, "", stream.Life{}, 0, 10)
	check(t, err)
	s.costs("list segments", 16, 0, 0)
	_, _, err = d.Inventory(ctx, "", 100)
	check(t, err)
	s.costs("inventory", 1, 0, 0)
	check(t, d.SetCursor(ctx, "k", "v"))
	s.costs("set a cursor", 0, 1, 0)
	_, err = d.Cursor(ctx, "k")
	check(t, err)
	s.costs("cursor", 1, 0, 0)
}

// indexed is a client that notes what its writes cost in an index.
type indexed struct {
	dynamo.Client
	units map[string]float64
}

func (c *indexed) note(u *types.ConsumedCapacity) {
	for index, units := range u.GlobalSecondaryIndexes {
		c.units[index] += *units.CapacityUnits
	}
}

func (c *indexed) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	out, err := c.Client.PutItem(ctx, in, o...)
	if err == nil {
		c.note(out.ConsumedCapacity)
	}
	return out, err
}

func (c *indexed) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	out, err := c.Client.UpdateItem(ctx, in, o...)
	if err == nil {
		c.note(out.ConsumedCapacity)
	}
	return out, err
}

func (c *indexed) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	out, err := c.Client.TransactWriteItems(ctx, in, o...)
	if err == nil {
		for i := range out.ConsumedCapacity {
			c.note(&out.ConsumedCapacity[i])
		}
	}
	return out, err
}

// What is written to the indexes besides the table, as the official stand-in bills it:
// nothing by an append or a flush.
func TestIndexWrites(t *testing.T) {
	sdk := sdk(t, processes.official)
	c := &indexed{Client: sdk, units: make(map[string]float64)}
	d, err := dynamo.New(c, dynamo.Options{Table: newTable(t, sdk)})
	check(t, err)
	costs := func(what string, listing, work float64) {
		t.Helper()
		if l, w := c.units[dynamo.ListIndex], c.units[dynamo.WorkIndex]; l != listing || w != work {
			t.Errorf("%s: %v units of the index of names and %v of that of work, want %v and %v", what, l, w, listing, work)
		}
		clear(c.units)
	}
	ctx, life := t.Context(), aLife(1)
	check(t, d.Create(ctx, "s", aHead(1), nil))
	costs("create", 1, 0)
	closing := body(10)
	closing.Close = true
	for i, a := range []*stream.Append{body(10), produced("p", 0, 0, 2000), closing} {
		_, err := d.Commit(ctx, "s", aBatch(stream.CommitID(i+1), a), stream.DefaultLimits())
		check(t, err)
		costs("append", 0, 0)
	}
	h, err := d.Head(ctx, "s", stream.Strong)
	check(t, err)
	check(t, d.PutChunk(ctx, life, aChunk(0, "records")))
	h, err = d.Trim(ctx, "s", h, h.Tail, limits)
	check(t, err)
	costs("flush", 0, 0)
	next := h.Clone()
	next.Version, next.Sealed, next.StagedAfter = h.Version+1, true, 7
	check(t, d.Update(ctx, "s", next))
	costs("update", 0, 0)
	check(t, d.PutManifest(ctx, life, stream.Manifest{To: h.Tail, Count: 3, Object: "o", Tail: make([]byte, 5000)}))
	costs("manifest", 1, 0)
	_, err = d.Compact(ctx, life, 1)
	check(t, err)
	costs("compact", 0, 0)
	check(t, d.Retire(ctx, life, []stream.Offset{aChunk(0, "records").To}, nil))
	costs("retire", 0, 0)
	h, err = d.Head(ctx, "s", stream.Strong)
	check(t, err)
	source, lineage := aSource(t, d, "source", 9)
	costs("create", 1, 0)
	check(t, d.Fork(ctx, "fork", aFork(8, source), nil, lineage, clock))
	// One write, which this stand-in bills four times if it is part of a transaction.
	costs("fork", 4, 0)
	_, err = d.Release(ctx, source, aFork(8, source).Life("fork"))
	check(t, err)
	costs("release", 0, 0)
	check(t, d.Create(ctx, "s", aHead(2), h))
	costs("create in place of a head", 0, 1)
	check(t, d.Delete(ctx, "s", stream.Incarnation{2}))
	// The work index is told of another life and of another time.
	costs("delete", 1, 2)
	check(t, d.Create(ctx, "s", aHead(3), nil))
	costs("create over a tombstone", 1, 0)
	check(t, d.Settle(ctx, aLife(1)))
	costs("settle one of two", 0, 1)
	check(t, d.Settle(ctx, aLife(2)))
	costs("settle the last", 0, 1)
}

// A process that knows a stream fetches head and chunks in one round trip: neither
// request waits for the other.
func TestCatchUpIsOneRoundTrip(t *testing.T) {
	s := newShop(t)
	s.create("s")
	writer := s.process()
	for range 20 {
		done, err := writer.Append(t.Context(), "s", body(100))
		if err != nil {
			t.Fatal(err)
		}
		if done.FlushDue() {
			if err := writer.Flush(t.Context(), "s", done); err != nil {
				t.Fatal(err)
			}
		}
	}
	reader := s.process()
	if _, err := reader.Read(t.Context(), "s", stream.Start()); err != nil {
		t.Fatal(err)
	}
	s.meter.Take()
	s.meter.Together = 2
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := reader.Read(ctx, "s", stream.Start()); err != nil {
		t.Fatal(err)
	}
	s.meter.Together = 0
	s.costs("catch-up by a process that knows the stream", 2, 0, 0)
}

// writeUnits returns what an append costs on average, flushes included, after the
// stream has reached its usual state.
func writeUnits(s *shop, size, producers int) float64 {
	s.Helper()
	const warm, measured = 60, 300
	name := fmt.Sprintf("cost/%d/%d", size, producers)
	s.create(name)
	writer := s.process()
	seqs := make([]uint64, max(1, producers))
	for n := range warm + measured {
		if n == warm {
			s.meter.Take()
		}
		a := body(size)
		if producers > 0 {
			p := n % producers
			a = produced(fmt.Sprintf("producer-%d", p), 0, seqs[p], size)
			seqs[p]++
		}
		done, err := writer.Append(s.Context(), name, a)
		if err == nil && done.FlushDue() {
			err = writer.Flush(s.Context(), name, done)
		}
		if err != nil {
			s.Fatal(err)
		}
	}
	return s.meter.Take().WriteUnits / measured
}

func TestWriteUnits(t *testing.T) {
	s := newShop(t)
	for _, c := range []struct {
		size, producers int
		most            float64
	}{
		{50, 0, 1.3}, {50, 1, 1.3}, {50, 8, 1.5},
		{100, 0, 1.4}, {100, 1, 1.5}, {100, 8, 1.9},
	} {
		got := writeUnits(s, c.size, c.producers)
		t.Logf("%d bytes, %d producers: %.2f write units an append", c.size, c.producers, got)
		if got > c.most {
			t.Errorf("%d bytes, %d producers: %.2f write units an append, at most %.2f are allowed", c.size, c.producers, got, c.most)
		}
	}
}
