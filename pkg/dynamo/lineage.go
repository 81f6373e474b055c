package dynamo

import (
	"context"
	"encoding/binary"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// What a fork inherits, in its own data:
//
//	f  N  version of this layout
//	o  B  source: incarnation and name
//	b  L  ranges: for each the life's incarnation and name, and the offset at which it ends

// lineageItem returns the item of what a fork inherits.
func lineageItem(fork stream.Life, l *stream.Lineage) item {
	it := dataKey(fork, lineageSort)
	it["f"] = number(dataVersion)
	it["o"] = encodeLife(l.Source)
	ranges := make([]types.AttributeValue, 0, 2*len(l.Ranges))
	for _, r := range l.Ranges {
		ranges = append(ranges, encodeLife(r.Life), offset(r.To))
	}
	it["b"] = list(ranges...)
	return it
}

func encodeLife(life stream.Life) types.AttributeValue {
	return blob(append(life.Incarnation[:], life.Name...))
}

// rest returns a life whose name goes on to the end.
func (r *bytesReader) rest() stream.Life {
	inc := r.incarnation()
	return stream.Life{Name: string(r.b), Incarnation: inc}
}

// Lineage implements [stream.Forks]. Cost: one GetItem, 1 RU for each 4 KB: a range has
// about 20 bytes and its stream's name.
func (s *Store) Lineage(ctx context.Context, life stream.Life) (*stream.Lineage, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &s.Table,
		Key:            dataKey(life, lineageSort),
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, classify(err)
	}
	if out.Item == nil {
		return nil, nil
	}
	l, err := decodeLineage(out.Item)
	if err != nil {
		return nil, rejected(err)
	}
	return l, nil
}

func decodeLineage(it item) (*stream.Lineage, error) {
	f := &fields{item: it}
	if v := f.uint("f"); v != dataVersion {
		return nil, corrupt("lineage of version %d, this program knows %d", v, dataVersion)
	}
	source := &bytesReader{b: f.blob("o")}
	l := &stream.Lineage{Source: source.rest()}
	if source.bad {
		f.fail("o", "not a life")
	}
	if !f.has("b") {
		f.fail("b", "it is missing")
	}
	for _, pair := range f.pairs("b") {
		life, to := &bytesReader{b: pair[0]}, &bytesReader{b: pair[1]}
		l.Ranges = append(l.Ranges, stream.Inherited{Life: life.rest(), To: to.offset()})
		if life.bad || to.bad || len(to.b) > 0 {
			f.fail("b", "a range that cannot be read")
		}
	}
	if f.err != nil {
		return nil, f.err
	}
	return l, nil
}

// encodeOrigin returns the attribute og of a fork's head.
func encodeOrigin(o *stream.Origin) types.AttributeValue {
	b := append([]byte(nil), o.Source.Incarnation[:]...)
	b = appendOffset(appendOffset(b, o.At), o.Anchor)
	b = binary.AppendUvarint(b, o.Sub)
	return blob(append(b, o.Source.Name...))
}

// origin returns where a fork comes from; nil if the attribute is absent.
func (f *fields) origin(name string) *stream.Origin {
	if !f.has(name) {
		return nil
	}
	r, o := &bytesReader{b: f.blob(name)}, &stream.Origin{}
	o.Source.Incarnation = r.incarnation()
	o.At, o.Anchor, o.Sub = r.offset(), r.offset(), r.uint()
	o.Source.Name = string(r.b)
	if r.bad {
		f.fail(name, "not an origin")
	}
	return o
}
