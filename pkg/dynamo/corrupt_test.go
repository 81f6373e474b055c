package dynamo_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

type item = map[string]types.AttributeValue

func str(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
func num(v string) types.AttributeValue { return &types.AttributeValueMemberN{Value: v} }
func bin(v ...byte) types.AttributeValue {
	return &types.AttributeValueMemberB{Value: append([]byte{}, v...)}
}
func list(v ...types.AttributeValue) types.AttributeValue {
	return &types.AttributeValueMemberL{Value: v}
}
func mapping(id string, v types.AttributeValue) types.AttributeValue {
	return &types.AttributeValueMemberM{Value: item{id: v}}
}

var (
	zeros   = bin(make([]byte, 8)...)
	anyLife = bin(make([]byte, 17)...)
	aFrame  = bin(0, 0, 0, 0, 1, 'x')
	longAgo = bin(1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)
	tooBig  = bin(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0)
)

// nothing marks an attribute that is missing.
var nothing types.AttributeValue

// damage is an attribute as it must not be.
type damage struct {
	attribute string
	value     types.AttributeValue
}

// put stores an item as it is, damaged.
func put(t *testing.T, c *dynamodb.Client, table string, it item, d damage) {
	t.Helper()
	it = maps.Clone(it)
	if d.value == nil {
		delete(it, d.attribute)
	} else {
		it[d.attribute] = d.value
	}
	_, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: it})
	check(t, err)
}

// remove removes an item as it is.
func remove(t *testing.T, c *dynamodb.Client, table string, it item) {
	t.Helper()
	_, err := c.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: item{"pk": it["pk"], "sk": it["sk"]}})
	check(t, err)
}

// stored returns an item of a table.
func stored(t *testing.T, c dynamo.Client, table string, pk, sk string) item {
	t.Helper()
	out, err := c.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, Key: item{"pk": str(pk), "sk": str(sk)}, ConsistentRead: aws.Bool(true)})
	check(t, err)
	return out.Item
}

// A head that cannot be read is an error to whoever reads or writes it, and stays as
// it is.
func TestUnreadableHeads(t *testing.T) {
	c := sdk(t, processes.dynoxide)
	table := newTable(t, c)
	d := newStore(t, c, table)
	h := aHead(1)
	h.HasTTL, h.TTL = true, time.Hour
	h.UsedAt, h.Deadline = clock, clock.Add(h.Window())
	check(t, d.Create(t.Context(), "s", h, nil))
	good := stored(t, c, table, "stream#s", "head")
	for _, broken := range []damage{
		{"f", num("3")}, {"f", num("5")}, {"f", str("4")}, {"f", nothing},
		{"i", bin(1, 2, 3)}, {"i", str("1")},
		{"v", str("1")}, {"v", num("-5")}, {"v", num("1.5")}, {"c", str("1")},
		{"m", num("1")}, {"ct", num("1")}, {"t", str("1")}, {"t", num("-5")},
		{"l", str("1")}, {"d", str("1")}, {"e", bin(1)}, {"q", num("1")},
		{"a", str("1")}, {"cp", str("1")}, {"cp", num("-1")}, {"sa", str("1")}, {"sa", num("99999999999999999999")},
		{"og", str("1")}, {"og", bin()}, {"og", bin(make([]byte, 20)...)}, {"fk", str("1")}, {"fk", num("-1")},
		{"g", str("1")}, {"n", num("99999999999999999999999")}, {"z", str("1")}, {"bs", num("-500")},
		// A buffer that does not fit to the rest of the head.
		{"bf", nothing}, {"bf", str("1")}, {"bf", bin()}, {"bf", bin(0)}, {"bf", bin(0, 0, 0)}, {"bf", bin(0x80, 0x80)}, {"bf", bin(0, 5)}, {"bf", bin(1, 0)},
		{"b", str("1")}, {"b", list(zeros)}, {"b", list(zeros, str("1"))}, {"b", list(bin(1), aFrame)}, {"b", list(zeros, bin())},
		{"b", list(zeros, aFrame)}, {"z", num("1")},
		{"b", list(zeros, bin(0, 0, 0, 0, 9, 'x'))}, {"b", list(zeros, bin(0, 0, 0))}, {"b", list(zeros, bin(1))}, {"b", list(zeros, bin(1, 1, 1, 0))}, {"b", list(zeros, bin(1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0))}, {"b", list(zeros, longAgo)}, {"b", list(zeros, tooBig)},
		{"r", str("1")}, {"r", list(zeros)}, {"r", list(bin(1), bin(0, 0))}, {"r", list(zeros, bin())},
		{"u", str("1")}, {"u", list(zeros)}, {"u", list(bin(1), bin(0))}, {"u", list(zeros, bin())},
		{"p", nothing}, {"p", str("1")}, {"p", mapping("x", num("1"))}, {"p", mapping("x", str("1"))}, {"p", mapping("x", str("1.2"))}, {"p", mapping("x", str("1@2"))},
		{"p", mapping("x", str("a.2@3"))}, {"p", mapping("x", str("1.-2@3"))}, {"p", mapping("x", str("1.2@?"))},
		{"k", str("1")}, {"k", bin(1)}, {"k", bin(0, 0, 0, 0, 0, 0, 0, 1)}, {"k", bin(0, 0, 0, 0, 0, 0, 0, 1, 0x80)},
	} {
		put(t, c, table, good, broken)
		before := stored(t, c, table, "stream#s", "head")
		if got, err := d.Head(t.Context(), "s", stream.Strong); outcomeOf(err) != rejected {
			t.Errorf("%s = %s: Head returns %+v, %v", broken.attribute, show(broken.value), got, err)
		}
		if err := d.Create(t.Context(), "s", aHead(2), nil); outcomeOf(err) != rejected {
			t.Errorf("%s = %s: Create returns %v", broken.attribute, show(broken.value), err)
		}
		// One in another layout is not touched. Other damage is beyond a condition.
		if _, err := d.Commit(t.Context(), "s", aBatch(1, body(1)), limits); broken.attribute == "f" && outcomeOf(err) != rejected {
			t.Errorf("%s = %s: Commit returns %v", broken.attribute, show(broken.value), err)
		} else if err == nil {
			t.Errorf("%s = %s: Commit returns a head", broken.attribute, show(broken.value))
		}
		if after := stored(t, c, table, "stream#s", "head"); broken.attribute == "f" && show(before) != show(after) {
			t.Errorf("%s = %s: the head was changed", broken.attribute, show(broken.value))
		}
	}
}

