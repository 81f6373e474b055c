//go:build unix

// Package host stands in for AWS Lambda on a developer's machine: it runs a
// function's real bootstrap binary, of a custom runtime (provided.al2023), in as many
// processes as there are concurrent requests, and speaks the Lambda runtime API
// with each. The processes share nothing but what the function itself uses.
//
// As on Lambda, a process takes one invocation at a time; one is started when
// none is idle; it is frozen between invocations, and killed when an invocation
// takes longer than the function's timeout. HTTP in front of a function is package
// frontdoor's.
package host

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// Function is a function with its processes. All methods may be called
// concurrently.
type Function struct {
	config  Config
	output  *lockedWriter
	spawner *spawner
	// slots has an element for each invocation under way: those that the
	// concurrency limit counts.
	slots chan struct{}
	// closing is closed when Close begins.
	closing chan struct{}
	// alive counts the processes that have not ended.
	alive sync.WaitGroup

	mu     sync.Mutex
	closed bool
	// started numbers the processes.
	started   int
	processes map[*process]struct{}
	// idle is in the order in which they became so.
	idle  []*process
	stats Stats
}

// New makes a function ready for requests. It starts no process: the first
// request does. It fails if the configuration is wrong.
func New(c Config) (*Function, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Function{
		config:    c,
		output:    &lockedWriter{w: c.Output},
		spawner:   newSpawner(),
		slots:     make(chan struct{}, c.Concurrency),
		closing:   make(chan struct{}),
		processes: make(map[*process]struct{}),
	}, nil
}

// Invoke runs the function with an event and returns its result, of at most
// [MaxResponse] bytes. The error is a [*FunctionError] if the function failed;
// [ErrThrottled], [ErrRequestTooLarge] or [ErrClosed]; or the context's, which
// ends the wait and not the invocation. A cold start is waited for in any case.
func (f *Function) Invoke(ctx context.Context, payload []byte) (result []byte, functionError error) {
	response, err := f.invoke(ctx, payload, MaxResponse)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	stop := context.AfterFunc(ctx, func() { _ = response.Body.Close() })
	defer stop()
	result, err = io.ReadAll(response.Body)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return result, nil
}

// InvokeStream runs the function with an event and returns when it begins to
// answer. The errors are those of [Function.Invoke]; once the response has begun,
// its body returns them, and the context means nothing any more. The caller reads
// the body to its end or closes it.
func (f *Function) InvokeStream(ctx context.Context, payload []byte) (*Response, error) {
	return f.invoke(ctx, payload, MaxStream)
}

// maxAttempts is how many processes are tried if they end between two
// invocations, which is no error of the one that comes then.
const maxAttempts = 3

func (f *Function) invoke(ctx context.Context, payload []byte, limit int64) (*Response, error) {
	if len(payload) > MaxRequest {
		return nil, ErrRequestTooLarge
	}
	for attempt := 1; ; attempt++ {
		p, err := f.acquire(ctx)
		if err != nil {
			return nil, err
		}
		inv := newInvocation(payload, limit)
		p.dispatch(inv)
		select {
		case <-inv.begun:
		case <-ctx.Done():
			go inv.abandon()
			return nil, context.Cause(ctx)
		}
		switch {
		case inv.err == nil:
			return inv.response, nil
		case !errors.Is(inv.err, errUndelivered):
			inv.handOver()
			return nil, inv.err
		case attempt == maxAttempts:
			return nil, newFunctionError(TypeExit, "processes end before they take an invocation")
		}
	}
}

// acquire returns a process that is ready for one invocation, for which a slot
// is taken. [Function.release] gives it back.
func (f *Function) acquire(ctx context.Context) (*process, error) {
	if err := f.takeSlot(ctx); err != nil {
		return nil, err
	}
	p, isNew, err := f.choose()
	if err != nil {
		f.freeSlot()
		return nil, err
	}
	if !isNew {
		return p, nil
	}
	return p, p.start()
}

func (f *Function) takeSlot(ctx context.Context) error {
	select {
	case f.slots <- struct{}{}:
		return nil
	default:
	}
	if f.config.QueueWait > 0 {
		timer := time.NewTimer(f.config.QueueWait)
		defer timer.Stop()
		select {
		case f.slots <- struct{}{}:
			return nil
		case <-timer.C:
		case <-f.closing:
			return ErrClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	f.count(func(s *Stats) { s.Throttles++ })
	return ErrThrottled
}

func (f *Function) freeSlot() { <-f.slots }

// choose returns an idle process, or a new one that is still to be started.
func (f *Function) choose() (p *process, isNew bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, false, ErrClosed
	}
	f.stats.Invocations++
	if len(f.idle) > 0 && len(f.processes) >= f.config.Spread {
		return f.takeIdle(), false, nil
	}
	f.started++
	f.stats.ColdStarts++
	p = newProcess(f, f.started)
	f.processes[p] = struct{}{}
	f.alive.Add(1)
	return p, true, nil
}

// takeIdle removes one of the idle processes, of which there are some. They are in the
// order in which they became idle.
func (f *Function) takeIdle() *process {
	i := len(f.idle) - 1
	switch f.config.Reuse {
	case LeastRecent:
		i = max(0, len(f.idle)-max(1, f.config.Spread))
	case Random:
		i = f.config.Pick(len(f.idle))
	}
	p := f.idle[i]
	f.idle = append(f.idle[:i], f.idle[i+1:]...)
	p.hasSlot = true
	return p
}

// release takes a process back that asks for its next invocation. One that has
// had its share is ended; it keeps its slot until it is gone, so that there are
// never more processes than the limit on that account.
func (f *Function) release(p *process, requests int) {
	f.mu.Lock()
	worn := f.config.MaxRequests > 0 && requests >= f.config.MaxRequests
	if worn || f.closed || p.gone {
		f.mu.Unlock()
		if worn {
			go p.end()
		}
		return
	}
	p.freeze()
	f.idle = append(f.idle, p)
	p.hasSlot = false
	f.mu.Unlock()
	f.freeSlot()
}

// forget removes a process that has ended.
func (f *Function) forget(p *process) {
	f.mu.Lock()
	f.removeIdle(p)
	delete(f.processes, p)
	p.gone = true
	hadSlot := p.hasSlot
	f.mu.Unlock()
	if hadSlot {
		f.freeSlot()
	}
	f.alive.Done()
}

// retire ends a process if it is idle.
func (f *Function) retire(p *process) {
	f.mu.Lock()
	wasIdle := f.removeIdle(p)
	f.mu.Unlock()
	if wasIdle {
		p.end()
	}
}

func (f *Function) removeIdle(p *process) bool {
	for i, other := range f.idle {
		if other == p {
			f.idle = append(f.idle[:i], f.idle[i+1:]...)
			return true
		}
	}
	return false
}

// Close ends all processes and waits until they are gone, a second or two at
// most. Invocations under way fail with [ErrClosed]. It may be repeated.
func (f *Function) Close() error {
	f.mu.Lock()
	first := !f.closed
	f.closed = true
	all := make([]*process, 0, len(f.processes))
	for p := range f.processes {
		all = append(all, p)
	}
	f.mu.Unlock()
	if first {
		close(f.closing)
	}
	for _, p := range all {
		go p.end()
	}
	f.alive.Wait()
	if first {
		f.spawner.close()
	}
	return nil
}
