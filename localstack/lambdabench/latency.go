package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/meter"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// rounds is how often each operation is timed.
const rounds = 200

// latency prints how long appends and reads take, in round trips: the time of one
// bare conditional update of an item of about the same size, by the same SDK.
func latency(ctx context.Context, w io.Writer, s *site, roundTrip time.Duration) error {
	if err := s.create(ctx, "latency"); err != nil {
		return err
	}
	warm, m, err := s.process(stream.Options{}, roundTrip)
	if err != nil {
		return err
	}
	unit, err := timed(func() (func() error, error) {
		return func() error { return bareUpdate(ctx, m, s.table) }, nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Times in round trips of %.2f ms (%v injected, the rest is the stand-in's)\n\n| | p50 | p99 |\n|---|---|---|\n",
		milliseconds(unit.p50), roundTrip)

	post := func(log *stream.Log, size int, p *stream.ProducerTag) func() error {
		return func() error {
			a := text(size)
			a.Producer = p
			_, err := log.Append(ctx, "latency", a)
			return err
		}
	}
	cold := func(do func(*stream.Log) func() error) func() (func() error, error) {
		return func() (func() error, error) {
			log, _, err := s.process(stream.Options{}, roundTrip)
			return do(log), err
		}
	}
	always := func(do func() error) func() (func() error, error) {
		return func() (func() error, error) { return do, nil }
	}
	read := func(log *stream.Log) func() error {
		return func() error {
			_, err := log.Read(ctx, "latency", stream.Start())
			return err
		}
	}
	seq := uint64(0)
	producer := func() *stream.ProducerTag {
		seq++
		return &stream.ProducerTag{ID: "p", Producer: stream.Producer{Seq: seq - 1}}
	}
	for _, row := range []struct {
		name string
		do   func() (func() error, error)
	}{
		{"append of 100 bytes, warm", always(post(warm, 100, nil))},
		{"append of 100 bytes, a new process each time", cold(func(log *stream.Log) func() error { return post(log, 100, nil) })},
		{"the same, with a producer", cold(func(log *stream.Log) func() error { return post(log, 100, producer()) })},
		{"linked append of 4 KB, a new process each time", cold(func(log *stream.Log) func() error { return post(log, 4000, nil) })},
		{"catch-up from the start, warm", always(read(warm))},
		{"catch-up from the start, a new process each time", cold(read)},
	} {
		t, err := timed(func() (func() error, error) {
			// Flushes happen after the answer; here, between two measurements.
			if err := warm.Flush(ctx, "latency", stream.Appended{}); err != nil {
				return nil, err
			}
			return row.do()
		})
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		fmt.Fprintf(w, "| %s | %.2f | %.2f |\n", row.name, ratio(t.p50, unit.p50), ratio(t.p99, unit.p50))
	}
	fmt.Fprintln(w)
	return nil
}

// bareUpdate is what an append cannot do without: one conditional update.
func bareUpdate(ctx context.Context, m *meter.Client, table string) error {
	_, err := m.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:           &table,
		Key:                 map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "bare"}, "sk": &types.AttributeValueMemberS{Value: "bare"}},
		UpdateExpression:    aws.String("SET filler = :filler ADD n :one"),
		ConditionExpression: aws.String("attribute_not_exists(closed)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":filler": &types.AttributeValueMemberB{Value: make([]byte, 600)},
			":one":    &types.AttributeValueMemberN{Value: "1"},
		},
		ReturnValues: types.ReturnValueAllNew,
	})
	return err
}

// times are percentiles of what was timed.
type times struct{ p50, p99 time.Duration }

// timed prepares and times an operation many times.
func timed(prepare func() (func() error, error)) (times, error) {
	all := make([]time.Duration, rounds)
	for i := range all {
		do, err := prepare()
		if err != nil {
			return times{}, err
		}
		start := time.Now()
		if err := do(); err != nil {
			return times{}, err
		}
		all[i] = time.Since(start)
	}
	return percentiles(all), nil
}

func percentiles(all []time.Duration) times {
	slices.Sort(all)
	return times{all[len(all)/2], all[len(all)*99/100]}
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