// The same for the items of a life's data.
func TestUnreadableData(t *testing.T) {
	c := sdk(t, processes.dynoxide)
	table := newTable(t, c)
	d, life := newStore(t, c, table), aLife(1)
	pk := "data#01000000000000000000000000000000#s"
	chunk := aChunk(0, "some records")
	check(t, d.PutChunk(t.Context(), life, chunk))
	check(t, d.PutStaged(t.Context(), life, stream.StagedID{Commit: 1, At: 7}, chunk.Frames))
	check(t, d.SpillProducer(t.Context(), life, "p", stream.Producer{Epoch: 1, Seq: 2}))
	check(t, d.PutManifest(t.Context(), life, stream.Manifest{To: stream.Offset{Position: 1}, Count: 1, Object: "o", Tail: []byte("tail")}))
	source, lineage := aSource(t, d, "source", 2)
	check(t, d.Fork(t.Context(), "s", aFork(1, source), nil, lineage, clock))
	check(t, d.Fork(t.Context(), "fork", aFork(3, life), nil, lineage, clock))
	anything := []damage{{"f", num("1")}, {"f", num("3")}, {"f", str("4")}, {"f", nothing}}
	for _, kind := range []struct {
		name, sk string
		read     func() (any, error)
		damages  []damage
	}{
		{"chunk", "chunk#" + chunk.To.String(), func() (any, error) { return d.Chunks(t.Context(), life, stream.Offset{}, 100) }, []damage{
			{"o", nothing}, {"o", str("1")}, {"o", bin(0)}, {"o", bin(0, 0, 0)},
			{"n", nothing}, {"n", num("2")}, {"n", str("1")}, {"z", nothing}, {"z", num("1")}, {"z", str("1")},
			{"b", nothing}, {"b", bin()}, {"b", bin(0)}, {"b", str("1")}, {"b", aFrame}, {"b", bin(0, 0, 0, 0, 9, 'x')}, {"b", bin(1, 1)}, {"b", tooBig},
		}},
		{"staged", "staged#00000000007-0000000000000001-0000", func() (any, error) { return d.Staged(t.Context(), life, stream.StagedID{Commit: 1, At: 7}) }, []damage{
			{"b", str("1")}, {"b", bin(0)}, {"b", bin(0, 0, 0, 9, 'x')},
		}},
		{"producer", "producer#p", func() (any, error) { p, _, err := d.SpilledProducer(t.Context(), life, "p"); return p, err }, []damage{
			{"e", str("1")}, {"e", num("-1")}, {"s", str("1")},
		}},
		{"manifest", "segment#0000000000000000", func() (any, error) { return d.Manifests(t.Context(), life, stream.Offset{}, 10) }, []damage{
			{"mo", nothing}, {"mo", bin()}, {"mt", nothing}, {"mt", bin(1)}, {"mn", str("1")}, {"mk", num("1")}, {"mz", str("1")}, {"mh", str("1")}, {"mh", num("4294967296")}, {"mx", str("1")},
		}},
		{"lineage", "lineage", func() (any, error) { return d.Lineage(t.Context(), life) }, []damage{
			{"o", nothing}, {"o", bin()}, {"o", str("1")}, {"o", bin(make([]byte, 15)...)},
			{"b", nothing}, {"b", str("1")}, {"b", list(anyLife)}, {"b", list(bin(1), bin(0, 1))}, {"b", list(anyLife, bin())}, {"b", list(anyLife, bin(0))}, {"b", list(anyLife, bin(0, 1, 2))}, {"b", list(anyLife, str("1"))},
		}},
		{"note of a fork", "fork#03000000000000000000000000000000#fork", func() (any, error) { return d.Forks(t.Context(), life, stream.Life{}, 10) }, nil},
	} {
		good := stored(t, c, table, pk, kind.sk)
		if good == nil {
			t.Fatalf("no %s under %s", kind.name, kind.sk)
		}
		if _, err := kind.read(); err != nil {
			t.Errorf("a good %s: %v", kind.name, err)
		}
		for _, broken := range append(kind.damages, anything...) {
			put(t, c, table, good, broken)
			if got, err := kind.read(); outcomeOf(err) != rejected {
				t.Errorf("%s, %s = %s: %+v, %v", kind.name, broken.attribute, show(broken.value), got, err)
			}
		}
		put(t, c, table, good, damage{"f", num("3")})
	}
}

