package embedded

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Keys. Numbers are big-endian, so that they sort; an offset is its segment and
// its position, 8 bytes each, and a life its incarnation (16 bytes), the length of
// its name (2 bytes) and its name, so that what is found says whose it is.
//
//	"c" key                            cursor
//	"d" life "b" offset                buffer entry, by its To
//	"d" life "c" offset                chunk, by its To
//	"d" life "f" incarnation           that a fork of it has this incarnation
//	"d" life "l"                       lineage
//	"d" life "m" segment               manifest
//	"d" life "p" id                    spilled producer
//	"d" life "s" at commit part        staged item
//	"f"                                format version
//	"h" name                           head (without its buffer)
//	"l" name 0 0 incarnation segment   that there is a manifest
//	"n" name                           what it owes to its registry
//	"w" incarnation                    owed work
//
// The index is in the order of names: nothing in a name sorts before the zeros that
// end it, as each zero in it is followed by a 1.
const (
	kindBuffer   = 'b'
	kindChunk    = 'c'
	kindFork     = 'f'
	kindLineage  = 'l'
	kindManifest = 'm'
	kindProducer = 'p'
	kindStaged   = 's'
)

const (
	areaCursors = 'c'
	areaData    = 'd'
	areaFormat  = 'f'
	areaHeads   = 'h'
	areaIndex   = 'l'
	areaNotices = 'n'
	areaWorks   = 'w'
)

const (
	incarnationSize = len(stream.Incarnation{})
	offsetSize      = 16
	segmentSize     = 8
	stagedSize      = 8 + 8 + 4
)

// areaKey begins the keys of an area, or those of the ones whose next part begins
// with rest.
func areaKey(area byte, rest string) []byte {
	return append(append(make([]byte, 0, 1+len(rest)), area), rest...)
}

func headKey(name string) []byte { return areaKey(areaHeads, name) }

func noticesKey(name string) []byte { return areaKey(areaNotices, name) }

func cursorKey(key string) []byte { return areaKey(areaCursors, key) }

func workKey(inc stream.Incarnation) []byte { return append([]byte{areaWorks}, inc[:]...) }

// lifeKey begins the keys of a life's data.
func lifeKey(life stream.Life) []byte {
	const most = 1 + stagedSize + 1 // kind, the longest rest, and what after adds
	k := make([]byte, 0, 1+incarnationSize+2+len(life.Name)+most)
	k = append(append(k, areaData), life.Incarnation[:]...)
	k = binary.BigEndian.AppendUint16(k, uint16(len(life.Name)))
	return append(k, life.Name...)
}

func kindKey(life stream.Life, kind byte) []byte { return append(lifeKey(life), kind) }

func offsetKey(life stream.Life, kind byte, o stream.Offset) []byte {
	k := binary.BigEndian.AppendUint64(kindKey(life, kind), o.Segment)
	return binary.BigEndian.AppendUint64(k, o.Position)
}

func stagedKey(life stream.Life, id stream.StagedID) []byte {
	k := binary.BigEndian.AppendUint64(kindKey(life, kindStaged), uint64(id.At))
	k = binary.BigEndian.AppendUint64(k, uint64(id.Commit))
	return binary.BigEndian.AppendUint32(k, uint32(id.Part))
}

func producerKey(life stream.Life, id string) []byte {
	return append(kindKey(life, kindProducer), id...)
}

func manifestKey(life stream.Life, segment uint64) []byte {
	return binary.BigEndian.AppendUint64(kindKey(life, kindManifest), segment)
}

func lineageKey(life stream.Life) []byte { return kindKey(life, kindLineage) }

func forkKey(source stream.Life, fork stream.Incarnation) []byte {
	return append(kindKey(source, kindFork), fork[:]...)
}

// indexKey begins the keys that say which manifests a life has.
func indexKey(life stream.Life) []byte {
	k := append(indexArea(life.Name), endOfName...)
	return append(k, life.Incarnation[:]...)
}

const (
	endOfName  = "\x00\x00"
	zeroInName = "\x00\x01"
)

// indexArea begins the keys of the index whose names begin with prefix.
func indexArea(prefix string) []byte {
	return areaKey(areaIndex, strings.ReplaceAll(prefix, "\x00", zeroInName))
}

func segmentKey(life stream.Life, segment uint64) []byte {
	return binary.BigEndian.AppendUint64(indexKey(life), segment)
}

// parseSegment is the reverse of segmentKey.
func parseSegment(key []byte) (life stream.Life, segment uint64, err error) {
	name := len(key) - 1 - len(endOfName) - incarnationSize - segmentSize
	if name < 0 {
		return life, 0, fmt.Errorf("%w: index key of %d bytes", errCorrupt, len(key))
	}
	life.Name = strings.ReplaceAll(string(key[1:1+name]), zeroInName, "\x00")
	rest := key[1+name+len(endOfName):]
	copy(life.Incarnation[:], rest)
	return life, binary.BigEndian.Uint64(rest[incarnationSize:]), nil
}

// parseData takes the key of a life's data apart: rest is what follows the kind.
func parseData(key []byte) (life stream.Life, kind byte, rest []byte, err error) {
	const fixed = 1 + incarnationSize + 2
	if len(key) > fixed {
		copy(life.Incarnation[:], key[1:])
		name := int(binary.BigEndian.Uint16(key[fixed-2:]))
		if end := fixed + name; len(key) > end {
			life.Name = string(key[fixed:end])
			return life, key[end], key[end+1:], nil
		}
	}
	return life, 0, nil, fmt.Errorf("%w: data key %x", errCorrupt, key)
}

// parseStaged reads the id of a staged item from the rest of its key.
func parseStaged(rest []byte) (stream.StagedID, error) {
	if len(rest) != stagedSize {
		return stream.StagedID{}, fmt.Errorf("%w: a staged item's key ends in %d bytes", errCorrupt, len(rest))
	}
	return stream.StagedID{
		At:     int64(binary.BigEndian.Uint64(rest)),
		Commit: stream.StagedCommit(binary.BigEndian.Uint64(rest[8:])),
		Part:   int(binary.BigEndian.Uint32(rest[16:])),
	}, nil
}

// after returns the least key that sorts after k.
func after(k []byte) []byte { return append(k[:len(k):len(k)], 0) }

// end returns the least key that sorts after all keys that begin with k. The first
// byte of k is never 0xff: it is an area.
func end(k []byte) []byte {
	n := len(k)
	for k[n-1] == 0xff {
		n--
	}
	e := append([]byte(nil), k[:n]...)
	e[n-1]++
	return e
}
