package simulation

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/registry"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// process is one of the processes that serve the store, or work for it in the background.
type process struct {
	world  *world
	number int
	log    *stream.Log
	// function says that it takes one request at a time, as a function on Lambda does.
	function bool
	// busy says that it has one.
	busy bool
	// died is closed when it dies.
	died chan struct{}

	mu sync.Mutex
	// calls counts the calls that are alike.
	calls map[uint64]uint64
	dead  bool
	// thaw is until when it is frozen.
	thaw time.Time
}

// maxProcesses bounds how many there are in the life of a world: their numbers have
// processBits.
const maxProcesses = 1<<processBits - 3

// start starts a process.
func (w *world) start(function bool) *process {
	n := w.started
	w.started++
	r := rand.New(rand.NewPCG(w.seed, uint64(1000+n)))
	p := &process{world: w, number: n, function: function, died: make(chan struct{}), calls: make(map[uint64]uint64)}
	skew := time.Duration(r.IntN(2*int(maxSkew/time.Millisecond)+1))*time.Millisecond - maxSkew
	limits := w.plan.limits
	if w.plan.differ && r.IntN(2) == 0 {
		limits = randomLimits(r)
	}
	if !function {
		// Waiting for one's turn is a race with those who lead a lane, within one instant.
		// Functions have no lanes.
		limits.EarlyWait = 0
	}
	var key [32]byte
	for i := range key {
		key[i] = byte(r.Uint64())
	}
	log, err := stream.New(driver{p}, stream.Options{
		Limits: limits, Objects: objects{p},
		Now:      func() time.Time { return time.Now().Add(skew) },
		Random:   &source{random: rand.NewChaCha8(key)},
		Poll:     stream.Poll{Fast: 50 * time.Millisecond, Idle: 500 * time.Millisecond},
		Ended:    func(name string) { w.tell(event{compact: true, name: name}) },
		Owing:    func(name string) { w.tell(event{name: name}) },
		Registry: stream.Registry{On: w.plan.registry},
		Record:   registry.Record,
	})
	if err != nil {
		panic(fmt.Sprintf("simulation: %v", err)) // the limits are ours
	}
	p.log = log
	w.processes = append(w.processes, p)
	return p
}

// source makes a source of randomness safe for concurrent use.
type source struct {
	mu     sync.Mutex
	random *rand.ChaCha8
}

func (s *source) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Read(b)
}

// die ends the process: where one of its goroutines makes a call, or gets the answer to
// one, it stops.
func (p *process) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.dead {
		p.dead = true
		close(p.died)
	}
}

// freeze stops the process as death does, but for some time.
func (p *process) freeze(r *rand.Rand) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := time.Duration(r.Int64N(int64(longestFreeze)) >> r.IntN(12))
	if thaw := time.Now().Add(d); thaw.After(p.thaw) {
		p.thaw = thaw
	}
}

// rests returns for how long the process is frozen, and whether it is dead.
func (p *process) rests() (left time.Duration, dead bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.thaw), p.dead
}

// available reports whether a client can get an answer of the process.
func (p *process) available() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.dead && !(p.function && (p.busy || time.Now().Before(p.thaw)))
}

// occupy says whether the process has a request.
func (p *process) occupy(busy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = busy
}
