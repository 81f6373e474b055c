package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// rounds is how often each operation is timed; fewer for large ones.
const rounds, roundsOfLarge = 2000, 200

// latency prints how long requests wait for the stores, beside one conditional update of
// an item, which is the least that an append can be.
func latency(ctx context.Context, r *report, o options) error {
	s := newSite(o.limits, newNetwork(o), 0)
	t := r.table("latency", fmt.Sprintf("What requests wait for (%d of each, %d of the large ones; median of a call to the table %v, to the bucket %v; no time for the process itself)", rounds, roundsOfLarge, o.roundTrip, o.bucketTrip), "",
		column{"p50", "ms", 2}, column{"p99", "ms", 2}, column{"p50 in updates", "", 2}, column{"p99 in updates", "", 2},
		column{"requests", "", 2}, column{"write units", "", 2}, column{"read units", "", 2})
	var unit times
	bare, err := s.process(stream.Poll{})
	if err != nil {
		return err
	}
	for range rounds {
		start := time.Now()
		if err := bare.update(ctx); err != nil {
			return err
		}
		unit = append(unit, time.Since(start))
	}
	t.row("one conditional update of an item", milliseconds(unit.at(50)), milliseconds(unit.at(99)), 1, 1, 1, 1, 0)
	if err := s.create(ctx, "long", contentType); err != nil {
		return err
	}
	filler, err := s.process(stream.Poll{})
	if err != nil {
		return err
	}
	for range 500 {
		if _, _, err := filler.add(ctx, "long", text(100)); err != nil {
			return err
		}
	}
	for _, row := range requests() {
		if row.size > 0 {
			if err := s.create(ctx, row.name, contentType); err != nil {
				return err
			}
		}
		took, c, err := row.measure(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		n := float64(len(took))
		t.row(row.name, milliseconds(took.at(50)), milliseconds(took.at(99)), ratio(took.at(50), unit.at(50)), ratio(took.at(99), unit.at(99)),
			float64(c.requests)/n, c.writes/n, c.reads/n)
	}
	t.end()
	return nil
}

// request is one to be timed: an append of some size, or without a size a read. It is made
// by a process that knows the stream, or by a new one each time.
type request struct {
	name           string
	size           int
	cold, produced bool
	from           func() stream.Position
}

func requests() []request {
	return []request{
		{name: "append of 100 bytes, warm", size: 100},
		{name: "append of 100 bytes, a new process each time", size: 100, cold: true},
		{name: "the same with a producer", size: 100, cold: true, produced: true},
		{name: "append of 1,000 bytes, warm", size: 1000},
		{name: "append of 4 KB (linked), warm", size: 4000},
		{name: "append of 4 KB (linked), a new process each time", size: 4000, cold: true},
		{name: "append of 300 KB (an object), warm", size: 300_000},
		{name: "append of 300 KB (an object), a new process each time", size: 300_000, cold: true},
		{name: "read at the tail, a new process each time", cold: true, from: stream.Now},
		{name: "catch-up over 500 records, warm", from: stream.Start},
		{name: "catch-up over 500 records, a new process each time", cold: true, from: stream.Start},
	}
}

// measure makes the request again and again. What is due after an answer is done between
// two of them, and neither timed nor counted.
func (q request) measure(ctx context.Context, s *site) (took times, c cost, err error) {
	warm, err := s.process(stream.Poll{})
	if err != nil {
		return nil, c, err
	}
	p, times := warm, rounds
	if q.size > 64<<10 {
		times = roundsOfLarge
	}
	for n := range times {
		if q.cold {
			if p, err = s.process(stream.Poll{}); err != nil {
				return nil, c, err
			}
		}
		a := text(q.size)
		if q.produced {
			a.Producer = &stream.ProducerTag{ID: "p", Producer: stream.Producer{Seq: uint64(n)}}
		}
		before, start := p.spent(), time.Now()
		var done stream.Appended
		if q.size > 0 {
			done, err = p.Append(p.counted(ctx), q.name, a)
		} else {
			_, err = p.Read(p.counted(ctx), "long", q.from())
		}
		if err != nil {
			return nil, c, err
		}
		took = append(took, time.Since(start))
		c = c.and(p.spent().since(before))
		if done.FlushDue() {
			if err := warm.Flush(ctx, q.name, done); err != nil {
				return nil, c, err
			}
		}
	}
	return took, c, nil
}

// update is the least that a write of one item can be.
func (p *process) update(ctx context.Context) error {
	_, err := p.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 aws.String("bench"),
		Key:                       map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "bare"}, "sk": &types.AttributeValueMemberS{Value: "bare"}},
		UpdateExpression:          aws.String("SET n = if_not_exists(n, :zero) + :one"),
		ConditionExpression:       aws.String("attribute_not_exists(closed)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":zero": &types.AttributeValueMemberN{Value: "0"}, ":one": &types.AttributeValueMemberN{Value: "1"}},
	})
	return err
}
