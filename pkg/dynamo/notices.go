package dynamo

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// owedNotices is the attribute of a name's item that lists what its registry is to be told,
// in order: for each notice a value of one byte that is 1 if the life is over, the
// incarnation, and, if it began, when (ms, varint) and the content type. A create or a
// deletion only adds to the list, whatever else is in the item, and Tell removes it. So it
// is there from the creation of a stream until the registry has it, and appends meanwhile
// are billed for it.
const owedNotices = "ro"

func encodeNotice(n stream.Notice) types.AttributeValue {
	if n.Over {
		return blob(append([]byte{1}, n.Incarnation[:]...))
	}
	b := binary.AppendUvarint(append([]byte{0}, n.Incarnation[:]...), uint64(n.CreatedAt))
	return blob(append(b, n.ContentType...))
}

func encodeNotices(owed []stream.Notice) types.AttributeValue {
	all := make([]types.AttributeValue, len(owed))
	for i, n := range owed {
		all[i] = encodeNotice(n)
	}
	return list(all...)
}

// notices returns what the item owes to its registry.
func (f *fields) notices() []stream.Notice {
	if !f.has(owedNotices) {
		return nil
	}
	all, ok := f.item[owedNotices].(*types.AttributeValueMemberL)
	if !ok || len(all.Value) == 0 {
		f.fail(owedNotices, "not a list with elements")
		return nil
	}
	owed := make([]stream.Notice, len(all.Value))
	for i, v := range all.Value {
		n := &owed[i]
		b, _ := v.(*types.AttributeValueMemberB)
		if b == nil || len(b.Value) < 1+len(n.Incarnation) || b.Value[0] > 1 {
			f.fail(owedNotices, "a notice that cannot be read")
			return nil
		}
		n.Over = b.Value[0] == 1
		r := &bytesReader{b: b.Value[1+copy(n.Incarnation[:], b.Value[1:]):]}
		if !n.Over {
			n.CreatedAt = int64(r.uint())
			n.ContentType = string(r.b)
		}
		if r.bad || n.Over && len(r.b) > 0 {
			f.fail(owedNotices, "a notice that cannot be read")
			return nil
		}
	}
	return owed
}

// owes adds notices to what an update leaves in the item.
func (e *expression) owes(owed []stream.Notice) {
	if len(owed) > 0 {
		e.set(owedNotices+" = list_append(if_not_exists("+owedNotices+", %s), %s)", list(), encodeNotices(owed))
	}
}

// Owing implements [stream.Notices]. Cost: one GetItem, 1 RU for each 4 KB of the head.
func (s *Store) Owing(ctx context.Context, name string) (stream.Owing, error) {
	it, err := s.head(ctx, name, stream.Strong)
	if err != nil {
		return stream.Owing{}, err
	}
	f := &fields{item: it}
	owing := stream.Owing{Name: name, Notices: f.notices(), Last: f.has(tombstone) && !f.has(owedLives)}
	if f.err != nil {
		return stream.Owing{}, rejected(f.err)
	}
	return owing, nil
}

// Tell implements [stream.Notices]: one transaction. Cost: one TransactWriteItems, twice as
// many WU as the registry's head and the items of all the names have KB. Blind writes of
// those are refused for the milliseconds that it takes (not applied). The names other than
// the registry's own are at most 99.
func (s *Store) Tell(ctx context.Context, registry string, next *stream.Head, told []stream.Owing) error {
	e := write(registry, next, nil)
	e.where("i = %s", blob(next.Incarnation[:]))
	e.where("v = %s", number(next.Version-1))
	writes, names := make([]types.TransactWriteItem, 1), []string{registry}
	for _, o := range told {
		if o.Name == registry {
			// A transaction takes one write of an item. Its head is there, so this is not
			// the last that is kept of it.
			e.where(owedNotices+" = %s", encodeNotices(o.Notices))
			e.remove(owedNotices)
			continue
		}
		writes, names = append(writes, s.updating(o.Name, s.telling(o))), append(names, o.Name)
	}
	writes[0] = s.updating(registry, e)
	err := s.transact(ctx, writes...)
	var no *unmet
	if !errors.As(err, &no) {
		return err
	}
	if it, failed := no.on(0); failed {
		return untold(refusedOn(it), registry, next)
	}
	for i, name := range names {
		if _, failed := no.on(i); failed {
			return &stream.OwingError{Name: name}
		}
	}
	return err
}

// untold is the refusal to store next as a registry's head, or says that it was for what
// the registry itself owes, if the head is the one before next.
func untold(err error, registry string, next *stream.Head) error {
	var refused *stream.RefusedError
	if errors.As(err, &refused) && refused.Head != nil && refused.Head.Incarnation == next.Incarnation && refused.Head.Version == next.Version-1 {
		return &stream.OwingError{Name: registry}
	}
	return err
}

// telling returns the update that takes off an item what it owes to the registry. If that
// was all that a tombstone was kept for, it is left to DynamoDB to remove: so it is
// refused if the collector was faster, or the name was created again.
func (s *Store) telling(o stream.Owing) *expression {
	e := &expression{}
	e.where(owedNotices+" = %s", encodeNotices(o.Notices))
	e.remove(owedNotices, ended)
	if !o.Last {
		e.where("(attribute_exists(i) OR attribute_exists(" + owedLives + "))")
		return e
	}
	e.where("attribute_exists(" + tombstone + ")")
	e.where("attribute_not_exists(" + owedLives + ")")
	e.set(e.name(removeAt)+" = %s", number(s.Now().Add(tombstoneFor).Unix()))
	return e
}
