package simulation

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// Each call of a store takes effect at an instant that nothing else in the world
// happens at. Instants belong to tracks: a track is one of the 2^22 nanoseconds of a
// slot, and each process, actor in it, and request of that actor has its own. So the
// fake clock of the bubble is the scheduler: however the goroutines that are woken at
// one instant are run, they do not meet.
const (
	slot        = 1 << 22
	processBits = 6
	actorBits   = 5
	aboutBits   = 22 - processBits - actorBits
)

// actor is who makes a call: a client, a worker, or the poller of a stream.
type actor uint64

type requestKey struct{}

// request is what an actor is about: his nth request.
type request struct {
	actor
	n int
}

// acting returns a context in which calls are those of a request.
func acting(ctx context.Context, a actor, n int) context.Context {
	return context.WithValue(ctx, requestKey{}, request{a, n})
}

// sleep waits for about d: to the next instant of a track.
func sleep(d time.Duration, track uint64) {
	now := time.Now().UnixNano()
	at := (now+int64(d))&^(slot-1) | int64(track)
	for at <= now {
		at += slot
	}
	time.Sleep(time.Duration(at - now))
}

// errLost is the error of a call that came to nothing, or whose answer did not arrive.
var errLost = errors.New("simulation: connection lost")

// call is a request of a process to a store. What becomes of it follows from the seed of
// the world and from what it is about, and not from when it is made.
type call struct {
	process *process
	method  streamtest.Method
	what    string
	track   uint64
	random  *rand.Rand
	// late says that its caller has given up, or has the answer to another delivery.
	late bool
}

// begin prepares a call about something.
func (p *process) begin(ctx context.Context, m streamtest.Method, about ...any) *call {
	who, known := ctx.Value(requestKey{}).(request)
	what := fmt.Sprint(about...)
	if !known {
		who.actor = p.world.poller(what)
	}
	h := fnv.New64a()
	fmt.Fprint(h, p.number, who, m, what)
	id := h.Sum64()
	p.mu.Lock()
	p.calls[id]++
	n := p.calls[id]
	p.mu.Unlock()
	track := uint64(p.number)<<(actorBits+aboutBits) | uint64(who.actor)<<aboutBits | id%(1<<aboutBits)
	return &call{process: p, method: m, what: what, track: track, random: rand.New(rand.NewPCG(p.world.seed^id, n))}
}

// chance reports whether something happens that does so with a probability, unless the
// world is calm.
func (c *call) chance(share float64) bool {
	return c.random.Float64() < share && !c.process.world.calm.Load()
}

// travel takes the time that a request or an answer takes.
func (c *call) travel() {
	d := time.Duration(c.random.IntN(3)) * slot
	switch {
	case c.chance(0.02):
		d += time.Duration(c.random.IntN(1000)) * time.Millisecond
	case c.chance(0.003):
		d += time.Duration(c.random.IntN(20_000)) * time.Millisecond
	}
	sleep(d, c.track)
}

// do passes the call on to a store, where do is what it does, unless it fails.
func (c *call) do(ctx context.Context, kinds []streamtest.Kind, do func(*call) error) error {
	p, w := c.process, c.process.world
	kind := streamtest.None
	if c.chance(w.plan.faults) {
		kind = kinds[c.random.IntN(len(kinds))]
	}
	// Only from here on is this the only thing that happens.
	c.travel()
	if c.chance(w.plan.deaths / 2) {
		p.die()
	}
	if c.chance(w.plan.freezes) {
		p.freeze(c.random)
	}
	if !c.awake() {
		return stream.ErrRejected // the world is over
	}
	if ctx.Err() != nil {
		kind = streamtest.Lost
	}
	err := c.arrive(ctx, kind, do)
	w.note(c, kind, err)
	if c.chance(w.plan.deaths / 2) {
		p.die()
	}
	c.travel()
	if !c.awake() {
		return stream.ErrRejected
	}
	return err
}

