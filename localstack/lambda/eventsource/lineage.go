package eventsource

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// listShards lists all shards that the stream has.
func (m *Mapping) listShards(ctx context.Context) ([]types.Shard, error) {
	var shards []types.Shard
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &m.config.StreamARN}
	for {
		out, err := m.streams.DescribeStream(ctx, in)
		if err != nil {
			return nil, err
		}
		shards = append(shards, out.StreamDescription.Shards...)
		in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId
		if in.ExclusiveStartShardId == nil {
			return shards, nil
		}
	}
}

// start says which shard to read, and from where.
type start struct {
	shard string
	from  types.ShardIteratorType
}

// lineage decides when which shard is read: a child after its parent, because it
// has the later changes of the same items. It is for one goroutine.
//
// Whether a shard is closed is told by its iterator, which has no successor in the
// end. The EndingSequenceNumber is not asked: some stand-ins give one to shards
// that are open.
type lineage struct {
	first    types.ShardIteratorType
	begun    bool
	started  map[string]bool
	finished map[string]bool
}

func newLineage(first types.ShardIteratorType) *lineage {
	return &lineage{first: first, started: make(map[string]bool), finished: make(map[string]bool)}
}

// finish says that a shard has been read to its end.
func (l *lineage) finish(shard string) { l.finished[shard] = true }

// ready returns the shards, of those that exist now, whose time has come. Each is
// returned once.
func (l *lineage) ready(listed []types.Shard) []start {
	exists := make(map[string]bool, len(listed))
	parents := make(map[string]bool, len(listed))
	for _, s := range listed {
		exists[aws.ToString(s.ShardId)] = true
		parents[aws.ToString(s.ParentShardId)] = true
	}
	from := types.ShardIteratorTypeTrimHorizon
	if !l.begun && l.first == types.ShardIteratorTypeLatest {
		from = types.ShardIteratorTypeLatest
		// What has a child is closed: all in it came before now.
		for id := range exists {
			if parents[id] {
				l.started[id], l.finished[id] = true, true
			}
		}
	}
	l.begun = l.begun || len(listed) > 0
	var ready []start
	for _, s := range listed {
		id, parent := aws.ToString(s.ShardId), aws.ToString(s.ParentShardId)
		// A parent that is not listed has expired, with all that was in it.
		if l.started[id] || exists[parent] && !l.finished[parent] {
			continue
		}
		l.started[id] = true
		ready = append(ready, start{id, from})
	}
	l.forget(exists)
	return ready
}

// forget drops what is known of shards that have expired.
func (l *lineage) forget(exists map[string]bool) {
	for id := range l.finished {
		if !exists[id] {
			delete(l.finished, id)
			delete(l.started, id)
		}
	}
}
