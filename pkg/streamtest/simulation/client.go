package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// client does one thing after the other, over whatever process there is.
type client struct {
	world  *world
	number int
	random *rand.Rand
	// requests counts his requests, written his puts.
	requests, written int
	// turns are what his producers send next, by stream and producer.
	turns map[string]*stream.Producer
	// unsure are those of which a request was ever given up.
	unsure map[string]bool
	// last is what his producers sent last, to be sent again.
	last map[string]*put
	// known are offsets that he was told, by stream.
	known map[string][]stream.Offset
}

func (w *world) newClient(n int) *client {
	return &client{
		world: w, number: n, random: rand.New(rand.NewPCG(w.seed, uint64(n))),
		turns: make(map[string]*stream.Producer), unsure: make(map[string]bool), last: make(map[string]*put), known: make(map[string][]stream.Offset),
	}
}

// patience is how long a client waits for an answer.
const patience = 40 * time.Second

func (c *client) track() uint64 {
	return uint64(maxProcesses+1)<<(actorBits+aboutBits) | uint64(c.number)<<aboutBits
}

// pause takes the time that passes between two requests.
func (c *client) pause() {
	d := time.Duration(c.random.IntN(8)) * slot
	switch c.random.IntN(60) {
	case 0:
		d = time.Duration(c.random.IntN(10_000)) * time.Millisecond
	case 1:
		if c.world.plan.long {
			d = time.Duration(c.random.IntN(90)) * time.Minute
		}
	}
	sleep(d, c.track())
}

// work makes a number of requests.
func (c *client) work(requests int) {
	for range requests {
		c.pause()
		c.step()
	}
}

// ask has a process do something. What do returns is what the client makes of the answer,
// and what the process does after it. It reports whether the client gave up although the
// process lives: then it may happen at any time.
func (c *client) ask(do func(ctx context.Context, p *process) (learn, after func())) (givenUp bool) {
	p := c.world.pick(c.random)
	if p == nil {
		return false
	}
	p.occupy(true)
	c.requests++
	ctx, cancel := context.WithCancel(acting(c.world.ctx, actor(c.number), c.requests))
	answer := make(chan func(), 1)
	idle := make(chan struct{})
	c.world.requests.Go(func() {
		defer cancel()
		defer close(idle)
		learn, after := do(ctx, p)
		answer <- learn
		if after != nil {
			after()
		}
		p.occupy(false)
	})
	waiting := time.NewTimer(patience)
	defer waiting.Stop()
	select {
	case learn := <-answer:
		if _, dead := p.rests(); dead {
			return false
		}
		learn()
		if p.function {
			// The next request goes to another one, unless this is done.
			select {
			case <-idle:
			case <-p.died:
			case <-waiting.C:
			}
		}
		return false
	case <-p.died:
		return false
	case <-waiting.C:
		if c.random.IntN(2) == 0 {
			cancel()
		}
		return true
	}
}

func (c *client) name() string { return c.world.names[c.random.IntN(len(c.world.names))] }

func (c *client) step() {
	switch n := c.random.IntN(100); {
	case n < 50:
		c.append()
	case n < 60:
		c.create()
	case n < 64:
		c.delete()
	case n < 72:
		c.fork()
	case n < 86:
		c.read()
	case n < 94:
		c.follow()
	default:
		c.head()
	}
}

// attempts is how often a client tries what he may try again.
const attempts = 4

func (c *client) append() {
	name := c.name()
	contentType := contentTypeOf(name)
	if c.random.IntN(40) == 0 {
		contentType = "image/png"
	}
	a := &stream.Append{ContentType: contentType, Close: c.random.IntN(40) == 0}
	if c.random.IntN(10) == 0 {
		a.Seq = fmt.Sprintf("%06d", time.Now().UnixMilli()/100%1_000_000)
	}
	producer := ""
	if c.random.IntN(2) == 0 {
		producer = fmt.Sprintf("%s/%d.%d", name, c.number, c.random.IntN(2))
	}
	if producer != "" && c.last[producer] != nil && c.random.IntN(6) == 0 {
		c.send(c.last[producer], producer) // as if its answer had been lost
		return
	}
	count := 1 + c.random.IntN(3)
	if a.Close && c.random.IntN(2) == 0 {
		count = 0
	}
	c.written++
	p := c.world.begin(c.number, c.written, name, count, []int{0, 3, 10, 40, 90}[c.random.IntN(5)])
	a.Records, p.request = p.records, a
	if producer != "" {
		turn := c.turns[producer]
		if turn == nil {
			turn = &stream.Producer{}
			c.turns[producer] = turn
		}
		switch c.random.IntN(25) {
		case 0:
			turn.Epoch, turn.Seq = turn.Epoch+1, 0
		case 1:
			turn.Seq += uint64(1 + c.random.IntN(2))
		}
		a.Producer = &stream.ProducerTag{ID: producer[len(name)+1:], Producer: *turn}
		c.last[producer] = p
	}
	c.send(p, producer)
}

