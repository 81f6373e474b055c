package embedded

import (
	"encoding/binary"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Keys. Numbers are big-endian, so that they sort; an offset is its segment and
// its position, 8 bytes each.
//
//	"f"                            format version
//	"h" name                       head (without its buffer)
//	"d" incarnation "b" offset     buffer entry, by its To
//	"d" incarnation "c" offset     chunk, by its To
//	"d" incarnation "m" segment    manifest
//	"d" incarnation "p" id         spilled producer
//	"d" incarnation "s" commit part  staged item
//	"w" incarnation                owed work
const (
	kindBuffer   = 'b'
	kindChunk    = 'c'
	kindManifest = 'm'
	kindProducer = 'p'
	kindStaged   = 's'
)

var (
	formatKey = []byte("f")
	workFrom  = []byte("w")
	workTo    = []byte("x")
)

const offsetSize = 16

func headKey(name string) []byte { return append([]byte{'h'}, name...) }

// lifeKey begins the keys of an incarnation's data.
func lifeKey(inc stream.Incarnation) []byte {
	return append(append(make([]byte, 0, 1+len(inc)+1+offsetSize+1), 'd'), inc[:]...)
}

func kindKey(inc stream.Incarnation, kind byte) []byte { return append(lifeKey(inc), kind) }

func offsetKey(inc stream.Incarnation, kind byte, o stream.Offset) []byte {
	return appendOffset(kindKey(inc, kind), o)
}

func appendOffset(b []byte, o stream.Offset) []byte {
	b = binary.BigEndian.AppendUint64(b, o.Segment)
	return binary.BigEndian.AppendUint64(b, o.Position)
}

func stagedKey(inc stream.Incarnation, id stream.StagedID) []byte {
	k := binary.BigEndian.AppendUint64(kindKey(inc, kindStaged), uint64(id.Commit))
	return binary.BigEndian.AppendUint32(k, uint32(id.Part))
}

func producerKey(inc stream.Incarnation, id string) []byte {
	return append(kindKey(inc, kindProducer), id...)
}

func manifestKey(inc stream.Incarnation, segment uint64) []byte {
	return binary.BigEndian.AppendUint64(kindKey(inc, kindManifest), segment)
}

func workKey(inc stream.Incarnation) []byte { return append([]byte{'w'}, inc[:]...) }

// after returns the least key that sorts after k.
func after(k []byte) []byte { return append(k[:len(k):len(k)], 0) }

// end returns the least key that sorts after all keys that begin with k. The
// last byte of k is never 0xff: it is a kind.
func end(k []byte) []byte {
	e := append([]byte(nil), k...)
	e[len(e)-1]++
	return e
}
