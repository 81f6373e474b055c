package dynamo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// tombstone is the attribute that marks an item as the grave of a life.
const tombstone = "x"

// owedLives lists the lives whose data is owed to the collector.
const owedLives = "ow"

// tombstoneFor is how long a tombstone stays once nothing is owed any more. No
// request is delivered that late.
const tombstoneFor = time.Hour

// owe adds to a head's update that a life's data is to be discarded.
func (s *Store) owe(e *expression, inc stream.Incarnation) {
	e.add(owedLives, lives(inc))
	e.set(workKey+" = %s", text(workShard(inc)))
	e.set(workDue+" = %s", millis(s.Now().Add(s.CollectAfter)))
}

func lives(incs ...stream.Incarnation) types.AttributeValue {
	set := make([][]byte, len(incs))
	for i := range incs {
		set[i] = incs[i][:]
	}
	return &types.AttributeValueMemberBS{Value: set}
}

// Owed implements [stream.Works]: what is due in the index. Cost: one Query of the
// index for each of its 16 shards, until max is reached.
func (s *Store) Owed(ctx context.Context, max int) ([]stream.Life, error) {
	var owed []stream.Life
	var errs []error
	for _, shard := range workShards() {
		found, err := s.owedIn(ctx, shard, owed, max)
		owed = found
		errs = append(errs, err)
		if len(owed) >= max || err != nil && !errors.Is(err, errCorrupt) {
			break
		}
	}
	return owed[:min(max, len(owed))], errors.Join(errs...)
}

// owedIn adds the lives of one shard, until there are max or no more. An item that
// cannot be read is an error, and does not keep it from the others.
func (s *Store) owedIn(ctx context.Context, shard string, owed []stream.Life, max int) ([]stream.Life, error) {
	e := &expression{}
	e.where(workKey+" = %s", text(shard))
	e.where(workDue+" <= %s", millis(s.Now()))
	in := &dynamodb.QueryInput{
		TableName:                 &s.Table,
		IndexName:                 aws.String(workIndex),
		KeyConditionExpression:    e.condition(),
		ExpressionAttributeValues: e.values,
	}
	var bad []error
	for {
		in.Limit = aws.Int32(int32(max - len(owed)))
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return owed, classify(err)
		}
		for _, it := range out.Items {
			f := &fields{item: it}
			name, incs := f.name(), f.lives()
			if f.err != nil {
				bad = append(bad, rejected(f.err))
				continue
			}
			for _, inc := range incs {
				owed = append(owed, stream.Life{Name: name, Incarnation: inc})
			}
		}
		if out.LastEvaluatedKey == nil || len(owed) >= max {
			return owed, errors.Join(bad...)
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// lives returns the lives whose data is owed.
func (f *fields) lives() []stream.Incarnation {
	set, ok := f.item[owedLives].(*types.AttributeValueMemberBS)
	if !ok {
		return nil
	}
	incs := make([]stream.Incarnation, 0, len(set.Value))
	for _, b := range set.Value {
		if len(b) != len(stream.Incarnation{}) {
			f.fail(owedLives, "not an incarnation")
			return nil
		}
		incs = append(incs, stream.Incarnation(b))
	}
	return incs
}

// Unsettled implements [stream.Works]. Cost: one GetItem, 1 RU for each 4 KB of the head.
func (s *Store) Unsettled(ctx context.Context, life stream.Life) (bool, error) {
	it, err := s.head(ctx, life.Name, stream.Strong)
	if err != nil {
		return false, err
	}
	f := &fields{item: it}
	found := slices.Contains(f.lives(), life.Incarnation)
	if f.err != nil {
		return false, rejected(f.err)
	}
	return found, nil
}

// Settle implements [stream.Works]. Where nothing else is owed the item leaves the
// index, and a tombstone is left to DynamoDB to remove, unless the registry is still to be
// told something: then [Store.Tell] leaves it. Cost: a GetItem and one
// UpdateItem, and one write of the index.
func (s *Store) Settle(ctx context.Context, life stream.Life) error {
	for {
		it, err := s.head(ctx, life.Name, stream.Strong)
		if err != nil {
			return err
		}
		e := s.settling(it, life.Incarnation)
		if e == nil {
			return nil
		}
		_, err = s.update(ctx, life.Name, e)
		var refused *stream.RefusedError
		if !errors.As(err, &refused) {
			return err
		}
		// Somebody settled another life of this name, or created it again.
	}
}

// settling returns the update that takes a life off what an item owes; nil if it owes
// nothing for it.
func (s *Store) settling(it item, inc stream.Incarnation) *expression {
	f := &fields{item: it}
	owed := f.lives()
	if !slices.Contains(owed, inc) {
		return nil
	}
	e := &expression{}
	e.where(owedLives+" = %s", it[owedLives])
	e.remove(ended)
	if len(owed) > 1 {
		e.take(owedLives, lives(inc))
		return e
	}
	e.remove(owedLives, workKey, workDue)
	if it[tombstone] == nil {
		// A head must never be removed by the table.
		e.where("attribute_not_exists(" + tombstone + ")")
		return e
	}
	e.where(tombstone+" = %s", it[tombstone])
	if it[owedNotices] != nil {
		e.where("attribute_exists(" + owedNotices + ")")
		return e
	}
	e.where("attribute_not_exists(" + owedNotices + ")")
	e.set(e.name(removeAt)+" = %s", number(s.Now().Add(tombstoneFor).Unix()))
	return e
}