// send sends a put until its outcome is known, or nothing can be done.
func (c *client) send(p *put, producer string) {
	doubted := false
	for n := range attempts {
		if n > 0 {
			c.pause()
		}
		v := c.try(p)
		doubted = v != accepted && v != duplicate && (doubted || v == unknown)
		if producer != "" {
			c.turn(producer, p, v)
		}
		if v != failed && !(v == unknown && producer != "") && !(v == gap && c.random.IntN(2) == 0) {
			break
		}
	}
	if turn := c.turns[producer]; turn != nil && doubted {
		// What was given up may still come: it must not be taken for what is next.
		*turn = stream.Producer{Epoch: turn.Epoch + 1}
	}
}

// try sends a put once, and notes what came of it.
func (c *client) try(p *put) (v verdict) {
	from, before := time.Now(), p.answer
	first := before == unknown && p.end.IsZero()
	request := *p.request
	v = unknown
	givenUp := c.ask(func(ctx context.Context, by *process) (func(), func()) {
		r, err := by.log.Append(ctx, p.name, &request)
		learn := func() {
			v = verdictOf(err)
			if r.Duplicate {
				v = duplicate
			}
			c.learn(p, &request, r, v, err, from)
		}
		if !r.FlushDue() {
			return learn, nil
		}
		return learn, func() { _ = by.log.Flush(ctx, p.name, r) }
	})
	p.end, p.givenUp = time.Now(), p.givenUp || givenUp
	c.world.tracef("%s to %q, producer %+v: %s", p.id, p.name, request.Producer, v)
	switch {
	case v == accepted || v == duplicate:
		p.answer = v
	case before == accepted || before == duplicate:
	case v == unknown || !first && before == unknown:
		p.answer = unknown
	default:
		p.answer = failed
	}
	return v
}

// learn checks an answer.
func (c *client) learn(p *put, request *stream.Append, r stream.Appended, v verdict, err error, from time.Time) {
	now := time.Now()
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	switch v {
	case accepted:
		p.tail = r.Tail
		c.known[p.name] = append(c.known[p.name], r.Tail)
		return // where it is placed tells whether that was right
	case unknown, failed:
		return
	case gap:
		var e *stream.GapError
		errors.As(err, &e)
		p.expected = e.Expected
	}
	justified := c.world.truth.during(p.name, from, now, func(at version) bool {
		for _, e := range at.state.exists(from, now) {
			if e == v || e == accepted && at.state.judge(request) == v {
				return true
			}
		}
		return false
	})
	if !justified {
		c.world.violation("%s to %q with %+v was answered %q (%v), which it never was from %v to %v", p.id, p.name, request.Producer, v, err, from, now)
	}
}

// turn notes what a producer sends next.
func (c *client) turn(producer string, p *put, v verdict) {
	turn, sent := c.turns[producer], p.request.Producer
	switch v {
	case accepted, duplicate:
		if sent.Epoch == turn.Epoch && sent.Seq >= turn.Seq {
			turn.Seq = sent.Seq + 1
		}
	case gap:
		turn.Seq = p.expected
		if c.unsure[producer] && p.expected < sent.Seq {
			// It is another life, to which a request that was given up in an earlier one
			// may still come, from a process that was frozen.
			*turn = stream.Producer{Epoch: turn.Epoch + 1}
		}
	case unknown:
		c.unsure[producer] = true
	case epoch:
		turn.Seq = 0
	case fenced:
		*turn = stream.Producer{Epoch: turn.Epoch + 1}
	}
	if p.answer == failed {
		// Nothing came of it, so it may be sent with another number.
		c.world.renumber(p, *turn)
	}
}

// passing reports whether an error may be answered at any time.
func passing(err error) bool {
	return errors.Is(err, stream.ErrUnavailable) || errors.Is(err, stream.ErrUnsettled) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
