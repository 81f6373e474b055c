package dynamo

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// The table's keys, and the attributes of the index of owed work. Readable ones, so
// that a stream's items can be found in the console.
const (
	partitionKey = "pk"
	sortKey      = "sk"
	// workKey is the partition of the index, workDue its sort key (milliseconds).
	workKey = "wk"
	workDue = "wd"
	// removeAt is when DynamoDB may remove the item (seconds).
	removeAt = "ttl"
)

const (
	headPrefix     = "stream#"
	headSort       = "head"
	dataPrefix     = "data#"
	chunkPrefix    = "chunk#"
	stagedPrefix   = "staged#"
	producerPrefix = "producer#"
	segmentPrefix  = "segment#"
	lineageSort    = "lineage"
	forkPrefix     = "fork#"
	cursorPrefix   = "cursor#"
	cursorSort     = "cursor"
)

func headKey(name string) item {
	return item{partitionKey: text(headPrefix + name), sortKey: text(headSort)}
}

// NameOfHead returns the stream whose head has this key, or false if the key is not
// a head's. It is for readers of the table's change stream.
func NameOfHead(pk, sk string) (string, bool) {
	name, ok := strings.CutPrefix(pk, headPrefix)
	return name, ok && sk == headSort
}

// name returns the stream that a head is of.
func (f *fields) name() string {
	name, ok := NameOfHead(f.text(partitionKey), f.text(sortKey))
	if !ok {
		f.fail(partitionKey, "not a head's")
	}
	return name
}

// The partition of a life's data begins with what is random: names often begin alike.
func dataPartition(life stream.Life) string { return dataPrefix + lifeKey(life) }

// lifeKey names a life in keys.
func lifeKey(life stream.Life) string { return life.Incarnation.String() + "#" + life.Name }

// parseLife returns the life that a key names; if it names none, one with another key.
func parseLife(key string) stream.Life {
	digits, name, _ := strings.Cut(key, "#")
	inc, err := hex.DecodeString(digits)
	if err != nil || len(inc) != len(stream.Incarnation{}) {
		return stream.Life{}
	}
	return stream.Life{Name: name, Incarnation: stream.Incarnation(inc)}
}

// life returns the life that data is of.
func (f *fields) life() stream.Life {
	rest, _ := strings.CutPrefix(f.text(partitionKey), dataPrefix)
	life := parseLife(rest)
	if f.text(partitionKey) != dataPartition(life) {
		f.fail(partitionKey, "not of a life's data")
	}
	return life
}

func dataKey(life stream.Life, sort string) item {
	return item{partitionKey: text(dataPartition(life)), sortKey: text(sort)}
}

func chunkSort(to stream.Offset) string { return chunkPrefix + to.String() }

// chunkEnd returns the offset in a chunk's key.
func (f *fields) chunkEnd() stream.Offset {
	token, _ := strings.CutPrefix(f.text(sortKey), chunkPrefix)
	to, err := stream.ParseOffset(token)
	if err != nil {
		f.fail(sortKey, "not a chunk's")
	}
	return to
}

func stagedSort(id stream.StagedID) string {
	return fmt.Sprintf("%s%011d-%016x-%04d", stagedPrefix, id.At, uint64(id.Commit), id.Part)
}

// stagedID returns the id in the key of a staged item.
func (f *fields) stagedID() stream.StagedID {
	var id stream.StagedID
	rest, _ := strings.CutPrefix(f.text(sortKey), stagedPrefix)
	if parts := strings.Split(rest, "-"); len(parts) == 3 {
		// What cannot be parsed is zero, and makes another key.
		id.At, _ = strconv.ParseInt(parts[0], 10, 64)
		commit, _ := strconv.ParseUint(parts[1], 16, 64)
		id.Commit = stream.StagedCommit(commit)
		id.Part, _ = strconv.Atoi(parts[2])
	}
	if f.text(sortKey) != stagedSort(id) {
		f.fail(sortKey, "not a staged item's")
	}
	return id
}

func producerSort(id string) string { return producerPrefix + id }

func segmentSort(n uint64) string { return fmt.Sprintf("%s%016d", segmentPrefix, n) }

// segment returns the number in a manifest's key.
func (f *fields) segment() uint64 {
	digits, _ := strings.CutPrefix(f.text(sortKey), segmentPrefix)
	n, _ := strconv.ParseUint(digits, 10, 64)
	if f.text(sortKey) != segmentSort(n) {
		f.fail(sortKey, "not a manifest's")
	}
	return n
}

// The notes of a life's forks are in the order of their incarnations.
func forkSort(fork stream.Life) string { return forkPrefix + lifeKey(fork) }

// fork returns the fork that a note is of.
func (f *fields) fork() stream.Life {
	rest, _ := strings.CutPrefix(f.text(sortKey), forkPrefix)
	fork := parseLife(rest)
	if f.text(sortKey) != forkSort(fork) {
		f.fail(sortKey, "not a fork's")
	}
	return fork
}

// workShard spreads the index of owed work over partitions, by the life's first
// random digit: a partition takes a thousand writes a second, and an index that is
// written faster slows down its table.
func workShard(inc stream.Incarnation) string { return "work#" + hex.EncodeToString(inc[:1])[:1] }

// workShards lists them all.
func workShards() []string { return shards("work#") }

// shards lists the 16 partitions of an index that begin with a prefix.
func shards(prefix string) []string {
	all := make([]string, 16)
	for i := range all {
		all[i] = fmt.Sprintf("%s%x", prefix, i)
	}
	return all
}