// Neither a chunk nor work is made of a key that cannot be read.
func TestUnreadableKeys(t *testing.T) {
	c := sdk(t, processes.dynoxide)
	table := newTable(t, c)
	d := newStore(t, c, table)
	life := aLife(1)
	chunk := aChunk(0, "some records")
	check(t, d.PutChunk(t.Context(), life, chunk))
	it := stored(t, c, table, "data#01000000000000000000000000000000#s", "chunk#"+chunk.To.String())
	remove(t, c, table, it)
	put(t, c, table, it, damage{"sk", str("chunk#" + chunk.To.String() + "x")})
	if got, err := d.Chunks(t.Context(), life, stream.Offset{}, 100); outcomeOf(err) != rejected {
		t.Errorf("a chunk under a broken key: %v, %v", got, err)
	}
	// What is owed is found by a key of the index.
	check(t, d.Create(t.Context(), "s", aHead(1), nil))
	check(t, d.Delete(t.Context(), "s", life.Incarnation))
	grave := stored(t, c, table, "stream#s", "head")
	other := aHead(1)
	other.Incarnation[0] = 0xff // in the last shard
	check(t, d.Create(t.Context(), "other", other, nil))
	check(t, d.Delete(t.Context(), "other", other.Incarnation))
	for _, broken := range []damage{
		{"pk", str("elsewhere")},
		{"ow", &types.AttributeValueMemberBS{Value: [][]byte{{1, 2, 3}}}},
	} {
		put(t, c, table, grave, broken)
		got, err := d.Owed(t.Context(), 10)
		if outcomeOf(err) != rejected {
			t.Errorf("%s = %s: %v, %v", broken.attribute, show(broken.value), got, err)
		}
		// It does not keep the collector from the rest.
		if !slices.Contains(got, other.Life("other")) {
			t.Errorf("%s = %s: another life is missing: %v", broken.attribute, show(broken.value), got)
		}
		if broken.attribute == "pk" {
			remove(t, c, table, item{"pk": broken.value, "sk": str("head")})
		}
	}
}

// Items above the limit are rejected before or by the store, and never stored in part.
func TestItemsTooLarge(t *testing.T) {
	for _, open := range []func(*testing.T) stream.Driver{onDynoxide, onOfficial} {
		d, life := open(t), aLife(1)
		large := bytes.Repeat([]byte("x"), 410<<10)
		var r stream.Records
		r.Add(large)
		if err := d.PutStaged(t.Context(), life, stream.StagedID{Commit: 1}, r.Frames); outcomeOf(err) != rejected {
			t.Errorf("staged: %v", err)
		}
		if _, err := d.Staged(t.Context(), life, stream.StagedID{Commit: 1}); !errors.Is(err, stream.ErrNoItem) {
			t.Errorf("staged: %v", err)
		}
		c := stream.Chunk{To: stream.Offset{Position: uint64(r.Size)}, Count: 1, Size: r.Size, Frames: r.Frames}
		if err := d.PutChunk(t.Context(), life, c); outcomeOf(err) != rejected {
			t.Errorf("chunk: %v", err)
		}
		h := aHead(1)
		check(t, d.Create(t.Context(), "s", h, nil))
		wide := limits
		wide.StageSize, wide.BufferSize = 1<<20, 1<<20
		if _, err := d.Commit(t.Context(), "s", aBatch(1, &stream.Append{ContentType: "text/plain", Records: r}), wide); outcomeOf(err) != rejected {
			t.Errorf("commit: %v", err)
		}
		fits := r
		fits.Frames = nil
		fits.Count, fits.Size = 0, 0
		fits.Add(large[:dynamo.MaxItem-4])
		check(t, d.PutStaged(t.Context(), life, stream.StagedID{Commit: 2}, fits.Frames))
		if got, err := d.Staged(t.Context(), life, stream.StagedID{Commit: 2}); err != nil || !bytes.Equal(got, fits.Frames) {
			t.Errorf("the largest item: %d bytes, %v", len(got), err)
		}
	}
}