// awake returns once the process of the call runs, or with false when the world is over
// before.
func (c *call) awake() bool {
	for {
		left, dead := c.process.rests()
		switch {
		case dead:
			<-c.process.world.over
			return false
		case left <= 0:
			return true
		}
		// Not all that sleep there wake at one instant.
		sleep(left, c.track)
	}
}

// arrive is the instant at which the call takes effect.
func (c *call) arrive(ctx context.Context, kind streamtest.Kind, do func(*call) error) error {
	unknown := fmt.Errorf("%w: %s %s: %v", errLost, c.method, c.what, kind)
	switch kind {
	case streamtest.NotApplied:
		return fmt.Errorf("%w: %s", stream.ErrNotApplied, c.method)
	case streamtest.Rejected:
		return fmt.Errorf("%w: %s", stream.ErrRejected, c.method)
	case streamtest.Lost:
		return unknown
	case streamtest.Applied:
		_ = do(c)
		return unknown
	case streamtest.Late:
		c.later(ctx, do)
		return unknown
	default:
		return do(c)
	}
}

// lateness is how long after the deadline of its context a call can still take effect
// ([stream.Driver]).
const lateness = time.Minute

// repeated is the share of writes that are answered and arrive once more later.
const repeated = 0.02

// later lets the call take effect some time after its caller has given up, or got the answer.
func (c *call) later(ctx context.Context, do func(*call) error) {
	most := lateness
	if deadline, ok := ctx.Deadline(); ok {
		most += time.Until(deadline)
	}
	if most <= 0 {
		return // its process was frozen
	}
	// Often soon: then there is the most to meet.
	d := time.Duration(c.random.Int64N(int64(most)) >> c.random.IntN(12))
	// The caller goes on meanwhile, so the late call has chances of its own.
	late := *c
	late.late, late.random = true, rand.New(rand.NewPCG(c.random.Uint64(), 1))
	c.process.world.late.Go(func() {
		sleep(d, late.track^1)
		err := do(&late)
		late.process.world.note(&late, streamtest.Late, err)
	})
}

var (
	readKinds = []streamtest.Kind{streamtest.Lost, streamtest.Lost, streamtest.Lost, streamtest.Rejected}
	// Most of these are such that nobody knows what happened.
	writeKinds = []streamtest.Kind{
		streamtest.NotApplied, streamtest.NotApplied, streamtest.Rejected,
		streamtest.Lost, streamtest.Applied, streamtest.Applied, streamtest.Late, streamtest.Late,
	}
)

// write makes a call that changes something, with a result that is only for a caller who
// learns of it.
func write[T any](ctx context.Context, p *process, m streamtest.Method, do func(ctx context.Context, c *call) (T, error), about ...any) (T, error) {
	c := p.begin(ctx, m, about...)
	outliving := context.WithoutCancel(ctx)
	result := new(T)
	apply := func(c *call) error {
		p.world.mu.Lock()
		defer p.world.mu.Unlock()
		got, err := do(outliving, c)
		if p.world.truth.observe(); err == nil && !c.late {
			*result = got
		}
		return err
	}
	if err := c.do(ctx, writeKinds, apply); err != nil {
		return *new(T), err
	}
	if c.chance(repeated) {
		c.later(ctx, apply)
	}
	return *result, nil
}

// change is a write without a result.
func change(ctx context.Context, p *process, m streamtest.Method, do func(ctx context.Context) error, about ...any) error {
	_, err := write(ctx, p, m, func(ctx context.Context, _ *call) (struct{}, error) { return struct{}{}, do(ctx) }, about...)
	return err
}

// read makes a call that changes nothing.
func read[T any](ctx context.Context, p *process, m streamtest.Method, do func(ctx context.Context, c *call) (T, error), about ...any) (T, error) {
	c := p.begin(ctx, m, about...)
	var result T
	err := c.do(ctx, readKinds, func(c *call) (err error) {
		p.world.mu.Lock()
		defer p.world.mu.Unlock()
		result, err = do(ctx, c)
		return err
	})
	if err != nil {
		return *new(T), err
	}
	return result, nil
}
