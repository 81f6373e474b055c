package embedded

import (
	"fmt"
	"slices"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// encodeRun encodes a buffer entry or a chunk.
func encodeRun(r stream.Entry) []byte {
	e := newEncoder(64 + len(r.Frames))
	e.offset(r.From)
	e.offset(r.To)
	e.int(r.Count)
	e.int(r.Size)
	e.uint(uint64(r.Commit))
	e.uint(uint64(r.Staged.Commit))
	e.int(r.Staged.Part)
	e.uint(uint64(r.Staged.At))
	e.bool(r.Staged.Object)
	return append(e.b, r.Frames...)
}

// decodeRun returns an entry with a copy of its frames.
func decodeRun(value []byte) (stream.Entry, error) {
	r, frames, err := decodeRunHead(value)
	if len(frames) > 0 {
		r.Frames = slices.Clone(frames)
	}
	return r, err
}

// decodeRunHead returns an entry without its frames, and the frames as a part of
// value.
func decodeRunHead(value []byte) (r stream.Entry, frames stream.Frames, err error) {
	d := newDecoder(value, "run")
	r = stream.Entry{
		From:   d.offset(),
		To:     d.offset(),
		Count:  d.int(),
		Size:   d.int(),
		Commit: stream.CommitID(d.uint()),
		Staged: stream.StagedID{
			Commit: stream.StagedCommit(d.uint()), Part: d.int(), At: int64(d.uint()), Object: d.uint() != 0,
		},
	}
	return r, d.b, d.err
}

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
	e := newEncoder(96 + len(m.Object) + len(m.Tail))
	e.uint(m.Segment)
	e.offset(m.From)
	e.offset(m.To)
	e.int(m.Count)
	e.string(m.Object)
	e.uint(uint64(m.Size))
	e.uint(uint64(m.CRC))
	e.int(len(m.Tail))
	return append(e.b, m.Tail...)
}

func decodeManifest(value []byte) (stream.Manifest, error) {
	d := newDecoder(value, "manifest")
	m := stream.Manifest{
		Segment: d.uint(),
		From:    d.offset(),
		To:      d.offset(),
		Count:   d.int(),
		Object:  d.string(),
		Size:    int64(d.uint()),
		CRC:     uint32(d.uint()),
	}
	if tail := d.bytes(d.uint()); len(tail) > 0 {
		m.Tail = slices.Clone(tail)
	}
	return m, d.err
}

func encodeLineage(l *stream.Lineage) []byte {
	const typical = 80 // of a range
	e := newEncoder(typical * (1 + len(l.Ranges)))
	e.life(l.Source)
	e.int(len(l.Ranges))
	for _, r := range l.Ranges {
		e.life(r.Life)
		e.offset(r.To)
	}
	return e.b
}

func decodeLineage(value []byte) (*stream.Lineage, error) {
	d := newDecoder(value, "lineage")
	l := &stream.Lineage{Source: d.life()}
	for range d.count() {
		l.Ranges = append(l.Ranges, stream.Inherited{Life: d.life(), To: d.offset()})
	}
	if d.err != nil {
		return nil, d.err
	}
	return l, nil
}

// decodeFork reads a fork that is noted from what follows the kind in its key, and from
// its value.
func decodeFork(rest, value []byte) (fork stream.Life, err error) {
	if len(rest) != incarnationSize {
		return fork, fmt.Errorf("%w: a fork's key ends in %d bytes", errCorrupt, len(rest))
	}
	copy(fork.Incarnation[:], rest)
	fork.Name, err = decodeText(value, "fork")
	return fork, err
}

func encodeWork(life stream.Life) []byte { return encodeText(life.Name) }

func decodeWork(key, value []byte) (life stream.Life, err error) {
	if len(key) != 1+len(life.Incarnation) {
		return life, fmt.Errorf("%w: work under a key of %d bytes", errCorrupt, len(key))
	}
	copy(life.Incarnation[:], key[1:])
	life.Name, err = decodeText(value, "work")
	return life, err
}

func encodeNotices(owed []stream.Notice) []byte {
	const typical = 48 // of a notice
	e := newEncoder(1 + typical*len(owed))
	e.int(len(owed))
	for _, n := range owed {
		e.b = append(e.b, n.Incarnation[:]...)
		e.bool(n.Over)
		e.string(n.ContentType)
		e.uint(uint64(n.CreatedAt))
	}
	return e.b
}

func decodeNotices(value []byte) ([]stream.Notice, error) {
	d := newDecoder(value, "notices")
	owed := make([]stream.Notice, d.count())
	for i := range owed {
		n := &owed[i]
		copy(n.Incarnation[:], d.bytes(uint64(incarnationSize)))
		n.Over, n.ContentType, n.CreatedAt = d.uint() != 0, d.string(), int64(d.uint())
	}
	return owed, d.err
}

// encodeText encodes the value of an item that is one string.
func encodeText(s string) []byte {
	e := newEncoder(8 + len(s))
	e.string(s)
	return e.b
}

func decodeText(value []byte, what string) (string, error) {
	d := newDecoder(value, what)
	return d.string(), d.err
}
