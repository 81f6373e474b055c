package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// The note of a fork, among its source's data, under the fork's incarnation and name:
//
//	f  N  version of this layout
//
// There are as many as the source's head counts (fk): both change in one transaction.
// Nothing else of a source is changed by its forks, so a stream has as many of them as a
// partition takes.

// Where the heads are in the transaction of a fork.
const (
	sourceWrite = iota
	forkWrite
)

// Fork implements [stream.Forks]: one transaction of four items. Cost: one
// TransactWriteItems, twice as many WU as the source's head, the fork's head, the note (1
// WU) and the lineage have KB, and one write of the index of names; all again, once, if a
// tombstone lies under the name. Both heads refuse blind writes for the milliseconds that
// it takes (not applied).
func (s *Store) Fork(ctx context.Context, name string, head, replaced *stream.Head, lineage *stream.Lineage, now time.Time, owed ...stream.Notice) error {
	fork, source := head.Life(name), head.Origin.Source
	note := noteKey(source, fork)
	note["f"] = number(dataVersion)
	attempt := func(create types.TransactWriteItem) error {
		return s.transact(ctx, s.updating(source.Name, forking(source, now)), create, s.putting(note), s.putting(lineageItem(fork, lineage)))
	}
	var err error
	if replaced != nil {
		err = attempt(s.updating(name, s.replacing(name, head, replaced, owed)))
	} else {
		create := s.putting(headItem(name, head, owed))
		create.Put.ConditionExpression = pointer(absent)
		create.Put.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
		err = attempt(create)
		if dead := graveUnder(err); dead != nil {
			if isGraveOf(dead, head) {
				return errLived
			}
			err = attempt(s.updating(name, over(name, head, dead, owed)))
		}
	}
	return forkRefusal(err)
}

// forking returns the update that counts one more fork in a source's head. Its condition
// is [stream.Forked].
func forking(source stream.Life, now time.Time) *expression {
	e := &expression{}
	e.where("i = %s", blob(source.Incarnation[:]))
	e.where("f = %s", number(headVersion))
	e.where("attribute_not_exists(dl)")
	at := millis(now)
	e.where("(attribute_exists(w) OR attribute_not_exists(e) OR e > %s)", at)
	e.where("(attribute_not_exists(w) OR d > %s)", at)
	one := number(1)
	e.set("fk = if_not_exists(fk, %s) + %s", number(0), one)
	e.set("v = v + %s", one)
	e.remove(ended)
	return e
}

// graveUnder returns whose tombstone kept a fork from being created; nil if none did.
func graveUnder(err error) types.AttributeValue {
	var no *unmet
	if !errors.As(err, &no) {
		return nil
	}
	it, _ := no.on(forkWrite)
	return it[tombstone]
}

// forkRefusal says which of the heads a fork was refused for. Other errors stay as they
// are.
func forkRefusal(err error) error {
	var no *unmet
	if !errors.As(err, &no) {
		return err
	}
	if it, taken := no.on(forkWrite); taken {
		return refusedOn(it)
	}
	it, _ := no.on(sourceWrite)
	var refused *stream.RefusedError
	if err := refusedOn(it); !errors.As(err, &refused) {
		return err
	}
	return &stream.SourceError{Head: refused.Head}
}

func noteKey(source, fork stream.Life) item { return dataKey(source, forkSort(fork)) }

// Forks implements [stream.Forks]. Cost: one Query for each 1 MB: a note has about 100
// bytes and both names.
func (s *Store) Forks(ctx context.Context, source, after stream.Life, max int) ([]stream.Life, error) {
	from := forkPrefix
	if after != (stream.Life{}) {
		// What follows an incarnation in a key is less than this.
		from += after.Incarnation.String() + "$"
	}
	e := &expression{}
	e.where(partitionKey+" = %s", text(dataPartition(source)))
	e.where(sortKey+" BETWEEN %s AND %s", text(from), text(forkPrefix+"~"))
	in := &dynamodb.QueryInput{
		TableName:                 &s.Table,
		KeyConditionExpression:    e.condition(),
		ExpressionAttributeValues: e.values,
		ConsistentRead:            aws.Bool(true),
	}
	var forks []stream.Life
	for {
		in.Limit = aws.Int32(int32(max - len(forks)))
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return nil, classify(err)
		}
		for _, it := range out.Items {
			f := &fields{item: it}
			if v := f.uint("f"); v != dataVersion {
				return nil, rejected(corrupt("note of a fork of version %d, this program knows %d", v, dataVersion))
			}
			forks = append(forks, f.fork())
			if f.err != nil {
				return nil, rejected(f.err)
			}
		}
		if out.LastEvaluatedKey == nil || len(forks) == max {
			return forks, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// Release implements [stream.Forks]: one transaction of two items, and a read. Cost: one
// TransactWriteItems, 2 WU for the note and twice as many as the source's head has KB, and
// one GetItem. Where the source's head counts no forks there is another such transaction,
// and where there is none of the life also a BatchWriteItem of 1 WU.
func (s *Store) Release(ctx context.Context, source, fork stream.Life) (*stream.Head, error) {
	if err := s.release(ctx, source, noteKey(source, fork)); err != nil {
		return nil, err
	}
	h, err := s.Head(ctx, source.Name, stream.Strong)
	switch {
	case errors.Is(err, stream.ErrNoHead):
		return nil, nil
	case err != nil:
		// What it says of the read is not true of the release.
		return nil, fmt.Errorf("dynamo: a fork of %q is released, but what is left is unknown: %v", source.Name, err)
	case h.Incarnation != source.Incarnation:
		return nil, nil
	}
	return h, nil
}

// release deletes the note of a fork, if it is there, and changes the source's head with
// it, if that is of the life.
func (s *Store) release(ctx context.Context, source stream.Life, note item) error {
	unnote := types.TransactWriteItem{Delete: &types.Delete{
		TableName:           &s.Table,
		Key:                 note,
		ConditionExpression: pointer("attribute_exists(" + partitionKey + ")"),
	}}
	for _, counted := range []bool{true, false} {
		err := s.transact(ctx, unnote, s.updating(source.Name, releasing(source, counted)))
		var no *unmet
		if !errors.As(err, &no) {
			return err
		}
		if _, gone := no.on(0); gone {
			return nil
		}
	}
	return s.deleteItems(ctx, []item{note})
}

// releasing returns the update of a source's head that counts one fork less, or that
// counted none already. It leaves a 0, as an update cannot tell which fork is the last.
func releasing(source stream.Life, counted bool) *expression {
	e := &expression{}
	e.where("i = %s", blob(source.Incarnation[:]))
	one, zero := number(1), number(0)
	if counted {
		e.where("fk > %s", zero)
		e.set("fk = fk - %s", one)
	} else {
		e.where("(attribute_not_exists(fk) OR fk = %s)", zero)
	}
	e.set("v = v + %s", one)
	e.remove(ended)
	return e
}
