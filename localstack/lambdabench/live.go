package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/infra/cost/price"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// live prints how soon a live reader gets what another process appends, and what looking
// for it costs, by POLL_FAST and POLL_IDLE and by how often there is something. A reader
// that waits also occupies a function, or a part of a container: that is in the sentence.
func live(ctx context.Context, r *report, o options) error {
	t := r.table("live", fmt.Sprintf("A live reader of what another process appends at random times (from the answer to the append to the reader's page, about %d of them; a function of 128 MB that waits for the reader costs $%.4f an hour, one of 256 MB $%.4f)",
		samples, compute(128, time.Hour), compute(256, time.Hour)), "POLL_FAST, POLL_IDLE, appends",
		column{"delay p50", "ms", 0}, column{"p99", "ms", 0}, column{"reads an hour", "", 0}, column{"read units an hour", "", 0}, column{"dollars a reader-hour", "", 5})
	for _, poll := range []stream.Poll{
		{Fast: 20 * time.Millisecond, Idle: 200 * time.Millisecond},
		{Fast: 50 * time.Millisecond, Idle: 250 * time.Millisecond},
		{Fast: 50 * time.Millisecond, Idle: 500 * time.Millisecond},
		{Fast: 100 * time.Millisecond, Idle: 500 * time.Millisecond},
		{Fast: 100 * time.Millisecond, Idle: 2 * time.Second},
		{Fast: 250 * time.Millisecond, Idle: 5 * time.Second},
	} {
		for _, every := range []time.Duration{0, time.Minute, 10 * time.Second, time.Second, 100 * time.Millisecond} {
			name := fmt.Sprintf("%v, %v, one every %v", poll.Fast, poll.Idle, every)
			if every == 0 {
				name = fmt.Sprintf("%v, %v, none", poll.Fast, poll.Idle)
			}
			watched := max(2*time.Minute, samples*every)
			delays, c, err := followed(ctx, newSite(o.limits, newNetwork(o), 0), poll, every, watched, o.seed)
			if err != nil {
				return err
			}
			hours := watched.Hours()
			p50, p99 := math.NaN(), math.NaN()
			if every > 0 {
				p50, p99 = milliseconds(delays.at(50)), milliseconds(delays.at(99))
			}
			t.row(name, p50, p99, float64(c.requests)/hours, c.reads/hours, price.List().DynamoDB.Read.Of(c.reads/hours))
		}
	}
	t.end()
	return nil
}

// samples is about how many appends each row has.
const samples = 300

// followed follows a stream for a time, and returns how long after each append's answer
// its page was there, and what the reader asked for.
func followed(ctx context.Context, s *site, poll stream.Poll, every, watched time.Duration, seed uint64) (delays times, c cost, err error) {
	const name = "live"
	if err := s.create(ctx, name, contentType); err != nil {
		return nil, c, err
	}
	reader, err := s.process(poll)
	if err != nil {
		return nil, c, err
	}
	follower, _, err := reader.Follow(reader.counted(ctx), name, stream.Now())
	if err != nil {
		return nil, c, err
	}
	defer follower.Close()
	waiting, cancel := context.WithTimeout(reader.counted(ctx), watched)
	defer cancel()
	appended, failed := make(chan time.Time, 1000), make(chan error, 1)
	go func() { failed <- appendAtRandom(waiting, s, name, every, seed, appended) }()
	for {
		page, err := follower.Next(waiting)
		if err != nil {
			cancel()
			if err := <-failed; err != nil {
				return nil, c, err
			}
			if waiting.Err() == nil || !errors.Is(err, waiting.Err()) && !errors.Is(err, stream.ErrUnavailable) {
				return nil, c, err
			}
			return delays, reader.spent(), nil
		}
		for range page.Count {
			// A reader that meets the write itself may be there before its answer.
			delays = append(delays, max(0, time.Since(<-appended)))
		}
	}
}

// recordSize is that of each append to a stream that is followed.
const recordSize = 100

// appendAtRandom appends until the context ends, at times of a Poisson process, and tells
// when each append is answered.
func appendAtRandom(ctx context.Context, s *site, name string, every time.Duration, seed uint64, appended chan<- time.Time) error {
	if every == 0 {
		return nil
	}
	p, err := s.process(stream.Poll{})
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(seed, 1))
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(random.ExpFloat64() * float64(every))):
		}
		done, err := p.Append(context.WithoutCancel(ctx), name, text(recordSize))
		if err != nil {
			return err
		}
		appended <- time.Now()
		if done.FlushDue() {
			if err := p.Flush(context.WithoutCancel(ctx), name, done); err != nil {
				return err
			}
		}
	}
}
