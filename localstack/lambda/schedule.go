//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
)

// sweep is the function that finishes what was left undone.
const sweep = "sweep"

// scheduleFunction invokes a function again and again until it is stopped, the first
// time at once, with the event of an EventBridge rule. A run that takes longer than the
// time between two is not met by another one. One that fails is logged; the next one is
// its retry.
func scheduleFunction(function host.Config, every time.Duration, logger *slog.Logger) (stop func() error, err error) {
	f, err := host.New(function)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			_, err := f.Invoke(ctx, scheduleEvent(function, time.Now()))
			if err != nil && ctx.Err() == nil {
				logger.Error("a scheduled run failed", "function", function.Name, "error", err.Error(), "again in", every.String())
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() error {
		cancel()
		<-ended
		return f.Close()
	}, nil
}

// scheduleEvent is what EventBridge invokes a function with at a time.
func scheduleEvent(function host.Config, now time.Time) []byte {
	event, err := json.Marshal(lambdaevents.EventBridgeEvent{
		Version:    "0",
		ID:         host.NewRequestID(),
		DetailType: "Scheduled Event",
		Source:     "aws.events",
		AccountID:  host.Account,
		Time:       now.UTC().Truncate(time.Second),
		Region:     function.Region,
		Resources:  []string{fmt.Sprintf("arn:aws:events:%s:%s:rule/%s", function.Region, host.Account, function.Name)},
		Detail:     json.RawMessage("{}"),
	})
	if err != nil {
		panic("schedule: " + err.Error()) // strings and times can be encoded
	}
	return event
}
