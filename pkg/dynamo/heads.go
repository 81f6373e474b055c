package dynamo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Head implements [stream.Heads]. Cost: one GetItem, 1 RU for each 4 KB of the head,
// and half of that with eventual consistency.
func (s *Store) Head(ctx context.Context, name string, c stream.Consistency) (*stream.Head, error) {
	it, err := s.head(ctx, name, c)
	if err != nil {
		return nil, err
	}
	h, err := decodeHead(it)
	if err != nil {
		return nil, rejected(err)
	}
	if h == nil {
		return nil, stream.ErrNoHead
	}
	return h, nil
}

// Create implements [stream.Heads]. Cost: one PutItem, and one write of the index of
// names; one UpdateItem more if a tombstone lies under the name. To replace a head:
// one UpdateItem, and one write of the index of owed work.
func (s *Store) Create(ctx context.Context, name string, head, replaced *stream.Head, owed ...stream.Notice) error {
	if replaced != nil {
		_, err := s.update(ctx, name, s.replacing(name, head, replaced, owed))
		return err
	}
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           &s.Table,
		Item:                                headItem(name, head, owed),
		ConditionExpression:                 pointer(absent),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, once)
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) && failed.Item[tombstone] != nil {
		dead := failed.Item[tombstone]
		if isGraveOf(dead, head) {
			return errLived
		}
		_, err := s.update(ctx, name, over(name, head, dead, owed))
		return err
	}
	if err != nil {
		return refusal(err)
	}
	return nil
}

// absent is the condition that nothing is stored under a key.
const absent = "attribute_not_exists(" + partitionKey + ")"

// headItem returns the whole item of a name's head, and of what is owed to the registry.
func headItem(name string, head *stream.Head, owed []stream.Notice) item {
	it := encodeHead(name, head)
	if len(owed) > 0 {
		it[owedNotices] = encodeNotices(owed)
		it[ended] = text(mark(head.Ended, owed))
	}
	maps.Copy(it, headKey(name))
	return it
}

// replacing returns the update that stores a head in the place of another one, whose
// data is owed from then on.
func (s *Store) replacing(name string, head, replaced *stream.Head, owed []stream.Notice) *expression {
	e := write(name, head, owed)
	e.where("i = %s", blob(replaced.Incarnation[:]))
	e.where("v = %s", number(replaced.Version))
	s.owe(e, replaced.Incarnation)
	return e
}

// errLived says that a life was created by an earlier attempt and has ended since. Its
// data is owed, so it must not begin again.
var errLived = fmt.Errorf("%w: the stream was created, and deleted since", stream.ErrRejected)

// isGraveOf reports whether a tombstone is that of a head's own life.
func isGraveOf(dead types.AttributeValue, head *stream.Head) bool {
	b, ok := dead.(*types.AttributeValueMemberB)
	return ok && bytes.Equal(b.Value, head.Incarnation[:])
}

// over returns the update that stores a head in the place of one tombstone. It names
// the life that the tombstone is of, so that it fails once that name has lived and died
// again: a create that is delivered late finds either a head or another tombstone.
func over(name string, head *stream.Head, dead types.AttributeValue, owed []stream.Notice) *expression {
	e := write(name, head, owed)
	e.where(tombstone+" = %s", dead)
	e.remove(tombstone, e.name(removeAt))
	return e
}

// Update implements [stream.Heads]. Cost: one UpdateItem of the whole head.
func (s *Store) Update(ctx context.Context, name string, next *stream.Head, owed ...stream.Notice) error {
	e := write(name, next, owed)
	e.where("i = %s", blob(next.Incarnation[:]))
	e.where("v = %s", number(next.Version-1))
	_, err := s.update(ctx, name, e)
	return err
}

// write returns the update that makes a head of whatever is stored, apart from what
// is owed, to which it adds notices.
func write(name string, h *stream.Head, owed []stream.Notice) *expression {
	e, it := &expression{}, encodeHead(name, h)
	if m := mark(h.Ended, owed); m != "" {
		it[ended] = text(m)
	}
	e.owes(owed)
	for _, attribute := range headAttributes {
		if v := it[attribute]; v != nil {
			e.set(attribute+" = %s", v)
		} else {
			e.remove(attribute)
		}
	}
	return e
}

// Trim implements [stream.Heads]. Entries that were seen are still the first ones if the
// buffer begins where it did: entries are only added at the end. Cost: one UpdateItem.
func (s *Store) Trim(ctx context.Context, name string, seen *stream.Head, to stream.Offset, l stream.Limits) (*stream.Head, error) {
	n := 0
	for n < len(seen.Buffer) && !to.Before(seen.Buffer[n].To) {
		n++
	}
	e, begins := &expression{}, seen.BufferFrom()
	for i := n - 1; i >= 0; i-- {
		// From the end, so that a store that removes one after the other, moving the
		// rest up, does the same.
		e.remove(fmt.Sprintf("b[%d]", 2*i+1), fmt.Sprintf("b[%d]", 2*i))
	}
	if n > 0 {
		begins = seen.Buffer[n-1].To
	}
	// What is appended meanwhile changes nothing of what becomes of these entries.
	trimmed, _ := stream.Trimmed(seen, seen, begins, l)
	e.where("i = %s", blob(seen.Incarnation[:]))
	e.where("bf = %s", offset(seen.BufferFrom()))
	e.set("bf = %s", offset(begins))
	e.set("bs = bs - %s", number(seen.BufferSize-trimmed.BufferSize))
	e.remove(ended)
	e.set("v = v + %s", number(1))
	if n > 0 {
		e.set("r = %s", encodeMarks(trimmed.Recent))
	}
	if trimmed.Forgotten.After(seen.Forgotten) {
		e.set("fl = %s", micros(trimmed.Forgotten))
	}
	it, err := s.update(ctx, name, e)
	if err != nil {
		return nil, err
	}
	return decodeHead(it)
}

// Compact implements [stream.Heads]. Cost: one UpdateItem.
func (s *Store) Compact(ctx context.Context, life stream.Life, segments uint64) (*stream.Head, error) {
	e := &expression{}
	e.where("i = %s", blob(life.Incarnation[:]))
	fewer := "cp < %s"
	if segments > 0 {
		fewer = "(attribute_not_exists(cp) OR cp < %s)"
	}
	e.where(fewer, number(segments))
	e.set("cp = %s", number(segments))
	e.set("v = v + %s", number(1))
	e.remove(ended)
	it, err := s.update(ctx, life.Name, e)
	if err != nil {
		return nil, err
	}
	return decodeHead(it)
}

// Delete implements [stream.Heads]. It leaves a tombstone that owes the life's data.
// Cost: one UpdateItem, and one write of each index.
func (s *Store) Delete(ctx context.Context, name string, inc stream.Incarnation, owed ...stream.Notice) error {
	e := &expression{}
	e.where("i = %s", blob(inc[:]))
	e.where("(attribute_not_exists(fk) OR fk = %s)", number(0))
	if len(owed) > 0 {
		e.where("attribute_not_exists(dl)")
	}
	for _, attribute := range headAttributes {
		if attribute == ended && len(owed) > 0 {
			e.set(ended+" = %s", text(noticeOwed))
		} else {
			e.remove(attribute)
		}
	}
	e.owes(owed)
	e.set(tombstone+" = %s", blob(inc[:]))
	s.owe(e, inc)
	_, err := s.update(ctx, name, e)
	return err
}

func pointer[T any](v T) *T { return &v }

// rejected marks what no repetition will mend.
func rejected(err error) error { return fmt.Errorf("%w: %w", stream.ErrRejected, err) }
