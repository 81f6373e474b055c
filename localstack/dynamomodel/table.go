package dynamomodel

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// Table is a table. It is safe for concurrent use.
type Table struct {
	keys    keys
	indexes map[string]index
	limit   float64

	mu    sync.Mutex
	items map[string]*partition
	// order has the partitions in the order of a scan.
	order      []string
	conditions map[string]condition
	updates    map[string][]change
}

// partition has the items of a partition key, by sort key and in its order.
type partition struct {
	items map[string]item
	order []string
	// tokens are the write units that are left of the limit, as of at.
	tokens float64
	at     time.Time
}

type keys struct{ partition, sort string }

// index is a global secondary index: its keys, and the attributes that are in it.
type index struct {
	keys
	attributes []string
}

// NewTable returns an empty table as it is defined for the driver, whose partitions take
// so many write units a second, and a second's worth at once; 0 means any number.
func NewTable(limit float64) *Table {
	definition := dynamo.Table("")
	t := &Table{
		keys: keysOf(definition.KeySchema), indexes: make(map[string]index), limit: limit,
		items: make(map[string]*partition), conditions: make(map[string]condition), updates: make(map[string][]change),
	}
	for _, i := range definition.GlobalSecondaryIndexes {
		in := index{keys: keysOf(i.KeySchema)}
		in.attributes = append([]string{t.keys.partition, t.keys.sort, in.partition, in.sort}, i.Projection.NonKeyAttributes...)
		t.indexes[*i.IndexName] = in
	}
	return t
}

func keysOf(schema []types.KeySchemaElement) (k keys) {
	for _, e := range schema {
		if e.KeyType == types.KeyTypeHash {
			k.partition = *e.AttributeName
		} else {
			k.sort = *e.AttributeName
		}
	}
	return k
}

func textOf(v value) string {
	s, _ := v.(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

// key returns where an item is.
func (t *Table) key(it item) (partition, sort string) {
	return textOf(it[t.keys.partition]), textOf(it[t.keys.sort])
}

// get returns an item, or nil.
func (t *Table) get(key item) item {
	p, s := t.key(key)
	if part := t.items[p]; part != nil {
		return part.items[s]
	}
	return nil
}

// store puts an item in the place of another one, and nil removes it.
func (t *Table) store(key, it item) {
	p, s := t.key(key)
	part := t.partition(p)
	at, found := slices.BinarySearch(part.order, s)
	switch {
	case it == nil && found:
		part.order = slices.Delete(part.order, at, at+1)
		delete(part.items, s)
	case it != nil:
		if !found {
			part.order = slices.Insert(part.order, at, s)
		}
		part.items[s] = it
	}
}

func (t *Table) partition(key string) *partition {
	part := t.items[key]
	if part == nil {
		part = &partition{items: make(map[string]item), tokens: t.limit, at: time.Now()}
		t.items[key] = part
		at, _ := slices.BinarySearch(t.order, key)
		t.order = slices.Insert(t.order, at, key)
	}
	return part
}

// admit takes write units from a partition's limit, if there is anything left of it.
func (t *Table) admit(key item, units float64) bool {
	if t.limit == 0 {
		return true
	}
	p, _ := t.key(key)
	part, now := t.partition(p), time.Now()
	part.tokens = min(t.limit, part.tokens+now.Sub(part.at).Seconds()*t.limit)
	part.at = now
	if part.tokens <= 0 {
		return false
	}
	part.tokens -= units
	return true
}

// holds evaluates a condition; none holds always.
func (t *Table) holds(expression *string, s *scope) (bool, error) {
	if expression == nil {
		return true, nil
	}
	c, known := t.conditions[*expression]
	if !known {
		var err error
		if c, err = parseCondition(*expression); err != nil {
			return false, err
		}
		t.conditions[*expression] = c
	}
	ok := c(s)
	return ok, s.err
}

// updated returns what an update makes of an item; an item that is not there is only its key.
func (t *Table) updated(expression *string, key item, s *scope) (item, error) {
	all, known := t.updates[aws.ToString(expression)]
	if !known {
		var err error
		if all, err = parseUpdate(aws.ToString(expression)); err != nil {
			return nil, err
		}
		t.updates[aws.ToString(expression)] = all
	}
	after := maps.Clone(s.item)
	if after == nil {
		after = maps.Clone(key)
	}
	for _, c := range all {
		c(s, after)
	}
	return after, s.err
}

// writeUnits is what it costs to make one item of another, with the entries of indexes.
func (t *Table) writeUnits(before, after item) float64 {
	units := max(1, begun(dynamo.ItemSize(before), 1024), begun(dynamo.ItemSize(after), 1024))
	for _, in := range t.indexes {
		was, is := in.entry(before), in.entry(after)
		moved := textOf(was[in.partition]) != textOf(is[in.partition]) || !equal(was[in.sort], is[in.sort])
		switch {
		case equal(&types.AttributeValueMemberM{Value: was}, &types.AttributeValueMemberM{Value: is}):
		case moved:
			units += begun(dynamo.ItemSize(was), 1024) + begun(dynamo.ItemSize(is), 1024)
		default:
			units += max(begun(dynamo.ItemSize(was), 1024), begun(dynamo.ItemSize(is), 1024))
		}
	}
	return float64(units)
}

// entry is what an index has of an item; nil if it is not in it.
func (in index) entry(it item) item {
	if it[in.partition] == nil || it[in.sort] == nil {
		return nil
	}
	entry := make(item)
	for _, name := range in.attributes {
		if v := it[name]; v != nil {
			entry[name] = v
		}
	}
	return entry
}

func begun(size, unit int) int { return (size + unit - 1) / unit }

// query returns the items of a partition, or of an index, for which a condition of keys holds, in
// order and from behind a key on.
func (t *Table) query(in *dynamodb.QueryInput) ([]item, keys, error) {
	s := &scope{names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues}
	var candidates []item
	k := t.keys
	if in.IndexName != nil {
		of := t.indexes[*in.IndexName]
		k = of.keys
		for _, p := range t.order {
			for _, sort := range t.items[p].order {
				if e := of.entry(t.items[p].items[sort]); e != nil {
					candidates = append(candidates, e)
				}
			}
		}
		slices.SortStableFunc(candidates, func(a, b item) int {
			order, _ := compare(a[k.sort], b[k.sort])
			return order
		})
	} else {
		// One of the values is the partition's key.
		for _, v := range in.ExpressionAttributeValues {
			if part := t.items[textOf(v)]; part != nil {
				from := 0
				if in.ExclusiveStartKey != nil {
					from, _ = slices.BinarySearch(part.order, textOf(in.ExclusiveStartKey[k.sort])+"\x00")
				}
				for _, sort := range part.order[from:] {
					candidates = append(candidates, part.items[sort])
				}
			}
		}
	}
	var found []item
	for _, it := range candidates {
		s.item = it
		ok, err := t.holds(in.KeyConditionExpression, s)
		if err != nil {
			return nil, k, err
		}
		if ok {
			found = append(found, it)
		}
	}
	if in.IndexName != nil && in.ExclusiveStartKey != nil {
		at := slices.IndexFunc(found, func(it item) bool { return t.same(it, in.ExclusiveStartKey) })
		found = found[at+1:]
	}
	return found, k, nil
}

func (t *Table) same(a, b item) bool {
	return strings.Join([]string{textOf(a[t.keys.partition]), textOf(a[t.keys.sort])}, "\x00") ==
		strings.Join([]string{textOf(b[t.keys.partition]), textOf(b[t.keys.sort])}, "\x00")
}
