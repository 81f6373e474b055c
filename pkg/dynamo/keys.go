package dynamo

import (
	"encoding/hex"
	"fmt"
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
)

func headKey(name string) item {
	return item{partitionKey: text(headPrefix + name), sortKey: text(headSort)}
}

// nameOf returns the stream that a head's partition is of.
func nameOf(partition string) (string, error) {
	name, ok := strings.CutPrefix(partition, headPrefix)
	if !ok {
		return "", corrupt("partition %q is not a head's", partition)
	}
	return name, nil
}

func dataPartition(inc stream.Incarnation) string { return dataPrefix + inc.String() }

func dataKey(inc stream.Incarnation, sort string) item {
	return item{partitionKey: text(dataPartition(inc)), sortKey: text(sort)}
}

func chunkSort(to stream.Offset) string { return chunkPrefix + to.String() }

func stagedSort(id stream.StagedID) string { return stagedPrefix + stagedName(id) }

func stagedName(id stream.StagedID) string {
	return fmt.Sprintf("%016x-%d", uint64(id.Commit), id.Part)
}

func producerSort(id string) string { return producerPrefix + id }

func segmentSort(n uint64) string { return fmt.Sprintf("%s%016d", segmentPrefix, n) }

// objectPrefix is what the keys of all objects of a life begin with.
func objectPrefix(inc stream.Incarnation) string { return inc.String() + "/" }

func stagedObject(inc stream.Incarnation, id stream.StagedID) string {
	return objectPrefix(inc) + "staged/" + stagedName(id)
}

// workShard spreads the index of owed work over partitions, by the life's first
// random digit: a partition takes a thousand writes a second, and an index that is
// written faster slows down its table.
func workShard(inc stream.Incarnation) string { return "work#" + hex.EncodeToString(inc[:1])[:1] }

// workShards lists them all.
func workShards() []string {
	shards := make([]string, 16)
	for i := range shards {
		shards[i] = fmt.Sprintf("work#%x", i)
	}
	return shards
}
