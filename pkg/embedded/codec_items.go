package embedded

import (
	"fmt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func encodeProducer(p stream.Producer) []byte {
	e := newEncoder(24)
	e.uint(p.Epoch)
	e.uint(p.Seq)
	return e.b
}

func decodeProducer(value []byte) (stream.Producer, error) {
	d := newDecoder(value, "producer")
	return stream.Producer{Epoch: d.uint(), Seq: d.uint()}, d.err
}

func encodeManifest(m stream.Manifest) []byte {
	e := newEncoder(96 + len(m.Object))
	e.uint(m.Segment)
	e.offset(m.From)
	e.offset(m.To)
	e.int(m.Count)
	e.string(m.Object)
	e.uint(uint64(m.Size))
	e.uint(uint64(m.CRC))
	return e.b
}

func decodeManifest(value []byte) (stream.Manifest, error) {
	d := newDecoder(value, "manifest")
	return stream.Manifest{
		Segment: d.uint(),
		From:    d.offset(),
		To:      d.offset(),
		Count:   d.int(),
		Object:  d.string(),
		Size:    int64(d.uint()),
		CRC:     uint32(d.uint()),
	}, d.err
}

func encodeWork(w stream.Work) []byte {
	e := newEncoder(8 + len(w.Name))
	e.string(w.Name)
	return e.b
}

func decodeWork(key, value []byte) (stream.Work, error) {
	d := newDecoder(value, "work")
	w := stream.Work{Name: d.string()}
	if len(key) != 1+len(w.Incarnation) {
		return w, fmt.Errorf("%w: work under a key of %d bytes", errCorrupt, len(key))
	}
	copy(w.Incarnation[:], key[1:])
	return w, d.err
}
