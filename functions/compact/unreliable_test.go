package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// unreliable invokes a function as Lambda may: not at all, twice, or without telling what
// came of it.
type unreliable struct {
	function *function
	random   *rand.Rand
	mu       sync.Mutex // of random
	fails    atomic.Bool
}

var errInvocation = errors.New("simulated")

func (u *unreliable) draw() float64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.random.Float64()
}

// Invoke implements [eventsource.Invoker].
func (u *unreliable) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	what := u.draw()
	if u.fails.Load() || what < 0.03 {
		return nil, errInvocation
	}
	result, err := u.once(ctx, payload)
	switch {
	case err != nil:
		return nil, err
	case what < 0.08:
		return u.once(ctx, payload)
	case what < 0.11:
		return nil, errInvocation
	}
	return result, nil
}

func (u *unreliable) once(ctx context.Context, payload []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var e events.DynamoDBEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	response, err := u.function.handle(ctx, e)
	if err != nil {
		return nil, err
	}
	return json.Marshal(response)
}
