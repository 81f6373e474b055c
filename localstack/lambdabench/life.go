package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// life prints what a stream costs over its life, an append or a segment of it, by the
// size of its requests: the figures that the cost calculator works with
// (infra/cost/measured.go).
func life(ctx context.Context, r *report, o options) error {
	t := r.table("life", "The life of a stream, one message a request (two segments of each size, write units and read units of DynamoDB, requests to the bucket)", "bytes",
		column{"appends a segment", "", 0}, column{"append: WU", "", 3}, column{"puts", "", 2}, column{"hot read, an append: RU", "", 4}, column{"gets", "", 3},
		column{"compaction, an append: WU", "", 3}, column{"RU", "", 4}, column{"gets of compaction", "", 3},
		column{"a segment: puts", "", 2}, column{"gets of a segment", "", 2}, column{"cold read, a segment: RU", "", 2}, column{"gets of a cold read", "", 2})
	for text := range strings.SplitSeq(o.sizes, ",") {
		size, err := strconv.Atoi(text)
		if err != nil || size < 1 {
			return fmt.Errorf("-sizes: %q is no number of bytes", text)
		}
		l, err := lifeOf(ctx, newSite(o.limits, newNetwork(o), 0), size, 1)
		if err != nil {
			return err
		}
		a, g := float64(l.appends), float64(l.segments)
		t.row(text, a/g, l.appended.writes/a, l.appended.puts/a, l.hotRead.reads/a, l.hotRead.gets/a,
			l.compacted.writes/a, l.compacted.reads/a, l.compacted.gets/a, l.compacted.puts/g, l.compacted.gets/g, l.coldRead.reads/g, l.coldRead.gets/g)
	}
	t.end()
	return nil
}

// lifeCost is what the stages of a stream's life cost, and how long they take.
type lifeCost struct {
	messages, appends, segments            int
	appended, hotRead, compacted, coldRead cost
	// answered is when clients have the answers to appends, and free when the function
	// has ended; hot and cold are the pages of the reads.
	answered, free, hot, cold times
}

// lifeSegments is how many full segments are measured.
const lifeSegments = 2

// lifeOf measures a stream of [lifeSegments] segments, filled by requests of so many
// messages of a size: its appends with their flushes, a read of all of it, its
// compaction, and a read of all of it again.
func lifeOf(ctx context.Context, s *site, size, batch int) (l lifeCost, err error) {
	const name = "life"
	config := stream.Config{ContentType: "application/json"}
	if err := s.create(ctx, name, config.ContentType); err != nil {
		return l, err
	}
	p, err := s.process(stream.Poll{})
	if err != nil {
		return l, err
	}
	perSegment := min(s.limits.SegmentCount, (int(s.limits.SegmentSize)+size-1)/size)
	for l.messages/perSegment < lifeSegments {
		a := &stream.Append{ContentType: config.ContentType}
		for range batch {
			a.Records.Add(make([]byte, size))
		}
		answered, free, err := p.add(ctx, name, a)
		if err != nil {
			return l, err
		}
		l.answered, l.free = append(l.answered, answered), append(l.free, free)
		l.messages += batch
		l.appends++
	}
	last := &stream.Append{ContentType: config.ContentType, Close: true}
	if _, err := p.Append(p.counted(ctx), name, last); err != nil {
		return l, err
	}
	l.appended = p.spent()
	var hot, cold int
	if hot, l.hot, l.hotRead, err = s.readAll(ctx, name); err != nil {
		return l, err
	}
	compactor, err := s.process(stream.Poll{})
	if err != nil {
		return l, err
	}
	done, err := compactor.Compact(compactor.counted(ctx), name)
	if err != nil {
		return l, err
	}
	l.segments, l.compacted = done.Segments, compactor.spent()
	if cold, l.cold, l.coldRead, err = s.readAll(ctx, name); err != nil {
		return l, err
	}
	if hot != l.messages || cold != l.messages {
		return l, fmt.Errorf("%d messages appended, %d read hot, %d cold", l.messages, hot, cold)
	}
	return l, nil
}
