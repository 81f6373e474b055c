package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/meter"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// rounds is how often each operation is timed.
const rounds = 200

// latency prints how long appends and reads take, in round trips: in the median time
// of the calls to the store that the same operations make.
func latency(ctx context.Context, w io.Writer, s *site, roundTrip time.Duration) error {
	l := &latencies{site: s, roundTrip: roundTrip}
	warm, err := l.in(nil)
	if err != nil {
		return err
	}
	for _, name := range []string{"short", "linked", "long"} {
		if err := s.create(ctx, name); err != nil {
			return err
		}
	}
	for range 50 {
		if err := add(ctx, warm, "long", text(100)); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "Times in round trips (%v injected into each call, the rest is the stand-in's)\n\n| | round trip, ms | p50 | p99 |\n|---|---|---|---|\n", roundTrip)
	seq := uint64(0)
	produced := func() *stream.Append {
		a := text(100)
		a.Producer = &stream.ProducerTag{ID: "p", Producer: stream.Producer{Seq: seq}}
		seq++
		return a
	}
	for _, row := range []struct {
		name string
		do   func() (func() error, error)
	}{
		{"append of 100 bytes, warm", l.append(ctx, warm, "short", func() *stream.Append { return text(100) })},
		{"append of 100 bytes, a new process each time", l.append(ctx, nil, "short", func() *stream.Append { return text(100) })},
		{"the same, with a producer", l.append(ctx, nil, "short", produced)},
		{"linked append of 4 KB, warm", l.append(ctx, warm, "linked", func() *stream.Append { return text(4000) })},
		{"linked append of 4 KB, a new process each time", l.append(ctx, nil, "linked", func() *stream.Append { return text(4000) })},
		{"catch-up from the start, warm", l.read(ctx, warm, "long")},
		{"catch-up from the start, a new process each time", l.read(ctx, nil, "long")},
	} {
		l.forget()
		t, err := timed(row.do)
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		unit := l.call()
		fmt.Fprintf(w, "| %s | %.2f | %.2f | %.2f |\n", row.name, milliseconds(unit), ratio(t.p50, unit), ratio(t.p99, unit))
	}
	fmt.Fprintln(w)
	return nil
}

// latencies makes operations to be timed, in a given process, or with nil each time
// in a new one.
type latencies struct {
	*site
	roundTrip time.Duration

	mu    sync.Mutex
	calls []time.Duration
}

func (l *latencies) in(log *stream.Log) (*stream.Log, error) {
	if log != nil {
		return log, nil
	}
	log, m, err := l.process(stream.Options{}, l.roundTrip)
	if err == nil {
		m.Took = l.took
	}
	return log, err
}

func (l *latencies) took(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, d)
}

func (l *latencies) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = nil
}

// call is the median time of the calls since forget.
func (l *latencies) call() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return percentiles(l.calls).p50
}

func (l *latencies) append(ctx context.Context, log *stream.Log, name string, next func() *stream.Append) func() (func() error, error) {
	var last stream.Appended
	return func() (func() error, error) {
		// What is due after an answer happens here, between two measurements.
		if last.FlushDue() {
			janitor, err := l.in(nil)
			if err == nil {
				err = janitor.Flush(ctx, name, last)
			}
			if err != nil {
				return nil, err
			}
		}
		log, err := l.in(log)
		return func() (err error) {
			last, err = log.Append(ctx, name, next())
			return err
		}, err
	}
}

func (l *latencies) read(ctx context.Context, log *stream.Log, name string) func() (func() error, error) {
	return func() (func() error, error) {
		log, err := l.in(log)
		return func() error {
			_, err := log.Read(ctx, name, stream.Start())
			return err
		}, err
	}
}

// bareUpdate is the least that a write of one item can be.
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
