package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// life prints what a stream costs over its life, an append or a segment of it, by the
// size of its requests: the figures that the cost calculator works with
// (infra/cost/measured.go).
func life(ctx context.Context, w io.Writer, s *site, sizes string) error {
	fmt.Fprintln(w, "The life of a stream, one message a request (two segments of each size, write units and read units of DynamoDB, requests to the bucket)")
	fmt.Fprintln(w)
	fmt.Fprintln(w, "| bytes | appends a segment | append: WU | puts | hot read, an append: RU | gets | compaction, an append: WU | RU | gets | a segment: puts | gets | cold read, a segment: RU | gets |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for text := range strings.SplitSeq(sizes, ",") {
		size, err := strconv.Atoi(text)
		if err != nil || size < 1 {
			return fmt.Errorf("-sizes: %q is no number of bytes", text)
		}
		l, err := lifeOf(ctx, s, fmt.Sprintf("life/%d", size), size, 1)
		if err != nil {
			return err
		}
		a, g := float64(l.appends), float64(l.segments)
		fmt.Fprintf(w, "| %d | %.0f | %.3f | %.2f | %.4f | %.3f | %.3f | %.4f | %.3f | %.2f | %.2f | %.2f | %.2f |\n", size, a/g,
			l.appended.WriteUnits/a, float64(l.appended.puts)/a, l.hotRead.ReadUnits/a, float64(l.hotRead.gets)/a,
			l.compacted.WriteUnits/a, l.compacted.ReadUnits/a, float64(l.compacted.gets)/a,
			float64(l.compacted.puts)/g, float64(l.compacted.gets)/g, l.coldRead.ReadUnits/g, float64(l.coldRead.gets)/g)
	}
	fmt.Fprintln(w)
	return nil
}

// lifeCost is what the stages of a stream's life cost.
type lifeCost struct {
	messages, appends, segments            int
	appended, hotRead, compacted, coldRead coldCost
}

// lifeOf measures a stream of [coldSegments] segments, filled by requests of so many
// messages of a size: its appends with their flushes, a read of all of it, its
// compaction, and a read of all of it again.
func lifeOf(ctx context.Context, s *site, name string, size, batch int) (lifeCost, error) {
	var l lifeCost
	objects := &countedObjects{Objects: s.objects}
	log, m, err := s.process(stream.Options{Objects: objects}, 0)
	if err != nil {
		return l, err
	}
	m.Sizes = true
	// A reader is another process each time, and knows nothing.
	read := func() (int, coldCost, error) {
		reader, m, err := s.process(stream.Options{Objects: objects}, 0)
		if err != nil {
			return 0, coldCost{}, err
		}
		messages, err := readAll(ctx, reader, name)
		return messages, coldCost{Usage: m.Take(), gets: objects.gets.Swap(0), fetched: objects.fetched.Swap(0)}, err
	}
	take := func() coldCost {
		return coldCost{Usage: m.Take(), puts: objects.puts.Swap(0), gets: objects.gets.Swap(0), fetched: objects.fetched.Swap(0)}
	}
	config := stream.Config{ContentType: "application/json"}
	if _, _, err := log.Create(ctx, name, &stream.Create{Config: config}); err != nil {
		return l, err
	}
	take()
	for full := 0; full < coldSegments; {
		a := &stream.Append{ContentType: config.ContentType}
		for range batch {
			a.Records.Add(make([]byte, size))
		}
		if err := add(ctx, log, name, a); err != nil {
			return l, err
		}
		l.messages += batch
		l.appends++
		perSegment := min(s.limits.SegmentCount, (int(s.limits.SegmentSize)+size-1)/size)
		full = l.messages / perSegment
	}
	last := &stream.Append{ContentType: config.ContentType, Close: true}
	if _, err := log.Append(ctx, name, last); err != nil {
		return l, err
	}
	l.appended = take()
	var hot, cold int
	if hot, l.hotRead, err = read(); err != nil {
		return l, err
	}
	done, err := log.Compact(ctx, name)
	if err != nil {
		return l, err
	}
	l.segments, l.compacted = done.Segments, take()
	if cold, l.coldRead, err = read(); err != nil {
		return l, err
	}
	if hot != l.messages || cold != l.messages {
		return l, fmt.Errorf("%d messages appended, %d read hot, %d cold", l.messages, hot, cold)
	}
	return l, nil
}
